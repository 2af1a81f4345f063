"""Tasks of a whole manager on a simulated host: their order, their end, and what is left of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.fixtures.simulated_manager import Slow, act, ended, in_state, running_manager, succeeded, volumes

from skerry.errors import InvalidState, SkerryError
from skerry.host.agent import Host
from skerry.manager.access import SYSTEM
from skerry.manager.machine_filter import MachineFilter
from skerry.manager.manager import Manager
from skerry.manager.settings import ManagerSettings
from skerry.manager.tasks.service import TaskFilter
from skerry.manager.types import CloudInit, EmptyDisk, NewVm, VmAction, VmState
from skerry.sizes import GIB


async def test_fifty_machines_asked_for_at_once_are_all_made_and_all_different(
    manager: Manager, host: Host
) -> None:
    wanted = [NewVm(name=f"vm{number}", disks=(EmptyDisk(size=GIB),), start=True) for number in range(50)]

    tasks = await asyncio.gather(*(manager.machines.create(SYSTEM, new) for new in wanted))
    for task in tasks:
        await succeeded(manager, task)

    machines = await host.hypervisor.machines()
    assert len(machines) == 50
    assert {machine.name for machine in machines} == {new.name for new in wanted}
    assert len({machine.uuid for machine in machines}) == 50
    assert len({nic.mac for machine in machines for nic in machine.nics}) == 50
    assert len(set(await volumes(host))) == 50


async def test_tasks_of_one_machine_run_one_after_the_other_in_their_order(
    manager: Manager, host: Host, web1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "act", monkeypatch)
    start = await act(manager, web1, VmAction.START)
    await slow.began.wait()
    pause = await act(manager, web1, VmAction.PAUSE)
    resume = await act(manager, web1, VmAction.RESUME)

    vm = await manager.machines.get(SYSTEM, web1)
    assert (vm.state, vm.pending_state, vm.queued_tasks) == (VmState.STOPPED, VmState.RUNNING, 3)
    assert (await manager.tasks.get(SYSTEM, pause.id)).state == "queued"
    slow.go.set()

    tasks = [await succeeded(manager, task) for task in (start, pause, resume)]
    assert tasks[0].ended_at <= tasks[1].started_at <= tasks[1].ended_at <= tasks[2].started_at  # type: ignore[operator]
    assert (await in_state(manager, web1, VmState.RUNNING)).queued_tasks == 0


async def test_other_machines_do_not_wait(
    manager: Manager, host: Host, web1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "act", monkeypatch)
    held = await act(manager, web1, VmAction.START)
    await slow.began.wait()

    await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web2", start=False)))

    slow.go.set()
    await succeeded(manager, held)


async def test_what_is_not_valid_after_the_queue_is_refused(manager: Manager, web1: str) -> None:
    with pytest.raises(InvalidState, match="web1 is stopped, so pause is not possible"):
        await act(manager, web1, VmAction.PAUSE)


async def test_a_queued_task_that_is_cancelled_never_runs(
    manager: Manager, host: Host, web1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "act", monkeypatch)
    start = await act(manager, web1, VmAction.START)
    await slow.began.wait()
    pause = await act(manager, web1, VmAction.PAUSE)

    cancelled = await manager.tasks.cancel(SYSTEM, pause.id)

    assert cancelled.state == "cancelled"
    slow.go.set()
    await succeeded(manager, start)
    assert (await in_state(manager, web1, VmState.RUNNING)).queued_tasks == 0
    with pytest.raises(InvalidState):
        await manager.tasks.cancel(SYSTEM, pause.id)


async def test_a_create_that_is_cancelled_while_queued_gives_its_name_back(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "define", monkeypatch)
    async with running_manager(ManagerSettings(data_dir=tmp_path / "data", task_workers=1), host) as manager:
        first = await manager.machines.create(SYSTEM, NewVm(name="web1", start=False))
        await slow.began.wait()
        second = await manager.machines.create(SYSTEM, NewVm(name="web2", start=False))

        await manager.tasks.cancel(SYSTEM, second.id)
        slow.go.set()
        await succeeded(manager, first)
        await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web2", start=False)))
        assert (await manager.machines.list(SYSTEM, MachineFilter())).total == 2


async def test_a_running_task_that_is_cancelled_takes_back_what_it_did(
    manager: Manager, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "define", monkeypatch)
    new = NewVm(name="web1", disks=(EmptyDisk(size=GIB),), cloud_init=CloudInit())
    task = await manager.machines.create(SYSTEM, new)
    await slow.began.wait()
    assert len(await volumes(host)) == 2

    await manager.tasks.cancel(SYSTEM, task.id)
    slow.go.set()
    task = await ended(manager, task)

    assert (task.state, task.not_undone) == ("cancelled", ())
    assert await volumes(host) == []
    assert await host.hypervisor.machines() == []
    assert (await manager.machines.list(SYSTEM, MachineFilter())).items == ()


async def test_what_could_not_be_taken_back_is_named(
    manager: Manager, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_args: object, **_kwargs: object) -> None:
        raise SkerryError("the disk caught fire")

    monkeypatch.setattr(host.hypervisor, "define", refuse)
    monkeypatch.setattr(host.storage.driver("skerry"), "delete", refuse)

    task = await ended(
        manager,
        await manager.machines.create(SYSTEM, NewVm(name="web1", disks=(EmptyDisk(size=GIB),), start=False)),
    )

    assert task.state == "failed"
    assert task.error is not None
    assert task.error.detail == "the disk caught fire"
    assert [words.startswith("the volume web1-") for words in task.not_undone] == [True]
    log = await manager.tasks.log(SYSTEM, task.id)
    assert any("not taken back" in line.text for line in log.items)


async def test_a_bug_in_a_step_ends_its_task_with_an_id_and_no_secret(
    manager: Manager, host: Host, web1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_args: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(host.hypervisor, "act", crash)

    task = await ended(manager, await act(manager, web1, VmAction.START))

    assert task.state == "failed"
    assert task.error is not None
    assert task.error.code == "internal-error"
    assert "secret" not in task.error.detail


async def test_a_stopped_manager_goes_on_with_its_tasks_when_it_starts_again(
    settings: ManagerSettings, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "define", monkeypatch)
    async with running_manager(settings, host) as manager:
        new = NewVm(name="web1", disks=(EmptyDisk(size=GIB),))
        task = await manager.machines.create(SYSTEM, new)
        queued = await act(manager, "web1", VmAction.POWEROFF)
        await slow.began.wait()

    slow.go.set()
    async with running_manager(settings, host) as manager:
        await succeeded(manager, task)
        await succeeded(manager, queued)
        assert len(await host.hypervisor.machines()) == 1
        assert len(await volumes(host)) == 1


async def test_user_data_does_not_outlive_its_task(settings: ManagerSettings, host: Host) -> None:
    secret = "correct-horse-battery"
    told = CloudInit(user_data=f"#cloud-config\npassword: {secret}\n")
    async with running_manager(settings, host) as manager:
        await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name="web1", cloud_init=told)))
        found = [task.model_dump_json() for task in (await manager.tasks.list(SYSTEM, TaskFilter())).items]
        found += [fact.model_dump_json() for fact in (await manager.events.list(SYSTEM)).items]
        assert not any(secret in text for text in found)
    tasks_of_dbos = (settings.data_dir / "tasks.db").read_bytes()
    assert secret.encode() not in tasks_of_dbos
