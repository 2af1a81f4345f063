"""Starting, stopping and the like: one step each, which looks at the machine first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from skerry.errors import InvalidState, TimedOut
from skerry.host.operation import MachineRef, Operation
from skerry.host.operations import machines as on_host
from skerry.host.types import Machine, MachineState
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.tasks.kind import Ended, Step, TaskKind
from skerry.manager.tasks.machine import ACTIVE, OnMachine, look, seen
from skerry.manager.tasks.work import Work
from skerry.manager.types import TaskState, VmAction

_SAVE_S = 3600.0  # writing or reading a large machine's memory
_ASK_AGAIN_S = 15.0  # guests that are still booting drop the first power button

S = MachineState
A = VmAction
OFF = frozenset({S.STOPPED, S.SAVED, S.CRASHED})

_OPERATIONS: Mapping[VmAction, Operation[MachineRef, Machine]] = {
    A.START: on_host.start,
    A.SHUTDOWN: on_host.shutdown,
    A.POWEROFF: on_host.power_off,
    A.REBOOT: on_host.reboot,
    A.RESET: on_host.reset,
    A.PAUSE: on_host.pause,
    A.RESUME: on_host.resume,
    A.SAVE: on_host.save,
    A.RESTORE: on_host.restore,
}
# The states in which an action has done its work. Rebooting leaves no trace, so it is simply done.
_GOAL: Mapping[VmAction, frozenset[MachineState]] = {
    A.START: frozenset({S.RUNNING}),
    A.SHUTDOWN: OFF,
    A.POWEROFF: frozenset({S.STOPPED, S.SAVED}),
    A.PAUSE: frozenset({S.PAUSED}),
    A.RESUME: frozenset({S.RUNNING}),
    A.SAVE: frozenset({S.SAVED}),
    A.RESTORE: frozenset({S.RUNNING}),
}
TITLES: Mapping[VmAction, str] = {
    A.START: "Start",
    A.SHUTDOWN: "Shut down",
    A.POWEROFF: "Power off",
    A.REBOOT: "Reboot",
    A.RESET: "Reset",
    A.PAUSE: "Pause",
    A.RESUME: "Resume",
    A.SAVE: "Save",
    A.RESTORE: "Restore",
}


class PowerArgs(OnMachine):
    """What to do with a machine's run state."""

    action: VmAction
    timeout_s: float = 120.0
    force_after: bool = False


async def act(work: Work[PowerArgs]) -> None:
    """Do the action, unless its work is done already."""
    action = work.args.action
    if action is A.SHUTDOWN:
        await _shut_down(work)
        return
    goal = _GOAL.get(action, frozenset())
    if goal:
        machine = await look(work)
        if machine.state in goal:
            return
    ref = MachineRef(uuid=work.args.uuid)
    deadline_s = _SAVE_S if action in {A.SAVE, A.RESTORE, A.START} else 60.0
    await work.call(work.args.host, _OPERATIONS[action], ref, deadline_s=deadline_s)
    if goal:
        await seen(work, lambda machine: machine is not None and machine.state in goal)


async def _shut_down(work: Work[PowerArgs]) -> None:
    """Ask the guest, again now and then, until it is off or the time is over."""
    args = work.args
    loop = asyncio.get_running_loop()
    give_up = loop.time() + args.timeout_s
    while (left := give_up - loop.time()) > 0:
        machine = await look(work)
        if machine.state not in ACTIVE:
            break
        try:
            await work.call(args.host, on_host.shutdown, MachineRef(uuid=args.uuid))
        except InvalidState:  # it stopped between the look and the call
            continue
        work.progress.update(None, f"asked {args.name} to shut down; {left:.0f} s left")
        if await _is_off(work, min(left, _ASK_AGAIN_S)):
            return
    else:
        if not args.force_after:
            raise TimedOut(
                f"{args.name} did not shut down within {args.timeout_s:g} s",
                hint="its guest may not listen to the power button: power it off, or allow force after the time",
            )
        work.progress.log(f"{args.name} did not shut down in time; powering it off")
        await work.call(args.host, on_host.power_off, MachineRef(uuid=args.uuid))
    await seen(work, lambda machine: machine is None or machine.state in OFF)


async def _is_off(work: Work[PowerArgs], timeout_s: float) -> bool:
    waiting = work.tools.inventory.wait_for(
        work.args.uuid, lambda machine: machine is None or machine.state in OFF, timeout_s=timeout_s
    )
    return await work.until_cancelled(asyncio.ensure_future(waiting))


def _plan(args: PowerArgs) -> Sequence[Step[PowerArgs]]:
    return [Step(args.action, f"{TITLES[args.action]} {args.name}", act)]


async def _settle(writing: Writing, ended: Ended[Any]) -> None:
    """What people want of the machine from now on."""
    args: PowerArgs = ended.args
    goal = _GOAL.get(args.action)
    if ended.state is TaskState.SUCCEEDED and goal:
        wanted = sa.update(tables.machines).where(tables.machines.c.id == args.uuid)
        await writing.execute(wanted.values(should_run=S.RUNNING in goal or S.PAUSED in goal))


KINDS: Sequence[TaskKind[Any]] = [
    TaskKind(f"vm.{action}", PowerArgs, _plan, settle=_settle) for action in VmAction
]
