"""Reading and writing the manager's tables.

One writer at a time: SQLite knows no more, and on PostgreSQL each writing transaction locks the row of `cloud`
first. So facts are numbered without gaps in the order in which they become visible, nothing deadlocks, and tasks
are numbered in the order in which they were accepted. Readers never wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from skerry.errors import BadSettings, NoSpace, Unavailable
from skerry.manager.store.columns import now
from skerry.manager.store.notices import CHANNEL
from skerry.manager.store.tables import cloud, facts
from skerry.manager.types import ObjectRef
from skerry.values import Frozen

_SQLITE_FULL = 13
_POSTGRESQL_FULL = ("53100", "53200")
_BUSY_MS = 30_000


class DatabaseFull(NoSpace):
    """The disk of the database is full: nothing can be changed until there is room."""


class DatabaseAway(Unavailable):
    """The database does not answer."""


@dataclass(frozen=True)
class _News:
    """A fact that will be numbered when its transaction ends."""

    kind: str
    about: ObjectRef
    pool_id: UUID | None
    user: str | None
    summary: str
    data: str | None


class Writing:
    """A transaction that changes things, and the facts that it will leave behind."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.news: list[_News] = []

    async def execute(
        self, statement: sa.Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> sa.CursorResult[Any]:
        """Run a statement."""
        return await self._connection.execute(statement, values)

    def tell(
        self,
        kind: str,
        about: ObjectRef,
        summary: str,
        *,
        pool_id: UUID | None = None,
        user: str | None = None,
        data: Frozen | None = None,
    ) -> None:
        """Note a fact; it gets its number when the transaction ends well."""
        text = None if data is None else data.model_dump_json()
        self.news.append(_News(kind, about, pool_id, user, summary, text))


class Database:
    """The manager's own database."""

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._readers = _engine(self.url, connections=4, begin="BEGIN")
        self._writer = (
            _engine(self.url, connections=1, begin="BEGIN IMMEDIATE") if self.is_sqlite else self._readers
        )
        self._turn = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []

    def on_facts(self, listener: Callable[[], None]) -> None:
        """Call this after each transaction that left facts behind."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only looks, and sees one moment."""
        with translated_errors():
            async with self._readers.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Writing]:
        """The transaction that may change things now.

        Raises:
            DatabaseFull: there is no room; nothing was changed.
            DatabaseAway: the database does not answer; nothing was changed.
        """
        async with self._turn:
            with translated_errors():
                async with self._writer.begin() as connection:
                    if not self.is_sqlite:
                        await connection.execute(sa.select(cloud.c.id).with_for_update())
                    writing = Writing(connection)
                    yield writing
                    if writing.news:
                        await _number(connection, writing.news)
                        if not self.is_sqlite:
                            await connection.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))
        if writing.news:
            for listener in self._listeners:
                listener()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[AsyncConnection]:
        """The writer's connection in a transaction, for the schema."""
        async with self._turn:
            with translated_errors():
                async with self._writer.begin() as connection:
                    yield connection

    async def close(self) -> None:
        """Let go of all connections; may be called twice."""
        await self._writer.dispose()
        await self._readers.dispose()


async def _number(connection: AsyncConnection, news: Sequence[_News]) -> None:
    statement = sa.update(cloud).values(last_fact=cloud.c.last_fact + len(news)).returning(cloud.c.last_fact)
    last = (await connection.execute(statement)).scalar_one()
    time = now()
    rows = [
        {
            "number": number,
            "at": time,
            "kind": one.kind,
            "object_kind": one.about.kind,
            "object_id": one.about.id,
            "object_name": one.about.name,
            "pool_id": one.pool_id,
            "user": one.user,
            "summary": one.summary,
            "data": one.data,
        }
        for number, one in enumerate(news, last - len(news) + 1)
    ]
    await connection.execute(sa.insert(facts), rows)


def _parsed(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        parsed = None
    backend = parsed.get_backend_name() if parsed else ""
    if parsed is None or backend not in {"sqlite", "postgresql"}:
        raise BadSettings(
            "the database's address is not one of postgresql:// or sqlite://",
            hint="such as postgresql://skerry@database.example/skerry; empty: SQLite in the data folder",
        )
    return parsed.set(drivername="sqlite+aiosqlite" if backend == "sqlite" else "postgresql+psycopg")


def _engine(url: URL, *, connections: int, begin: str) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=8, pool_pre_ping=True)
    engine = create_async_engine(url, pool_size=connections, max_overflow=0, pool_timeout=60)

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - of the driver
        connection.isolation_level = None  # transactions begin below, not where the driver guesses
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except sa.exc.DBAPIError as exc:
        if is_full(exc):
            raise DatabaseFull(
                "the disk of the manager's database is full: nothing can be changed",
                hint="make room on the disk of the data folder; the manager goes on by itself",
            ) from exc
        if isinstance(exc, sa.exc.OperationalError) or exc.connection_invalidated:
            raise DatabaseAway(
                f"the manager's database does not answer: {exc.orig}",
                hint="try again; the manager goes on by itself",
            ) from exc
        raise
    except sa.exc.TimeoutError as exc:
        raise DatabaseAway("the manager's database is too busy", hint="try again") from exc


def is_full(exc: sa.exc.DBAPIError) -> bool:
    """Whether the database had no room."""
    code = getattr(exc.orig, "sqlite_errorcode", None)
    if code is not None:
        return bool(code & 0xFF == _SQLITE_FULL)
    return getattr(exc.orig, "sqlstate", None) in _POSTGRESQL_FULL
