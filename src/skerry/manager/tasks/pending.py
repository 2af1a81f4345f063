"""What a machine's state will be after its queue, and what can be asked for then: pure functions over tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
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


# What makes sense in every state, and what is offered by rules of its own.
_SHOWN: frozenset[Offer] = frozenset({"edit", "delete"})


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


def accepted(state: VmState, after: VmState | None) -> tuple[Offer, ...]:
    """What can be asked for now: all that is valid after the queue. A program may ask for a chain of tasks."""
    if state == S.UNREACHABLE or after is None:
        return ()
    found: list[Offer] = list(VALID[after])
    if _is_going_off(state, after):
        found.append(A.POWEROFF)
    if after != S.CREATING:
        found += ["edit", "delete"]
    if after in OFF:
        found.append("clone")
    return tuple(found)


@cache  # of few states, and asked for each machine of a list
def offers(state: VmState, after: VmState | None, *, consoles: bool) -> tuple[Offer, ...]:
    """What a person is shown: of what is accepted, that which makes sense in the state that the person sees.

    One that is stopped and will be started is not offered to shut down, nor one that is being made to change.
    """
    if state == S.CREATING or after is None:
        return ()
    found = [offer for offer in accepted(state, after) if offer in _SHOWN or offer in VALID[state]]
    if after in OFF and state in OFF:
        found.append("clone")
    if consoles and state in {S.RUNNING, S.PAUSED, S.STOPPING}:
        found.append("console")
    return tuple(found)


def _is_going_off(state: VmState, after: VmState) -> bool:
    """A guest that does not listen to the power button is switched off without waiting for it any longer."""
    return state in {S.RUNNING, S.STOPPING} and after in OFF
