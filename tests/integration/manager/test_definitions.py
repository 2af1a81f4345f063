"""The last known XML of each machine, which the manager keeps for the day when its host is gone."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from tests.fixtures.simulated_manager import running_manager, until

from skerry.host.memory_parts import definition
from skerry.host.simulated import simulated_host
from skerry.host.types import Consoles, Machine, MachineState
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.database import Database

_m = tables.machines.c
MANY = 250


def machine(number: int) -> Machine:
    bare = Machine(
        uuid=UUID(int=number + 1),
        name=f"vm-{number}",
        state=MachineState.STOPPED,
        vcpus=1,
        memory=1024**3,
        max_vcpus=1,
        max_memory=1024**3,
        consoles=Consoles(graphics=False, serial=True),
        etag="",
    )
    return bare.model_copy(update={"etag": definition(bare).etag})


async def kept(database: Database) -> int:
    """How many machines have the definition that their host told."""
    query = sa.select(_m.id, _m.definition, _m.definition_etag).where(_m.definition.is_not(None))
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    told = {one.uuid: definition(one) for one in map(machine, range(MANY))}
    assert all((row.definition, row.definition_etag) == (told[row.id].xml, told[row.id].etag) for row in rows)
    return len(rows)


async def test_each_machine_keeps_its_own_also_when_many_are_told_at_once(tmp_path: Path) -> None:
    host = simulated_host("harbour", folder=tmp_path, machines=[machine(number) for number in range(MANY)])
    settings = ManagerSettings(data_dir=tmp_path / "data")
    database = Database(settings.database_url)
    await host.start()
    try:
        async with running_manager(settings, host):
            await until(lambda: kept(database), lambda count: count == MANY)
            async with database.write() as writing:  # as a manager leaves it that is killed before
                await writing.execute(sa.update(tables.machines).values(definition=None, definition_etag=None))

        async with running_manager(settings, host):
            await until(lambda: kept(database), lambda count: count == MANY)
    finally:
        await database.close()
        await host.stop()
