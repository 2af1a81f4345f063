"""What is done with machines by a whole manager on a simulated host, and what is refused."""

from __future__ import annotations

import pytest
from tests.fixtures.simulated_manager import Slow, act, ended, in_state, succeeded, until, volumes

from skerry.errors import (
    BadDefinition,
    BadInput,
    Changed,
    Conflict,
    InvalidState,
    NameTaken,
    NotFound,
    SkerryError,
)
from skerry.host.agent import Host
from skerry.host.operation import MachineRef
from skerry.host.operations import machines as machines_on_host
from skerry.host.types import NewNic
from skerry.manager.access import SYSTEM
from skerry.manager.machine_filter import MachineFilter
from skerry.manager.manager import Manager
from skerry.manager.tasks.service import TaskFilter
from skerry.manager.types import (
    CloudInit,
    DiskResize,
    EmptyDisk,
    NewSnapshot,
    NewVm,
    TemplateDisk,
    VmAction,
    VmChanges,
    VmClone,
    VmState,
)
from skerry.sizes import GIB, MIB


@pytest.mark.parametrize(
    ("new", "error", "words"),
    [
        (NewVm(name="web1"), NameTaken, "web1"),
        (NewVm(name="big", memory=1024 * 1024 * GIB), BadInput, "memory"),
        (NewVm(name="lost", disks=(TemplateDisk(image="nothing"),)), NotFound, "nothing"),
        (NewVm(name="lost", nics=(NewNic(network="nowhere"),)), NotFound, "nowhere"),
        (NewVm(name="lost", host="atlantis"), NotFound, "atlantis"),
        (NewVm(name="odd", cloud_init=CloudInit(user_data="- a\n- list\n")), BadInput, "user-data"),
        (NewVm(name="odd", cloud_init=CloudInit(user_data="#cloud-config\na: [\n")), BadInput, "user-data"),
    ],
    ids=["name", "memory", "image", "network", "host", "list", "yaml"],
)
async def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    manager: Manager, host: Host, web1: str, new: NewVm, error: type[SkerryError], words: str
) -> None:
    before = await volumes(host)

    with pytest.raises(error, match=words):
        await manager.machines.create(SYSTEM, new)

    assert await volumes(host) == before
    assert (await manager.machines.list(SYSTEM, MachineFilter())).total == 1
    assert (await manager.tasks.list(SYSTEM, TaskFilter())).total == 1


async def test_a_name_that_a_queued_task_will_give_is_taken(
    manager: Manager, host: Host, web1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "rename", monkeypatch)
    rename = await manager.devices.change(SYSTEM, web1, VmChanges(name="web2"))
    await slow.began.wait()

    with pytest.raises(NameTaken):
        await manager.machines.create(SYSTEM, NewVm(name="web2"))

    slow.go.set()
    await succeeded(manager, rename)
    assert (await manager.machines.get(SYSTEM, "web2")).name == "web2"


async def test_a_machine_is_changed_copied_and_removed_with_all_its_parts(
    manager: Manager, host: Host, web1: str
) -> None:
    machines, devices = manager.machines, manager.devices
    changes = VmChanges(memory=256 * MIB, vcpus=2, autostart=True, description="the web")
    await succeeded(manager, await devices.change(SYSTEM, web1, changes))
    await succeeded(manager, await devices.add_disk(SYSTEM, web1, EmptyDisk(size=2 * GIB)))
    await succeeded(manager, await devices.add_nic(SYSTEM, web1, NewNic()))
    vm = await until(lambda: machines.get(SYSTEM, web1), lambda vm: len(vm.disks) == len(vm.nics) == 2)
    assert (vm.memory, vm.vcpus, vm.autostart, vm.description) == (256 * MIB, 2, True, "the web")

    second = vm.disks[1]
    await succeeded(manager, await devices.resize_disk(SYSTEM, web1, second.target, DiskResize(size=3 * GIB)))
    await succeeded(manager, await devices.take_snapshot(SYSTEM, web1, NewSnapshot(name="before")))
    assert [one.name for one in await machines.snapshots(SYSTEM, web1)] == ["before"]
    await succeeded(manager, await devices.revert_to_snapshot(SYSTEM, web1, "before"))
    await succeeded(manager, await devices.delete_snapshot(SYSTEM, web1, "before"))
    await succeeded(manager, await machines.clone(SYSTEM, web1, VmClone(name="web2", full_copy=True)))
    copy = await in_state(manager, "web2", VmState.STOPPED)
    assert {nic.mac for nic in copy.nics}.isdisjoint({nic.mac for nic in vm.nics})
    assert {disk.volume for disk in copy.disks}.isdisjoint({disk.volume for disk in vm.disks})

    await succeeded(manager, await devices.remove_nic(SYSTEM, web1, vm.nics[1].mac))
    await succeeded(manager, await devices.remove_disk(SYSTEM, web1, second.target, delete=True))
    assert second.volume not in await volumes(host)
    await succeeded(manager, await machines.delete(SYSTEM, web1))
    await succeeded(manager, await machines.delete(SYSTEM, "web2"))
    assert await volumes(host) == []
    assert (await machines.list(SYSTEM, MachineFilter())).total == 0


async def test_a_machine_that_is_deleted_while_it_is_made_leaves_no_volume(manager: Manager, host: Host) -> None:
    machines = manager.machines
    for name in ("web1", "web2", "web3"):
        disks = (EmptyDisk(size=GIB), EmptyDisk(size=GIB))
        await machines.create(SYSTEM, NewVm(name=name, memory=256 * MIB, disks=disks, cloud_init=CloudInit()))

    tasks = [await machines.delete(SYSTEM, name, force=True) for name in ("web1", "web2", "web3")]

    for task in tasks:
        await succeeded(manager, task)
    assert await volumes(host) == []


