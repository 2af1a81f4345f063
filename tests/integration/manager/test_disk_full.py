"""The disk of the databases is full: nothing is lost, and all goes on when there is room again."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import dbos
import pytest
import sqlalchemy as sa
from tests.fixtures.simulated_manager import in_state, running_manager, succeeded

from skerry.errors import NoSpace
from skerry.host.agent import Host
from skerry.manager.access import SYSTEM
from skerry.manager.machine_filter import MachineFilter
from skerry.manager.manager import Manager
from skerry.manager.settings import ManagerSettings
from skerry.manager.tasks import engine, run
from skerry.manager.types import NewVm, Task, VmAction, VmActionRequest, VmState

_MUCH = 2**30  # pages
START = VmActionRequest(action=VmAction.START)


class Disk:
    """Both databases on a disk that can be filled. SQLite does as if: it allocates no page above a limit."""

    def __init__(self, folder: Path) -> None:
        self._files = [folder / "skerry.db", folder / "tasks.db"]
        self._limits = dict.fromkeys((str(file) for file in self._files), _MUCH)

    def watch(self, target: Any) -> None:
        """Keep this engine's connections within the limit."""
        sa.event.listen(target, "checkout", self._checkout)

    def _checkout(self, connection: Any, _record: object, _proxy: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA database_list")
        (_, _, file) = cursor.fetchone()
        for _ in range(2):  # the first one only notices that the schema changed
            cursor.execute(f"PRAGMA max_page_count={self._limits[file]}")
            cursor.fetchone()
        cursor.close()

    def fill(self) -> None:
        """No room any more, not even inside of the files."""
        for file in self._files:
            # Each statement is a transaction that begins as a writer's: it waits for its turn, while a reader
            # that begins to write is refused at once.
            with contextlib.closing(sqlite3.connect(file, timeout=60, isolation_level="IMMEDIATE")) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("CREATE TABLE IF NOT EXISTS ballast (weight BLOB)")
                connection.commit()
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
                connection.execute(f"PRAGMA max_page_count={pages}")
                self._pour(connection)
                (pages,) = connection.execute("PRAGMA page_count").fetchone()
            self._limits[str(file)] = pages

    def _pour(self, connection: sqlite3.Connection) -> None:
        for size in (100_000, 1000, 10):
            try:
                while True:
                    connection.execute("INSERT INTO ballast VALUES (zeroblob(?))", (size,))
                    connection.commit()
            except sqlite3.OperationalError as exc:
                assert "full" in str(exc)  # noqa: PT017 - it must end like this
                connection.rollback()

    def make_room(self) -> None:
        """There is room again."""
        self._limits = dict.fromkeys(self._limits, _MUCH)


@pytest.fixture
async def manager(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Manager]:
    monkeypatch.setattr(engine, "_LOOK_AFTER_S", 0.2)
    monkeypatch.setattr(engine, "_RETRY_S", 0.05)
    monkeypatch.setattr(run, "_STORE_WAIT_S", 0.05)
    async with running_manager(ManagerSettings(data_dir=tmp_path / "data"), host) as manager:
        yield manager


@pytest.fixture
def disk(tmp_path: Path, manager: Manager) -> Disk:
    disk = Disk(tmp_path / "data")
    database = manager._database
    for target in (database._writer, database._readers):
        disk.watch(target.sync_engine)
    disk.watch(dbos._dbos._get_dbos_instance()._sys_db.engine)
    return disk


async def ask_until_refused(manager: Manager) -> list[Task]:
    """Ask for machines; a few rows may still fit into pages that are there."""
    taken: list[Task] = []

    async def ask() -> None:
        while len(taken) < 100:
            new = NewVm(name=f"more{len(taken)}", start=False)
            taken.append(await manager.machines.create(SYSTEM, new))

    with pytest.raises(NoSpace, match="disk of the manager's database is full"):
        await ask()
    return taken


async def test_what_cannot_be_kept_is_refused_and_the_rest_can_be_seen(manager: Manager, disk: Disk) -> None:
    await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web1", start=False)))
    await asyncio.to_thread(disk.fill)  # a transaction of the loop may have to end first

    taken = await ask_until_refused(manager)

    assert (await manager.machines.list(SYSTEM, MachineFilter())).total == 1 + len(taken)
    assert (await manager.machines.get(SYSTEM, "web1")).queued_tasks == 0
    disk.make_room()
    for task in taken:
        await succeeded(manager, task)
    await succeeded(manager, await manager.machines.act(SYSTEM, "web1", START))
    await in_state(manager, "web1", VmState.RUNNING)


@pytest.mark.parametrize("hold", ["define", "act"])
async def test_a_task_that_runs_into_it_waits_and_ends_well(
    manager: Manager, host: Host, disk: Disk, hold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go = asyncio.Event(), asyncio.Event()
    real: Callable[..., Any] = getattr(host.hypervisor, hold)

    async def slow(*args: object, **kwargs: object) -> object:
        began.set()
        await go.wait()
        return await real(*args, **kwargs)

    monkeypatch.setattr(host.hypervisor, hold, slow)
    task = await manager.machines.create(SYSTEM, NewVm(name="web1"))
    await began.wait()
    await asyncio.to_thread(disk.fill)  # a transaction of the loop may have to end first
    go.set()
    taken = await ask_until_refused(manager)
    assert (await manager.tasks.get(SYSTEM, task.id)).ended_at is None

    disk.make_room()

    await succeeded(manager, task)
    await in_state(manager, "web1", VmState.RUNNING)
    for one in taken:
        await succeeded(manager, one)
    assert len(await host.hypervisor.machines()) == 1 + len(taken)
