"""What an idle Skerry costs: processor time of `skerry up` while nothing happens, with and without a machine."""

from __future__ import annotations

import time

import psutil
from tests.fixtures.private_libvirt import private_libvirt
from tests.fixtures.skerry_up import RunningSkerry, new_skerry

from bench.figure import Figure

WATCHED_S = 20.0
SETTLE_S = 5.0


def measure() -> list[Figure]:
    """Share of one core, and memory."""
    with private_libvirt() as libvirt, new_skerry(libvirt) as skerry:
        empty = _share(skerry)
        body = {"name": "idle", "memory": 64 * 1024**2, "disks": [], "nics": [], "start": True}
        skerry.do("POST", "vms", body)
        one = _share(skerry)
        resident = psutil.Process(skerry.pid).memory_info().rss
        skerry.delete_vm("idle")
    return [
        Figure("idle manager", f"{empty:.1%} of a core", "5 % of a core", empty <= 0.05),
        Figure("idle manager, one machine runs", f"{one:.1%} of a core", "5 % of a core", one <= 0.05),
        Figure("memory of `skerry up`", f"{resident / 1024**2:.0f} MiB", "as measured", holds=True),
    ]


def _share(skerry: RunningSkerry) -> float:
    process = psutil.Process(skerry.pid)
    time.sleep(SETTLE_S)
    before = process.cpu_times()
    time.sleep(WATCHED_S)
    after = process.cpu_times()
    return ((after.user - before.user) + (after.system - before.system)) / WATCHED_S