async def test_a_disk_that_is_still_to_be_added_goes_with_its_machine(
    manager: Manager, host: Host, web1: str
) -> None:
    await manager.devices.add_disk(SYSTEM, web1, EmptyDisk(size=2 * GIB))

    await succeeded(manager, await manager.machines.delete(SYSTEM, web1))

    assert await volumes(host) == []


async def test_a_machine_is_not_cloned_before_it_has_all_its_disks(manager: Manager) -> None:
    made = await manager.machines.create(
        SYSTEM, NewVm(name="web1", memory=256 * MIB, disks=(EmptyDisk(size=GIB),), start=False)
    )
    with pytest.raises(InvalidState, match="tasks that did not end"):
        await manager.machines.clone(SYSTEM, "web1", VmClone(name="web2"))

    await succeeded(manager, made)
    await succeeded(manager, await manager.machines.clone(SYSTEM, "web1", VmClone(name="web2")))


async def test_a_text_that_is_emptied_is_empty(manager: Manager, web1: str) -> None:
    await succeeded(manager, await manager.devices.change(SYSTEM, web1, VmChanges(description="old", title="T")))

    await succeeded(manager, await manager.devices.change(SYSTEM, web1, VmChanges(description="")))

    vm = await manager.machines.get(SYSTEM, web1)
    assert (vm.title, vm.description) == ("T", "")


async def test_a_change_on_an_old_definition_is_refused(manager: Manager, web1: str) -> None:
    etag = (await manager.machines.get(SYSTEM, web1)).etag
    await succeeded(manager, await manager.devices.change(SYSTEM, web1, VmChanges(vcpus=2), if_match=etag))

    with pytest.raises(Changed):
        await manager.devices.change(SYSTEM, web1, VmChanges(vcpus=3), if_match=etag)


async def test_a_definition_under_another_name_is_refused_already_when_it_is_checked(
    manager: Manager, web1: str
) -> None:
    renamed = (await manager.machines.definition(SYSTEM, web1)).xml.replace("<name>web1<", "<name>web2<")

    with pytest.raises(BadDefinition, match="the name of web1 does not change") as caught:
        await manager.machines.check_definition(SYSTEM, web1, renamed)
    assert "<name>web1</name>" in str(caught.value.hint)


async def test_a_new_name_does_not_hinder_other_changes_on_the_same_definition(
    manager: Manager, web1: str
) -> None:
    etag = (await manager.machines.get(SYSTEM, web1)).etag
    both = VmChanges(name="web1-renamed", vcpus=2)

    await succeeded(manager, await manager.devices.change(SYSTEM, web1, both, if_match=etag))

    await until(lambda: manager.machines.get(SYSTEM, "web1-renamed"), lambda vm: vm.vcpus == 2)


async def test_a_running_machine_is_deleted_only_by_force(manager: Manager, host: Host, web1: str) -> None:
    await succeeded(manager, await act(manager, web1, VmAction.START))
    await in_state(manager, web1, VmState.RUNNING)
    with pytest.raises(InvalidState, match="running"):
        await manager.machines.delete(SYSTEM, web1)

    await succeeded(manager, await manager.machines.delete(SYSTEM, web1, force=True))

    assert await host.hypervisor.machines() == []
    with pytest.raises(NotFound):
        await manager.machines.get(SYSTEM, web1)


async def test_a_guest_that_ignores_its_power_button_is_powered_off_only_where_that_was_allowed(
    manager: Manager, host: Host, web1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await succeeded(manager, await act(manager, web1, VmAction.START))
    real = host.hypervisor.act

    async def deaf(uuid: object, action: str) -> object:
        if action == "shutdown":
            return await host.hypervisor.machine(uuid)  # type: ignore[arg-type]
        return await real(uuid, action)  # type: ignore[arg-type]

    monkeypatch.setattr(host.hypervisor, "act", deaf)

    task = await ended(manager, await act(manager, web1, VmAction.SHUTDOWN, timeout_s=0.2))
    assert task.error is not None
    assert task.error.code == "timed-out"
    assert (await manager.machines.get(SYSTEM, web1)).state is VmState.RUNNING

    await succeeded(manager, await act(manager, web1, VmAction.SHUTDOWN, timeout_s=0.2, force_after=True))
    await in_state(manager, web1, VmState.STOPPED)


async def test_what_others_do_with_machines_is_seen(manager: Manager, host: Host, web1: str) -> None:
    uuid = (await manager.machines.get(SYSTEM, web1)).id
    await host.call(machines_on_host.start, MachineRef(uuid=uuid))
    await in_state(manager, web1, VmState.RUNNING)
    await host.call(machines_on_host.power_off, MachineRef(uuid=uuid))
    await host.call(machines_on_host.undefine, machines_on_host.UndefineMachine(uuid=uuid))

    await until(lambda: manager.machines.list(SYSTEM, MachineFilter()), lambda page: page.total == 0)


async def test_a_host_that_is_away_makes_its_machines_unreachable_and_comes_back_true(
    manager: Manager, host: Host, web1: str
) -> None:
    host.hypervisor.fail("the cable was cut")  # type: ignore[attr-defined]
    vm = await in_state(manager, web1, VmState.UNREACHABLE)
    assert vm.actions == ()
    with pytest.raises(Conflict) as caught:
        await act(manager, web1, VmAction.START)
    assert "`skerry host show" in (caught.value.hint or "")

    host.hypervisor.reach()  # type: ignore[attr-defined]
    await in_state(manager, web1, VmState.STOPPED)
