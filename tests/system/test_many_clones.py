"""Many machines asked for at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.fixtures.skerry_up import RunningSkerry

COUNT = 50


def test_fifty_thin_clones_at_once_all_succeed_and_share_nothing(
    skerry: RunningSkerry, small_template: str
) -> None:
    names = [f"clone-{number:02}" for number in range(COUNT)]
    body = {"memory": 32 * 1024**2, "disks": [{"kind": "image", "image": small_template}], "start": False}

    with ThreadPoolExecutor(COUNT) as threads:
        tasks = list(threads.map(lambda name: skerry.send("POST", "vms", body | {"name": name}).json(), names))
    ended = [skerry.finished(task) for task in tasks]

    assert [(task["state"], task["error"]) for task in ended] == [("succeeded", None)] * COUNT
    vms = [vm for vm in skerry.items("vms") if vm["name"] in names]
    assert sorted(vm["name"] for vm in vms) == names
    assert len({vm["id"] for vm in vms}) == COUNT
    assert len({nic["mac"] for vm in vms for nic in vm["nics"]}) == COUNT
    assert len({disk["source"] for vm in vms for disk in vm["disks"]}) == COUNT

    deletions = [skerry.send("DELETE", f"vms/{name}").json() for name in names]
    assert {skerry.finished(task)["state"] for task in deletions} == {"succeeded"}
    left = [volume["name"] for volume in skerry.items("volumes") if volume["backing"]]
    assert left == []
