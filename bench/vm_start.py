"""Starting a machine: `POST /vms/NAME/actions` until its task has ended, against `virsh start` of the same domain.

Both in turns in one run, over the same private libvirtd, so that a noisy machine is noisy for both. The API's time
runs from the request until the event stream says that the task succeeded.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import closing

from tests.fixtures.private_libvirt import private_libvirt
from tests.fixtures.skerry_up import RunningSkerry, new_skerry

from bench.figure import Figure

TURNS = 15
NAME = "measured"


def measure() -> list[Figure]:
    """Ratio and difference of medians."""
    with private_libvirt() as libvirt, new_skerry(libvirt) as skerry:
        disk = {"kind": "empty", "size": 1024**3}
        skerry.do("POST", "vms", {"name": NAME, "memory": 64 * 1024**2, "disks": [disk], "start": False})
        libvirt.virsh("net-start", "default")  # Skerry would, virsh does not
        virsh, api = [], []
        for _ in range(TURNS):
            virsh.append(_by_virsh(skerry))
            skerry.libvirt.virsh("destroy", NAME)
            skerry.vm_when(NAME, lambda vm: vm["state"] == "stopped", "stopped")
            api.append(_by_api(skerry))
            skerry.do("POST", f"vms/{NAME}/actions", {"action": "poweroff"})
        skerry.delete_vm(NAME)
    ours, theirs = statistics.median(api), statistics.median(virsh)
    text = f"{ours * 1000:.0f} ms against {theirs * 1000:.0f} ms: {ours / theirs:.2f} x"
    goal = "1.10 x virsh start + 150 ms"
    return [Figure("VM start through the API", text, goal, ours <= 1.10 * theirs + 0.150)]


def _by_virsh(skerry: RunningSkerry) -> float:
    argv = ["virsh", "--quiet", "--connect", skerry.libvirt.uri, "start", NAME]
    began = time.perf_counter()
    subprocess.run(argv, check=True)
    return time.perf_counter() - began


def _by_api(skerry: RunningSkerry) -> float:
    with (
        skerry.client.stream("GET", "events", timeout=60) as stream,
        closing(_facts(stream.iter_lines())) as facts,
    ):
        began = time.perf_counter()
        task = skerry.send("POST", f"vms/{NAME}/actions", {"action": "start"}).json()
        for fact in facts:
            if fact["object"]["id"] == task["id"] and fact["data"]["ended_at"]:
                took = time.perf_counter() - began
                assert fact["data"]["state"] == "succeeded", fact
                return took
    raise AssertionError("the event stream ended")


def _facts(lines: Iterator[str]) -> Generator[dict[str, dict[str, str]], None, None]:
    kind = ""
    for line in lines:
        if line.startswith("event:"):
            kind = line.removeprefix("event:").strip()
        elif line.startswith("data:") and kind == "fact":
            yield json.loads(line.removeprefix("data:"))
