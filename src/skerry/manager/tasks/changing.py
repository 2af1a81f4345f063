"""Changing a machine's definition and its network cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skerry.errors import NotFound
from skerry.host.operations import definition as definition_on_host
from skerry.host.operations import devices as devices_on_host
from skerry.host.operations import machines as machines_on_host
from skerry.host.types import MachineChanges, MachineName, NewNic
from skerry.manager.tasks.kind import Step, TaskKind
from skerry.manager.tasks.machine import OnMachine, look
from skerry.manager.tasks.machine import result_of_machine as result
from skerry.manager.tasks.work import Work


class ChangeArgs(OnMachine):
    """What to change; what it was before is kept, so that it can be changed back."""

    new_name: MachineName | None = None
    changes: MachineChanges | None = None
    autostart: bool | None = None
    autostart_before: bool = False
    expected_etag: str | None = None


class NicAddArgs(OnMachine):
    """A card to put in; it has its address already, so that it is recognised."""

    nic: NewNic


class NicArgs(OnMachine):
    """A card to take out."""

    mac: str


async def _rename(work: Work[ChangeArgs]) -> None:
    assert work.args.new_name is not None
    await _call_rename(work, work.args.new_name)


async def _call_rename(work: Work[ChangeArgs], name: str) -> None:
    if (await look(work)).name != name:
        new = machines_on_host.RenameMachine(uuid=work.args.uuid, name=name)
        await work.call(work.args.host, machines_on_host.rename, new)


async def _set_autostart(work: Work[ChangeArgs], enabled: bool) -> None:
    wanted = machines_on_host.SetAutostart(uuid=work.args.uuid, enabled=enabled)
    await work.call(work.args.host, machines_on_host.set_autostart, wanted)


async def _change(work: Work[ChangeArgs]) -> None:
    args = work.args
    assert args.changes is not None
    # A new name is a new definition already; that nobody else had changed it was seen when this was asked for.
    expected = args.expected_etag if args.new_name is None else None
    change = definition_on_host.ChangeMachine(uuid=args.uuid, changes=args.changes, expected_etag=expected)
    await work.call(args.host, definition_on_host.change, change)


def _plan_change(args: ChangeArgs) -> Sequence[Step[ChangeArgs]]:
    """The definition last: it is what may have changed meanwhile; the others can be changed back."""
    steps: list[Step[ChangeArgs]] = []
    if args.autostart is not None:
        steps.append(
            Step(
                "autostart",
                f"{'Start' if args.autostart else 'Do not start'} {args.name} with its host",
                lambda work: _set_autostart(work, bool(args.autostart)),
                undo=lambda work: _set_autostart(work, args.autostart_before),
                leaves="the new autostart",
            )
        )
    if args.new_name is not None:
        steps.append(
            Step(
                "rename",
                f"Rename {args.name} to {args.new_name}",
                _rename,
                undo=lambda work: _call_rename(work, args.name),
                leaves=f"the name {args.new_name}",
            )
        )
    if args.changes is not None:
        steps.append(Step("change", f"Change the definition of {args.name}", _change))
    return steps


async def _attach_nic(work: Work[NicAddArgs]) -> None:
    args = work.args
    if all(nic.mac != args.nic.mac for nic in (await look(work)).nics):
        await work.call(
            args.host, devices_on_host.attach_nic, devices_on_host.AttachNic(uuid=args.uuid, nic=args.nic)
        )


async def _find_nic(work: Work[NicArgs]) -> None:
    machine = await look(work)
    if all(nic.mac.lower() != work.args.mac.lower() for nic in machine.nics):
        there = ", ".join(nic.mac for nic in machine.nics) or "none"
        raise NotFound(f"{machine.name} has no network card {work.args.mac}", hint=f"it has: {there}")


async def _detach_nic(work: Work[NicArgs]) -> None:
    args = work.args
    if any(nic.mac.lower() == args.mac.lower() for nic in (await look(work)).nics):
        detach = devices_on_host.DetachNic(uuid=args.uuid, mac=args.mac)
        await work.call(args.host, devices_on_host.detach_nic, detach)


def _plan_nic_add(args: NicAddArgs) -> Sequence[Step[NicAddArgs]]:
    return [Step("attach", f"Put a network card into {args.name}", _attach_nic)]


def _plan_nic_remove(args: NicArgs) -> Sequence[Step[NicArgs]]:
    return [
        Step("find", f"Look for the network card {args.mac}", _find_nic),
        Step("detach", f"Take it out of {args.name}", _detach_nic),
    ]


KINDS: Sequence[TaskKind[Any]] = [
    TaskKind("vm.change", ChangeArgs, _plan_change, result=result),
    TaskKind("vm.nic-add", NicAddArgs, _plan_nic_add, result=result),
    TaskKind("vm.nic-remove", NicArgs, _plan_nic_remove, result=result),
]
