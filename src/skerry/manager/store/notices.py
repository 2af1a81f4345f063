"""Hearing of facts that other managers on the same PostgreSQL wrote."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import psycopg
import sqlalchemy as sa

_log = logging.getLogger(__name__)
CHANNEL = "skerry_facts"
_RETRY_S = 2.0


class Notices:
    """Calls `listener` whenever there may be new facts."""

    def __init__(self, url: sa.URL, listener: Callable[[], None]) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._listener = listener
        self._own: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._own = asyncio.create_task(self._run(), name="notices")

    async def stop(self) -> None:
        """Stop; may be called twice."""
        if self._own is not None:
            self._own.cancel()
            await asyncio.wait([self._own])
            self._own = None

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except psycopg.OperationalError as exc:
                _log.warning("the database's notices cannot be heard now: %s", exc)
            await asyncio.sleep(_RETRY_S)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            self._listener()  # what came before
            async for _ in connection.notifies():
                self._listener()
