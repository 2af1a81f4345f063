"""Throwing away what is older than the settings say: tasks, facts, the audit trail, sessions, keys, tickets.

In small transactions, so that nobody waits for it. Tasks go from DBOS's tables first: what it does not know any
more is found again by our row, and not the other way round.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from skerry.errors import SkerryError
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database

_log = logging.getLogger(__name__)
_FIRST_S = 120.0  # after the start, when there is other work
_EVERY_S = 3600.0
_BATCH = 500
_KEYS_KEPT = timedelta(days=1)
_t = tables.tasks.c

Forget = Callable[[list[str]], Awaitable[None]]


class Retention:
    """Runs once an hour. `forget` deletes DBOS's records of tasks."""

    def __init__(
        self,
        database: Database,
        settings: ManagerSettings,
        *,
        forget: Forget,
        remove_uploads: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._settings = settings
        self._forget = forget
        self._remove_uploads = remove_uploads
        self._own: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in a while."""
        self._own = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """Stop; may be called twice."""
        if self._own is not None:
            self._own.cancel()
            await asyncio.wait([self._own])
            self._own = None

    async def _run(self) -> None:
        pause = _FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = _EVERY_S
            try:
                await self.clean()
            except (SkerryError, sa.exc.SQLAlchemyError) as exc:
                _log.warning("old entries cannot be thrown away now: %s", exc)

    async def clean(self) -> None:
        """Throw away all that is too old now."""
        time = now()
        await self._tasks(time - timedelta(days=self._settings.keep_tasks_days))
        facts, audit, keys = tables.facts.c, tables.audit.c, tables.idempotency.c
        idle = time - timedelta(minutes=self._settings.session_idle_minutes)
        sessions, tickets = tables.sessions.c, tables.console_tickets.c
        await self._rows(facts.number, facts.at < time - timedelta(days=self._settings.keep_facts_days))
        await self._rows(audit.id, audit.at < time - timedelta(days=self._settings.keep_audit_days))
        await self._rows(sessions.secret_hash, sa.or_(sessions.expires_at < time, sessions.used_at < idle))
        await self._rows(tickets.secret_hash, tickets.expires_at < time)
        await self._rows(keys.key, keys.created_at < time - _KEYS_KEPT)
        await self._remove_uploads()

    async def _tasks(self, before: datetime) -> None:
        old = sa.select(_t.id).where(_t.ended_at < before).order_by(_t.seq).limit(_BATCH)
        while True:
            async with self._database.read() as connection:
                ids = list((await connection.execute(old)).scalars())
            if not ids:
                return
            await self._forget([str(task_id) for task_id in ids])
            async with self._database.write() as writing:
                await writing.execute(sa.delete(tables.task_log).where(tables.task_log.c.task_id.in_(ids)))
                await writing.execute(sa.delete(tables.tasks).where(_t.id.in_(ids)))

    async def _rows(self, key: sa.Column[object], too_old: sa.ColumnElement[bool]) -> None:
        """Delete rows; `key` tells them apart well enough to take some of them at a time."""
        table = key.table
        some = sa.select(key).where(too_old).limit(_BATCH)
        while True:
            async with self._database.write() as writing:
                gone = await writing.execute(sa.delete(table).where(key.in_(some), too_old))
            if gone.rowcount < _BATCH:
                return
