"""Backup and restore of both databases, and what is refused."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from tests.fixtures.simulated_manager import running_manager, succeeded

from skerry.errors import BadInput, Conflict, NotFound, SkerryError
from skerry.host.agent import Host
from skerry.manager.access import SYSTEM
from skerry.manager.backup import back_up, restore
from skerry.manager.events import Hello
from skerry.manager.files import EXECUTOR, OLD, RESTORED, finish_restore
from skerry.manager.machine_filter import MachineFilter
from skerry.manager.manager import Manager
from skerry.manager.settings import ManagerSettings
from skerry.manager.tasks.service import TaskFilter
from skerry.manager.types import NewVm, VmActionRequest


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> ManagerSettings:
    url = "" if database_url.startswith("sqlite") else database_url
    return ManagerSettings(data_dir=tmp_path / "data", database=url)


async def epoch_of(manager: Manager) -> str:
    stream = manager.events.subscribe(SYSTEM)
    hello = await anext(stream)
    assert isinstance(hello, Hello)
    await stream.aclose()
    return hello.id.partition(":")[0]


async def test_what_was_saved_from_a_running_manager_comes_back_and_goes_on(
    settings: ManagerSettings, host: Host, tmp_path: Path
) -> None:
    file = tmp_path / "skerry.backup"
    async with running_manager(settings, host) as manager:
        task = await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web1", start=False)))
        await back_up(settings, file)
        old_epoch = await epoch_of(manager)
        await succeeded(manager, await manager.machines.delete(SYSTEM, "web1"))
    assert file.stat().st_mode & 0o777 == 0o600

    kept = await restore(settings, file)

    assert "before" in kept
    open_to_others = [file.name for file in settings.data_dir.glob("*.db*") if file.stat().st_mode & 0o077]
    assert open_to_others == []
    async with running_manager(settings, host) as manager:
        assert (await manager.tasks.get(SYSTEM, task.id)).state == "succeeded"
        assert [task.kind for task in (await manager.tasks.list(SYSTEM, TaskFilter())).items] == ["vm.create"]
        assert (await manager.machines.list(SYSTEM, MachineFilter())).total == 0  # the host knows better
        assert await epoch_of(manager) != old_epoch
        await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web2", start=False)))
        await succeeded(
            manager,
            await manager.machines.act(SYSTEM, "web2", VmActionRequest.model_validate({"action": "start"})),
        )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_database_that_is_used_is_not_replaced(
    settings: ManagerSettings, host: Host, tmp_path: Path
) -> None:
    file = tmp_path / "skerry.backup"
    async with running_manager(settings, host) as manager:
        await back_up(settings, file)
        with pytest.raises(Conflict, match="connections work on the database"):
            await restore(settings, file)
        await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web1", start=False)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_databases_that_others_may_read_are_closed_to_them_at_the_start(
    settings: ManagerSettings, host: Host
) -> None:
    async with running_manager(settings, host):
        pass
    for file in settings.data_dir.glob("*.db"):
        file.chmod(0o644)

    async with running_manager(settings, host):
        assert [file.name for file in settings.data_dir.glob("*.db*") if file.stat().st_mode & 0o077] == []


async def test_a_backup_never_replaces_a_file(settings: ManagerSettings, host: Host, tmp_path: Path) -> None:
    file = tmp_path / "skerry.backup"
    file.write_text("precious")
    with pytest.raises(Conflict):
        await back_up(settings, file)
    assert file.read_text() == "precious"


async def test_without_a_database_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await back_up(ManagerSettings(data_dir=tmp_path / "none"), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def archive(path: Path, *names: str, content: bytes = b"{}") -> Path:
    inside = path.parent / "inside"
    inside.write_bytes(content)
    with tarfile.open(path, "w:gz") as opened:
        for name in names:
            opened.add(inside, arcname=name)
    inside.unlink()
    return path


@pytest.mark.parametrize(
    "names",
    [(), ("manifest.json",), ("../evil",), ("/etc/evil",), ("manifest.json", "skerry.db", "more")],
    ids=["empty", "no format", "upwards", "absolute", "unknown file"],
)
async def test_what_is_no_backup_is_refused_and_changes_nothing(tmp_path: Path, names: tuple[str, ...]) -> None:
    settings = ManagerSettings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    (settings.data_dir / "skerry.db").write_text("as it was")

    with pytest.raises(BadInput):
        await restore(settings, archive(tmp_path / "file", *names))

    assert [file.name for file in settings.data_dir.iterdir()] == ["skerry.db"]
    assert (settings.data_dir / "skerry.db").read_text() == "as it was"


async def test_a_cut_off_backup_is_refused(tmp_path: Path, host: Host) -> None:
    settings = ManagerSettings(data_dir=tmp_path / "data")
    async with running_manager(settings, host):
        await back_up(settings, tmp_path / "file")
    whole = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(SkerryError):
        await restore(settings, tmp_path / "file")

    async with running_manager(settings, host):
        pass


@pytest.mark.parametrize("moved", range(4))
def test_a_restore_that_was_cut_off_is_finished_at_the_next_start(tmp_path: Path, moved: int) -> None:
    coming = tmp_path / RESTORED
    coming.mkdir()
    (coming / OLD).write_text("before")
    names = [EXECUTOR, "skerry.db", "tasks.db"]
    for name in names:
        (tmp_path / name).write_text("old")
        (coming / name).write_text("new")
    (tmp_path / "skerry.db-wal").write_text("old")
    (tmp_path / "before").mkdir()
    for name in names[:moved]:
        (tmp_path / name).replace(tmp_path / "before" / name)
        (coming / name).replace(tmp_path / name)
        if name == "skerry.db":
            (tmp_path / "skerry.db-wal").replace(tmp_path / "before" / "skerry.db-wal")

    assert finish_restore(tmp_path) == tmp_path / "before"

    assert {name: (tmp_path / name).read_text() for name in names} == dict.fromkeys(names, "new")
    assert sorted(file.name for file in (tmp_path / "before").iterdir()) == sorted([*names, "skerry.db-wal"])
    assert not coming.exists()
    assert not (tmp_path / "skerry.db-wal").exists()
