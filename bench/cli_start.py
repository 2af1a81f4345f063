"""How long a person waits for `skerry vm ls`: the whole program, from its start to its end, against a real server.

Byte-code is cached as in any installed Python program; the first run, which fills the cache, is not counted.
"""

from __future__ import annotations

import os
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
        bare = milliseconds([sys.executable, "-c", "pass"], environment)
        listed = milliseconds([program, "vm", "ls"], environment)
        as_json = milliseconds([program, "vm", "ls", "--json"], environment)
    goal = f"{GOAL_MS} ms"
    return [
        Figure("`skerry vm ls`", f"{listed:.0f} ms (Python alone: {bare:.0f})", goal, listed <= GOAL_MS),
        Figure("`skerry vm ls --json`", f"{as_json:.0f} ms", goal, as_json <= GOAL_MS),
    ]


def milliseconds(argv: list[str], environment: Mapping[str, str]) -> float:
    """Median time of a whole run."""
    times = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run(argv, env=environment, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:]) * 1000
