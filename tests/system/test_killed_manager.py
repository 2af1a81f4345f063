"""The manager is killed (SIGKILL) in the middle of its work; after a restart all is done, or all is undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.little_definition import write_definition
from tests.fixtures.skerry_up import RunningSkerry, until
from tests.fixtures.small_images import make_qcow2

NAME = "killed"
CREATE = {"name": NAME, "memory": 32 * 1024**2, "nics": [], "cloud_init": {}, "start": True}
STEPS = range(1, 7)  # no task has more; a kill after the last one is a kill after the end


@pytest.fixture(autouse=True)
def nothing_left(skerry: RunningSkerry, small_template: str) -> Iterator[None]:
    before = traces(skerry)
    yield
    skerry.delete_vm(NAME)
    until(lambda: traces(skerry) == before, f"something is left behind: {traces(skerry)} was {before}")


def traces(skerry: RunningSkerry) -> tuple[list[str], list[str], list[str]]:
    """Machines of libvirt, volumes of the pool (files, not what anybody says of them), and records."""
    pool = next(Path(pool["path"]) for pool in skerry.get("storage-pools")["items"] if pool["managed"])
    return (
        sorted(skerry.libvirt.virsh("list", "--all", "--name").split()),
        sorted(file.name for file in pool.iterdir() if file.is_file()),
        sorted(vm["name"] for vm in skerry.items("vms")),
    )


def kill_at(skerry: RunningSkerry, task: dict[str, Any], step: int) -> dict[str, Any]:
    """Kill the manager as soon as the task is at this step or past it, start it again, and await the end."""
    until(
        lambda: now(skerry, task)["step_number"] >= step or now(skerry, task)["ended_at"], "the task stands still"
    )
    skerry.kill()
    skerry.start()
    return skerry.finished(task)


def now(skerry: RunningSkerry, task: dict[str, Any]) -> dict[str, Any]:
    return dict(skerry.get(f"tasks/{task['id']}"))


@pytest.mark.parametrize("step", STEPS)
def test_a_machine_is_created_once_or_not_at_all(skerry: RunningSkerry, small_template: str, step: int) -> None:
    body = CREATE | {"disks": [{"kind": "image", "image": small_template}]}

    task = kill_at(skerry, skerry.send("POST", "vms", body).json(), step)

    assert task["state"] == "succeeded", task["error"]
    vm = skerry.vm_when(NAME, lambda vm: vm["state"] == "running", "running")
    assert len(vm["disks"]) == 2  # the clone and the seed, each once
    assert skerry.libvirt.virsh("list", "--all", "--name").split().count(NAME) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_machine_is_deleted_whole(skerry: RunningSkerry, small_template: str, step: int) -> None:
    skerry.do("POST", "vms", CREATE | {"disks": [{"kind": "image", "image": small_template}]})

    task = kill_at(skerry, skerry.send("DELETE", f"vms/{NAME}", force="true").json(), step)

    assert task["state"] == "succeeded", task["error"]
    assert skerry.vm(NAME) is None


def test_a_start_is_done(skerry: RunningSkerry) -> None:
    skerry.do("POST", "vms", CREATE | {"disks": [], "start": False})

    task = kill_at(skerry, skerry.send("POST", f"vms/{NAME}/actions", {"action": "start"}).json(), 0)

    assert task["state"] == "succeeded", task["error"]
    skerry.vm_when(NAME, lambda vm: vm["state"] == "running", "running")


@pytest.mark.parametrize("step", range(1, 4))
def test_an_image_is_imported_once(skerry: RunningSkerry, tmp_path: Path, step: int) -> None:
    upload = skerry.upload(make_qcow2(tmp_path / "image.qcow2").read_bytes())

    task = kill_at(skerry, skerry.send("POST", "images", {"name": NAME, "upload": upload}).json(), step)

    assert task["state"] == "succeeded", task["error"]
    assert [image["state"] for image in skerry.items("images") if image["name"] == NAME] == ["ready"]
    skerry.do("DELETE", f"images/{NAME}")


# The first try is cut off with a mounted loop device; the second one finds nothing of it.
INSTALL = """#!/bin/sh
set -e
if [ -e {mark} ]; then echo second try; exit 0; fi
loop=$(losetup --find --show "$DISK_0_PATH")
mke2fs -q "$loop"
mkdir {mark}.mnt
mount "$loop" {mark}.mnt
touch {mark}
sleep 600
"""


def test_a_definition_that_was_cut_off_leaves_nothing_on_the_host_and_runs_again(
    skerry: RunningSkerry, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    write_definition(skerry.definitions, "cut", create=INSTALL.format(mark=mark))
    body = CREATE | {"disks": [{"kind": "empty", "size": 64 * 1024**2}], "guest_os": "cut+calm", "start": False}

    task = skerry.send("POST", "vms", body).json()
    until(mark.exists, "the definition is not run")
    skerry.kill()
    skerry.start()
    task = skerry.finished(task)

    assert task["state"] == "succeeded", task["error"]
    lines = [line["text"] for line in skerry.get(f"tasks/{task['id']}/log")["items"]]
    told = {line.split()[2] for line in lines if line.startswith("left behind: ")}
    assert told == {"process", "mount", "loop"}, lines
    assert "second try" in lines
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not list((skerry.data / "storage/spool/uploads").glob("guest-os-*"))
