"""Finding the processes of machines."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from skerry.hypervisor.processes import Processes

ONE = UUID("11111111-1111-4111-8111-111111111111")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "version").write_text("Linux")
    (tmp_path / "self").mkdir()
    return tmp_path


def process(proc: Path, pid: int, *words: str, started_s_ago: float = 60, name: str = "qemu (x) y") -> None:
    ticks = int((time.clock_gettime(time.CLOCK_BOOTTIME) - started_s_ago) * os.sysconf("SC_CLK_TCK"))
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    (folder / "cmdline").write_bytes("\0".join(words).encode() + b"\0")
    (folder / "stat").write_text(f"{pid} ({name}) S {' '.join('0' for _ in range(18))} {ticks} 0 0\n")


def guest(proc: Path, pid: int, uuid: UUID = ONE, **more: float) -> None:
    process(proc, pid, "/usr/bin/qemu-system-x86_64", "-name", "guest=one", "-uuid", str(uuid), "-S", **more)  # type: ignore[arg-type]


def test_a_machine_runs_since_its_process_was_started(proc: Path) -> None:
    guest(proc, 7, started_s_ago=3600)

    since = Processes(proc).running_since(ONE)

    assert since is not None
    assert abs(datetime.now(UTC) - timedelta(hours=1) - since) < timedelta(seconds=30)


def test_the_answer_stays_the_same_while_the_process_does(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest(proc, 7)
    processes = Processes(proc)
    first = processes.running_since(ONE)
    real = time.clock_gettime
    monkeypatch.setattr(time, "clock_gettime", lambda clock: real(clock) + 100)  # the clock was set
    guest(proc, 8, UUID(int=8))

    assert processes.running_since(UUID(int=8)) is not None
    assert processes.running_since(ONE) == first


def test_a_machine_that_was_started_again_runs_since_then(proc: Path) -> None:
    guest(proc, 7, started_s_ago=3600)
    processes = Processes(proc)
    first = processes.running_since(ONE)

    guest(proc, 7, started_s_ago=10)

    second = processes.running_since(ONE)
    assert first is not None
    assert second is not None
    assert second > first


@pytest.mark.parametrize(
    "words",
    [[], ["-uuid"], ["qemu-system-x86_64", "-uuid"], ["qemu", "-uuid", "no"], ["grep", "-uuid", str(ONE)]],
)
def test_other_processes_are_not_taken_for_machines(proc: Path, words: list[str]) -> None:
    process(proc, 7, *words)
    (proc / "8").mkdir()  # it ended while we looked

    assert Processes(proc).running_since(ONE) is None
