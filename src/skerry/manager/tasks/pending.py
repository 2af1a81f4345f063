"""What a machine's state will be after its queue, and what can be asked for then: pure functions over tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from skerry.manager.types import VmAction, VmState

S = VmState
A = VmAction
Offer: TypeAlias = VmAction | Literal["edit", "delete", "clone", "console"]

OFF = frozenset({S.STOPPED, S.SAVED, S.CRASHED})

# What run state each kind of task leaves; the others leave it as it is.
_AFTER: Mapping[str, VmState] = {
    "vm.start": S.RUNNING,
    "vm.shutdown": S.STOPPED,
    "vm.poweroff": S.STOPPED,
    "vm.reboot": S.RUNNING,
    "vm.reset": S.RUNNING,
    "vm.pause": S.PAUSED,
    "vm.resume": S.RUNNING,
    "vm.save": S.SAVED,
    "vm.restore": S.RUNNING,
}

# What can be done from each state, in the order in which it is offered.
VALID: Mapping[VmState, tuple[VmAction, ...]] = {
    S.RUNNING: (A.SHUTDOWN, A.REBOOT, A.PAUSE, A.SAVE, A.POWEROFF, A.RESET),
    S.PAUSED: (A.RESUME, A.SAVE, A.POWEROFF, A.RESET),
    S.STOPPING: (A.SHUTDOWN, A.POWEROFF),
    S.STOPPED: (A.START,),
    S.SAVED: (A.RESTORE, A.START),
    S.SUSPENDED: (A.POWEROFF,),
    S.CRASHED: (A.START,),
    S.CREATING: (),
    S.UNREACHABLE: (),
}


@dataclass(frozen=True)
class QueuedTask:
    """What an unfinished task says about the machine in question."""

    kind: str
    running_after: bool | None = None  # of those that make a machine: whether they start it


def state_after(state: VmState, queue: Iterable[QueuedTask]) -> VmState | None:
    """The state when all these tasks ended well; None: the machine is gone then."""
    for task in queue:
        if task.kind == "vm.delete":
            return None
        if task.running_after is not None:
            state = S.RUNNING if task.running_after else S.STOPPED
        else:
            state = _AFTER.get(task.kind, state)
    return state


def offers(state: VmState, after: VmState | None, *, consoles: bool) -> tuple[Offer, ...]:
    """What can be asked for now: all that is valid after the queue, and the console of what runs now."""
    if state == S.UNREACHABLE or after is None:
        return ()
    found: list[Offer] = list(VALID[after])
    if after != S.CREATING:
        found += ["edit", "delete"]
    if after in OFF:
        found.append("clone")
    if consoles and state in {S.RUNNING, S.PAUSED, S.STOPPING}:
        found.append("console")
    return tuple(found)
