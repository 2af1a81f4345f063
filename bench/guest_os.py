"""`skerry guest-os create` beside Debian's ganeti-instance-debootstrap.

Both have a warm cache, and the same file, suite and packages, and are called as Ganeti calls them. Debian's
package must be installed; its calls of udevadm, which waits for a daemon that not every machine runs, are answered
by a program that does nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.figure import Figure

DEBIANS = Path("/usr/share/ganeti/os/debootstrap")
SUITE = "trixie"
SIZE = 2 * 1024**3  # bytes of the disk
TIMES = 5
GOAL = 0.5


def measure() -> list[Figure]:
    """The figure, if there is something to compare with."""
    if os.geteuid() != 0 or not (DEBIANS / "create").exists():
        text = "needs root and the package ganeti-instance-debootstrap"
        return [Figure("guest OS: create, warm cache", text, f"≤ {GOAL} x Debian's", holds=False)]
    with tempfile.TemporaryDirectory(prefix="skerry-bench-", dir="/var/tmp") as name:
        ours, debians = _times(Path(name))
    ratio = statistics.median(ours) / statistics.median(debians)
    text = f"{statistics.median(ours):.2f} s beside {statistics.median(debians):.2f} s: {ratio:.2f} x"
    return [Figure("guest OS: create, warm cache", text, f"≤ {GOAL} x Debian's", ratio <= GOAL)]


def _times(folder: Path) -> tuple[list[float], list[float]]:
    stub = folder / "bin/udevadm"
    stub.parent.mkdir()
    stub.write_text("#!/bin/sh\n")
    stub.chmod(0o755)
    variant = folder / "etc/ganeti/instance-debootstrap/variants/default.conf"
    variant.parent.mkdir(parents=True)
    variant.touch()
    skerry = Path(sys.executable).with_name("skerry")
    places = ["--sysconfdir", str(folder / "etc"), "--localstatedir", str(folder / "var")]
    commands = {"ours": [str(skerry), "guest-os", "create", *places], "debians": [str(DEBIANS / "create")]}
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(TIMES + 1):  # the first one fills the cache
        for name, argv in commands.items():
            seconds = _run(argv, folder, cwd=DEBIANS)
            if number:
                found[name].append(seconds)
    return found["ours"], found["debians"]


def _run(argv: list[str], folder: Path, *, cwd: Path) -> float:
    disk = folder / "disk"
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.truncate(SIZE)
    os.sync()
    began = time.monotonic()
    done = subprocess.run(
        argv,
        env=_environment(disk, folder),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
    )
    seconds = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(f"{argv[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return seconds


def _environment(disk: Path, folder: Path) -> dict[str, str]:
    ours = {"OSP_PARTITION_STYLE": "none", "OSP_KERNEL": "no", "OSP_SUITE": SUITE}
    debians = {"PARTITION_STYLE": "none", "SUITE": SUITE, "OSP_FILESYSTEM": "ext4"}
    return {
        **ours,
        **debians,
        "PATH": f"{folder / 'bin'}:/sbin:/bin:/usr/sbin:/usr/bin",
        "OS_API_VERSION": "20",
        "OS_NAME": "debootstrap",
        "OS_VARIANT": "default",
        "DEBUG_LEVEL": "0",
        "INSTANCE_NAME": "web1.example.org",
        "INSTANCE_OS": "debootstrap+default",
        "HYPERVISOR": "kvm",
        "DISK_COUNT": "1",
        "DISK_0_PATH": str(disk),
        "NIC_COUNT": "0",
    }
