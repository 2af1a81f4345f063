"""Managers that share a PostgreSQL take over the tasks of those that are dead, and never of a living one.

Each holds an advisory lock on a connection of its own, and writes now and then that it lives. One that has not
written for a while and whose lock can be had is dead: whoever gets its lock takes its tasks. A manager that
lost its lock without knowing, because it slept for long, finds its row gone; it gives up what it runs, and
begins anew.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta

import psycopg
import sqlalchemy as sa

from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database

_log = logging.getLogger(__name__)
BEAT_S = 5.0
DEAD_AFTER = timedelta(seconds=30)
_e = tables.executors.c
_t = tables.tasks.c


class Liveness:
    """This manager's sign of life, and its look at the others'."""

    def __init__(
        self,
        database: Database,
        executor: str,
        *,
        take_over: Callable[[str], Awaitable[None]],
        give_up: Callable[[], None],
    ) -> None:
        self._database = database
        self._executor = executor
        self._take_over = take_over
        self._give_up = give_up
        self._address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.AsyncConnection[tuple[object, ...]] | None = None
        self._lock = 0
        self._own: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Be alive from now on."""
        await self._begin_life()
        self._own = asyncio.create_task(self._live(), name="liveness")

    async def stop(self) -> None:
        """End in order: what is unfinished waits for this manager's next start, for a while."""
        if self._own is not None:
            self._own.cancel()
            await asyncio.wait([self._own])
            self._own = None
        await self._let_go()
        self._lock = 0

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self._beat()
                await self._bury_the_dead()
            except (psycopg.OperationalError, sa.exc.OperationalError) as exc:
                _log.warning("the database does not hear that this manager lives: %s", exc)
                await self._let_go()
                await self._again()

    async def _again(self) -> None:
        try:
            await self._begin_life()
        except (psycopg.OperationalError, sa.exc.OperationalError) as exc:
            _log.warning("the database does not answer: %s", exc)

    async def _begin_life(self) -> None:
        """Take a lock, and say which one it is; where our row of before is gone, somebody has our tasks."""
        connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
        self._connection = connection
        before, self._lock = self._lock, secrets.randbits(62)
        await connection.execute("SELECT pg_advisory_lock(%s)", (self._lock,))
        row = {"id": self._executor, "lock": self._lock, "seen_at": now()}
        async with self._database.write() as writing:
            old = await writing.execute(sa.delete(tables.executors).where(_e.id == self._executor))
            await writing.execute(sa.insert(tables.executors).values(row))
        if before and old.rowcount == 0:
            _log.warning("another manager took this one for dead: giving up what runs here")
            self._give_up()

    async def _let_go(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _beat(self) -> None:
        """Say that we live."""
        if self._connection is None:
            await self._begin_life()
            return
        await self._connection.execute("SELECT 1")  # the lock goes with the connection
        async with self._database.write() as writing:
            mine = sa.update(tables.executors).where(_e.id == self._executor, _e.lock == self._lock)
            beat = await writing.execute(mine.values(seen_at=now()))
        if beat.rowcount == 0:
            await self._let_go()
            await self._begin_life()

    async def _bury_the_dead(self) -> None:
        silent = sa.select(_e.id, _e.lock).where(_e.seen_at < now() - DEAD_AFTER, _e.id != self._executor)
        async with self._database.read() as connection:
            rows = (await connection.execute(silent)).all()
        for row in rows:
            if await self._has_lock(row.lock):
                await self._bury(row.id, row.lock)

    async def _has_lock(self, lock: int) -> bool:
        assert self._connection is not None
        found = await self._connection.execute("SELECT pg_try_advisory_lock(%s)", (lock,))
        row = await found.fetchone()
        return row is not None and bool(row[0])

    async def _bury(self, executor: str, lock: int) -> None:
        assert self._connection is not None
        _log.warning("the manager %s is dead: taking over its tasks", executor)
        async with self._database.write() as writing:
            theirs = sa.update(tables.tasks).where(_t.executor == executor, _t.ended_at.is_(None))
            await writing.execute(theirs.values(executor=self._executor))
            await writing.execute(sa.delete(tables.executors).where(_e.id == executor))
        await self._take_over(executor)
        await self._connection.execute("SELECT pg_advisory_unlock(%s)", (lock,))
