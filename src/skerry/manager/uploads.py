"""Bytes on their way from a person to a host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from skerry.errors import BadInput, Conflict, InUse, NoSpace, NotFound, TooLarge, Unavailable
from skerry.host.operation import ByteStream, Permission
from skerry.host.operations import uploads as on_host
from skerry.host.operations.storage_pools import show as show_pool
from skerry.host.operations.volumes import PoolRef
from skerry.link.port import Link, Presence
from skerry.manager.access import Caller
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.store.pages import Order, checked_limit, next_cursor
from skerry.manager.types import NewUpload, Page, Upload
from skerry.sizes import format_size

_u = tables.uploads.c


class Uploads:
    """Uploads can be continued where they broke off, also after a restart; they belong to who opened them."""

    def __init__(self, database: Database, link: Link, settings: ManagerSettings) -> None:
        self._database = database
        self._link = link
        self._settings = settings
        self._writing: set[UUID] = set()

    async def open(self, caller: Caller, new: NewUpload) -> Upload:
        """Make room for bytes that will be sent."""
        caller.require(Permission.STORAGE_MODIFY, None, "storage")
        if new.size > self._settings.upload_limit:
            limit = format_size(self._settings.upload_limit)
            raise TooLarge(
                f"{format_size(new.size)} is more than an upload may have: {limit}",
                hint="the setting upload_limit says how much",
            )
        host = _receiver(self._link.present())
        await self._check_room(host, new.size)
        row = {
            "id": uuid4(),
            "user": caller.user,
            "host": host,
            "size": new.size,
            "received": 0,
            "used_at": now(),
            "name": new.name,
        }
        insert = sa.insert(tables.uploads).values(row).returning(*tables.uploads.c)
        async with self._database.write() as writing:
            return self._upload((await writing.execute(insert)).one())

    async def _check_room(self, host: str, size: int) -> None:
        """Raises NoSpace where the upload would not fit beside what others were promised."""
        args = PoolRef(storage_pool=self._settings.storage_pool)
        pool = await self._link.call(host, show_pool, args)
        missing = sa.select(sa.func.coalesce(sa.func.sum(_u.size - _u.received), 0)).where(_u.host == host)
        async with self._database.read() as connection:
            promised = int((await connection.execute(missing)).scalar_one())
        if size > pool.available - promised:
            others = f", of which other uploads need {format_size(promised)}" if promised else ""
            raise NoSpace(
                f"there is no room for {format_size(size)}: the storage pool {pool.name} of {host} has "
                f"{format_size(pool.available)} left{others}",
                hint="delete what is not needed (skerry volume ls --unused, skerry upload ls); an import "
                "needs room for a copy as well",
            )

    async def list(self, caller: Caller, *, limit: int = 100, cursor: str | None = None) -> Page[Upload]:
        """One page of the unfinished uploads, the oldest first: one's own, and for administrators all."""
        caller.require(Permission.STORAGE_MODIFY, None, "storage")
        whose = _theirs(caller)
        query = sa.select(tables.uploads).where(whose).limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(Order(_u.used_at, _u.id).apply(query, cursor))).all()
            count = sa.select(sa.func.count()).select_from(tables.uploads).where(whose)
            total = (await connection.execute(count)).scalar_one()
        items = tuple(self._upload(row) for row in rows[:limit])
        return Page[Upload](items=items, next_cursor=next_cursor(rows, limit, "used_at", "id"), total=total)

    async def get(self, caller: Caller, upload_id: UUID) -> Upload:
        """How far it is."""
        return self._upload(await self._row(caller, upload_id))

    def _upload(self, row: sa.Row[Any]) -> Upload:
        return Upload(
            id=row.id,
            name=row.name,
            user=row.user,
            size=row.size,
            received=row.received,
            expires_at=row.used_at + timedelta(hours=self._settings.upload_hours),
        )

    async def host_of(self, caller: Caller, upload_id: UUID) -> str:
        """Where a complete upload lies.

        Raises:
            NotFound: there is no such upload of the caller.
            BadInput: a part is still missing.
        """
        row = await self._row(caller, upload_id)
        if row.received < row.size:
            raise BadInput(
                f"the upload is not complete: {row.received} of {row.size} bytes are there",
                hint="send the rest first",
            )
        return str(row.host)

    async def write(self, caller: Caller, upload_id: UUID, offset: int, chunks: AsyncIterator[bytes]) -> Upload:
        """Take bytes from `offset` on, which must be what was received so far (Conflict else)."""
        row = await self._row(caller, upload_id)
        if upload_id in self._writing:
            raise InUse("this upload is being sent by another connection", hint="wait for that one")
        if offset != row.received:
            raise Conflict(f"{row.received} bytes are there, not {offset}", hint=f"go on from byte {row.received}")
        self._writing.add(upload_id)
        received = offset
        try:
            args = on_host.OpenUpload(upload=str(upload_id), offset=offset)
            stream = await self._link.stream(row.host, on_host.open_upload, args)
            try:
                async for chunk in chunks:
                    if received + len(chunk) > row.size:
                        raise TooLarge(f"more than the {row.size} bytes that were announced")
                    await stream.write(chunk)
                    received += len(chunk)
            finally:  # what has come stays, also when the sender's connection broke
                await _settle(stream)
                await self._note(upload_id, received)
        finally:
            self._writing.discard(upload_id)
        return await self.get(caller, upload_id)

    async def delete(self, caller: Caller, upload_id: UUID) -> None:
        """Throw it away; harmless when it is gone."""
        try:
            row = await self._row(caller, upload_id)
        except NotFound:
            return
        if upload_id in self._writing:
            raise InUse("this upload is being sent", hint="end that first")
        await self._throw_away(row.host, row.id)

    async def remove_stale(self) -> None:
        """Throw away what nobody went on with for as long as the settings say; hosts that are away come later."""
        before = now() - timedelta(hours=self._settings.upload_hours)
        async with self._database.read() as connection:
            rows = (await connection.execute(sa.select(_u.host, _u.id).where(_u.used_at < before))).all()
        present = self._link.present()
        for row in rows:
            if row.id not in self._writing and row.host in present and present[row.host].online:
                await self._throw_away(row.host, row.id)

    async def _throw_away(self, host: str, upload_id: UUID) -> None:
        await self._link.call(host, on_host.delete, on_host.UploadRef(upload=str(upload_id)))
        async with self._database.write() as writing:
            await writing.execute(sa.delete(tables.uploads).where(_u.id == upload_id))

    async def _row(self, caller: Caller, upload_id: UUID) -> sa.Row[Any]:
        query = sa.select(tables.uploads).where(_u.id == upload_id, _theirs(caller))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(
                f"there is no upload {upload_id} of yours", hint="it may have been imported, or got too old"
            )
        return row

    async def _note(self, upload_id: UUID, received: int) -> None:
        change = sa.update(tables.uploads).where(_u.id == upload_id).values(received=received, used_at=now())
        async with self._database.write() as writing:
            await writing.execute(change)


def _theirs(caller: Caller) -> sa.ColumnElement[bool]:
    return sa.true() if caller.access.everything else _u.user == caller.user


def _receiver(present: Mapping[str, Presence]) -> str:
    """The host that takes an upload: the first that is there."""
    online = sorted(name for name, presence in present.items() if presence.online)
    if not online:
        raise Unavailable("no host is there to take an upload", hint="look at the hosts: skerry host ls")
    return online[0]


async def _settle(stream: ByteStream) -> None:
    """Have the host put on its disk what it got, and let go of the upload."""
    try:
        await stream.finish()
        await stream.read()
    finally:
        await stream.close()
