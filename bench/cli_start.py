"""How long a person waits for `skerry vm ls`: the whole program, from its start to its end, against a real server.

Byte-code is cached as in any installed Python program; the first run, which fills the cache, is not counted.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.fixtures.private_libvirt import private_libvirt
from tests.fixtures.skerry_up import new_skerry

from bench.figure import Figure

RUNS = 15
GOAL_MS = 300


def measure() -> list[Figure]:
    """`vm ls` in a pipe, and what of it is Python itself."""
    with private_libvirt() as libvirt, new_skerry(libvirt) as skerry, tempfile.TemporaryDirectory() as folder:
        environment = {
            "HOME": folder,
            "PATH": os.environ["PATH"],
            "PYTHONPYCACHEPREFIX": f"{folder}/byte-code",
            "SKERRY_DATA_DIR": str(skerry.data),
        }
        program = str(Path(sys.executable).parent / "skerry")
        login = [program, "login", "--password-stdin"]
        subprocess.run(login, input=skerry.password, text=True, env=environment, check=True, capture_output=True)
        bare, _ = milliseconds([sys.executable, "-c", "pass"], environment)
        listed, used = milliseconds([program, "vm", "ls"], environment)
        as_json, used_json = milliseconds([program, "vm", "ls", "--json"], environment)
    goal = f"{GOAL_MS} ms"
    return [
        Figure(
            "`skerry vm ls`",
            f"{listed:.0f} ms (processor: {used:.0f}; Python alone: {bare:.0f})",
            goal,
            listed <= GOAL_MS,
        ),
        Figure(
            "`skerry vm ls --json`", f"{as_json:.0f} ms (processor: {used_json:.0f})", goal, as_json <= GOAL_MS
        ),
    ]


def milliseconds(argv: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Medians of whole runs: time, and processor time, which a busy machine blurs less."""
    times, used = [], []
    for _ in range(RUNS + 1):
        began, before = time.perf_counter(), _processor()
        subprocess.run(argv, env=environment, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
        used.append(_processor() - before)
    return statistics.median(times[1:]) * 1000, statistics.median(used[1:]) * 1000


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
