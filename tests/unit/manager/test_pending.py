"""What a machine's state will be after its queue, and what is offered then."""

from __future__ import annotations

import pytest

from skerry.manager.tasks.pending import VALID, QueuedTask, accepted, offers, state_after
from skerry.manager.types import VmAction, VmState

S = VmState


def queue(*kinds: str) -> list[QueuedTask]:
    return [QueuedTask(kind) for kind in kinds]


@pytest.mark.parametrize(
    ("now", "kinds", "after"),
    [
        (S.STOPPED, [], S.STOPPED),
        (S.STOPPED, ["vm.start"], S.RUNNING),
        (S.STOPPED, ["vm.start", "vm.shutdown"], S.STOPPED),
        (S.RUNNING, ["vm.save", "vm.restore", "vm.pause"], S.PAUSED),
        (S.RUNNING, ["vm.poweroff", "vm.change", "vm.disk-add"], S.STOPPED),
        (S.RUNNING, ["vm.reboot"], S.RUNNING),
        (S.PAUSED, ["vm.reset"], S.RUNNING),
        (S.CRASHED, ["vm.snapshot-create"], S.CRASHED),
        (S.RUNNING, ["vm.poweroff", "vm.delete"], None),
    ],
)
def test_the_state_after_the_queue_is_what_its_last_change_leaves(
    now: VmState, kinds: list[str], after: VmState | None
) -> None:
    assert state_after(now, queue(*kinds)) == after


@pytest.mark.parametrize(("starts", "after"), [(True, S.RUNNING), (False, S.STOPPED)])
def test_a_machine_that_is_being_made_will_be_what_was_asked_for(starts: bool, after: VmState) -> None:
    assert state_after(S.CREATING, [QueuedTask("vm.create", running_after=starts)]) is after


def test_the_source_of_a_clone_stays_as_it_is() -> None:
    assert state_after(S.STOPPED, [QueuedTask("vm.clone", running_after=None)]) is S.STOPPED


@pytest.mark.parametrize(
    ("now", "after", "possible"),
    [
        (S.STOPPED, S.STOPPED, ("start", "edit", "delete", "clone")),
        (S.STOPPED, S.RUNNING, ("shutdown", "reboot", "pause", "save", "poweroff", "reset", "edit", "delete")),
        (S.RUNNING, S.STOPPED, ("start", "poweroff", "edit", "delete", "clone")),
        (S.CREATING, S.STOPPED, ("start", "edit", "delete", "clone")),
        (S.PAUSED, S.PAUSED, ("resume", "save", "poweroff", "reset", "edit", "delete")),
        (S.UNREACHABLE, S.UNREACHABLE, ()),
        (S.RUNNING, None, ()),
    ],
)
def test_what_is_valid_after_the_queue_is_accepted(
    now: VmState, after: VmState | None, possible: tuple[str, ...]
) -> None:
    assert tuple(map(str, accepted(now, after))) == possible


@pytest.mark.parametrize(
    ("now", "after", "offered"),
    [
        (S.STOPPED, S.STOPPED, ("start", "edit", "delete", "clone")),
        (S.STOPPED, S.RUNNING, ("edit", "delete")),
        (S.RUNNING, S.STOPPED, ("poweroff", "edit", "delete", "console")),
        (S.STOPPING, S.STOPPED, ("poweroff", "edit", "delete", "console")),
        (S.RUNNING, S.RUNNING, (*VALID[S.RUNNING], "edit", "delete", "console")),
        (S.PAUSED, S.RUNNING, ("save", "poweroff", "reset", "edit", "delete", "console")),
        (S.PAUSED, S.PAUSED, ("resume", "save", "poweroff", "reset", "edit", "delete", "console")),
        (S.SAVED, S.SAVED, ("restore", "start", "edit", "delete", "clone")),
        (S.CREATING, S.CREATING, ()),
        (S.CREATING, S.RUNNING, ()),
        (S.CREATING, S.STOPPED, ()),
        (S.UNREACHABLE, S.UNREACHABLE, ()),
        (S.RUNNING, None, ()),
    ],
)
def test_of_that_is_offered_what_makes_sense_in_the_state_of_now(
    now: VmState, after: VmState | None, offered: tuple[str, ...]
) -> None:
    assert tuple(map(str, offers(now, after, consoles=True))) == tuple(map(str, offered))


def test_no_console_is_offered_where_there_is_none() -> None:
    assert "console" not in offers(S.RUNNING, S.RUNNING, consoles=False)


@pytest.mark.parametrize("state", list(VmState))
def test_what_is_offered_leads_to_a_state_that_is_known(state: VmState) -> None:
    for offer in offers(state, state, consoles=True):
        if offer in list(VmAction):
            assert state_after(state, queue(f"vm.{offer}")) in {S.RUNNING, S.STOPPED, S.PAUSED, S.SAVED}
