"""Daemons die and come back; what is shown becomes true again, and nothing hangs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.skerry_up import RunningSkerry, until

NAMES = [f"restarted-{number}" for number in range(4)]


def make(skerry: RunningSkerry, name: str) -> None:
    skerry.do("POST", "vms", {"name": name, "memory": 32 * 1024**2, "disks": [], "nics": [], "start": False})


@pytest.fixture(autouse=True)
def host_is_there(skerry: RunningSkerry) -> None:
    until(lambda: [host for host in skerry.items("hosts") if host["online"]], "no host is there")


def test_libvirtd_restarted_under_load_loses_nothing(skerry: RunningSkerry) -> None:
    for name in NAMES:
        make(skerry, name)
    actions = ("start", "poweroff", "start")
    sent = [skerry.send("POST", f"vms/{name}/actions", {"action": what}) for what in actions for name in NAMES]
    assert {answer.status_code for answer in sent} == {202}

    skerry.libvirt.restart()

    for answer in sent:  # each ends, well or with an error; none hangs
        assert skerry.finished(answer.json())["ended_at"]
    until(lambda: states_shown(skerry) == states_of_libvirt(skerry), "what is shown is not what is")
    for name in NAMES:
        skerry.delete_vm(name)
    assert not set(NAMES) & set(states_of_libvirt(skerry))


def test_what_changed_while_libvirtd_was_away_is_seen_when_it_is_back(
    skerry: RunningSkerry, tmp_path: Path
) -> None:
    make(skerry, "left-alone")
    skerry.do("POST", "vms/left-alone/actions", {"action": "start"})

    skerry.libvirt.kill()
    skerry.vm_when("left-alone", lambda vm: vm["state"] == "unreachable", "unreachable")
    answer = skerry.send("POST", "vms/left-alone/actions", {"action": "poweroff"})
    if answer.is_success:
        assert skerry.finished(answer.json())["state"] == "failed"
    skerry.libvirt.start()

    skerry.vm_when("left-alone", lambda vm: vm["state"] == "running", "running again")
    skerry.delete_vm("left-alone")


def test_machines_run_on_while_the_manager_is_killed_and_started_again(skerry: RunningSkerry) -> None:
    make(skerry, "survivor")
    skerry.do("POST", "vms/survivor/actions", {"action": "start"})

    skerry.kill()
    assert states_of_libvirt(skerry)["survivor"] == "running"
    skerry.libvirt.virsh("suspend", "survivor")
    skerry.start()

    skerry.vm_when("survivor", lambda vm: vm["state"] == "paused", "paused")
    skerry.delete_vm("survivor")


def states_shown(skerry: RunningSkerry) -> dict[str, str]:
    return {vm["name"]: vm["state"] for vm in skerry.items("vms")}


def states_of_libvirt(skerry: RunningSkerry) -> dict[str, str]:
    words = {"shut off": "stopped", "in shutdown": "stopping"}
    names = skerry.libvirt.virsh("list", "--all", "--name").split()
    told = {name: skerry.libvirt.virsh("domstate", name).strip() for name in names}
    return {name: words.get(state, state) for name, state in told.items()}
