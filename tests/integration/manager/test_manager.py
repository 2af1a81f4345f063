"""Starting and stopping a whole manager."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.simulated_manager import running_host, running_manager, succeeded

from skerry.errors import Unavailable
from skerry.link.local import LocalLink
from skerry.manager.access import SYSTEM
from skerry.manager.manager import Manager
from skerry.manager.settings import ManagerSettings
from skerry.manager.types import NewVm


async def test_a_manager_that_cannot_open_its_tasks_says_so_and_lets_go_of_everything(tmp_path: Path) -> None:
    settings = ManagerSettings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    (settings.data_dir / "tasks.db").write_text("this is no database, and long enough to be seen as none " * 20)

    with pytest.raises(Unavailable, match="database of tasks"):
        await Manager(settings, LocalLink()).start()

    (settings.data_dir / "tasks.db").unlink()
    async with running_host(tmp_path / "host") as host, running_manager(settings, host) as manager:
        await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web1", start=False)))


async def test_a_manager_without_hosts_starts_and_stops_twice(tmp_path: Path) -> None:
    for _ in range(2):
        manager = Manager(ManagerSettings(data_dir=tmp_path), LocalLink())
        await manager.start()
        assert (await manager.hosts.list(SYSTEM)).items == ()
        await manager.stop()
        await manager.stop()


async def test_a_data_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable, match="data folder"):
        Manager(ManagerSettings(data_dir=tmp_path / "file" / "data"), LocalLink())


async def test_nobody_goes_on_waiting_for_a_machine_that_is_gone(manager: Manager, web1: str) -> None:
    await succeeded(manager, await manager.machines.delete(SYSTEM, web1))

    assert not manager._inventory._news
