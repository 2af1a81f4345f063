"""The last known XML of each machine, kept for the day when its host is gone."""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import SkerryError
from skerry.host.operation import MachineRef
from skerry.host.operations import definition as definitions
from skerry.host.types import Definition
from skerry.link.port import Link
from skerry.manager.store import tables
from skerry.manager.store.database import Database

_log = logging.getLogger(__name__)
_DEADLINE_S = 20.0
_TOGETHER = 100  # each transaction waits for the disk; one for each of 5,000 machines holds up all else


class KnownDefinitions:
    """Asks hosts for the definitions that changed, one after the other, and keeps them, many at once."""

    def __init__(self, database: Database, link: Link) -> None:
        self._database = database
        self._link = link
        self._wanted: asyncio.Queue[tuple[str, UUID]] = asyncio.Queue()

    def want(self, host: str, machine_id: UUID) -> None:
        """Note that the definition of a machine is another than the one that is kept."""
        self._wanted.put_nowait((host, machine_id))

    async def follow(self) -> None:
        """Keep what is wanted, until cancelled; what fails is wanted again when the host lists its machines."""
        while True:
            found: dict[UUID, Definition] = {}
            while not found or (len(found) < _TOGETHER and not self._wanted.empty()):
                host, machine_id = await self._wanted.get()
                try:
                    found[machine_id] = await self._link.call(
                        host, definitions.show, MachineRef(uuid=machine_id), deadline_s=_DEADLINE_S
                    )
                except SkerryError as exc:
                    _log.info("the definition of %s cannot be kept now: %s", machine_id, exc)
            try:
                await self._keep(found)
            except SkerryError as exc:
                _log.info("%d definitions cannot be kept now: %s", len(found), exc)

    async def _keep(self, found: dict[UUID, Definition]) -> None:
        change = (
            sa.update(tables.machines)
            .where(tables.machines.c.id == sa.bindparam("its_id"))
            .values(definition=sa.bindparam("xml"), definition_etag=sa.bindparam("its_etag"))
        )
        rows = [{"its_id": machine_id, "xml": one.xml, "its_etag": one.etag} for machine_id, one in found.items()]
        async with self._database.write() as writing:
            await writing.execute(change, rows)
