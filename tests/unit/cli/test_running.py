"""One `skerry up` a data folder, and how others find it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.cli.running import (
    AlreadyRunning,
    NotRunning,
    announced,
    find,
    only_one,
    stop,
    tell_systemd,
)
from skerry.commands import find_daemon
from skerry.errors import TimedOut, Unavailable

URL = "https://127.0.0.1:8443"
_OTHER = """
import pathlib, signal, sys
from skerry.cli.running import announced, only_one
folder = pathlib.Path(sys.argv[1])
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with only_one(folder), announced(folder, "https://127.0.0.1:8443", "0.1.0"):
    print("ready", flush=True)
    signal.pause()
"""


def start_other(folder: Path, how: str = "") -> subprocess.Popen[str]:
    """Another process that holds the folder."""
    other = subprocess.Popen([sys.executable, "-c", _OTHER, str(folder), how], stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "ready\n"
    return other


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A running Skerry, as far as others see it."""
    with start_other(tmp_path) as process:
        yield process
        process.kill()


def test_two_do_not_work_on_one_folder(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(AlreadyRunning, match=f"process {other.pid}, {URL}"), only_one(tmp_path):
        pass


def test_a_folder_is_free_again_after_kill_9(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()

    assert find(tmp_path) is None
    with only_one(tmp_path):
        pass


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunning), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable, match="file/data"), only_one(tmp_path / "file" / "data"):
        pass


def test_the_note_is_there_as_long_as_we_run(tmp_path: Path) -> None:
    with announced(tmp_path, URL, "0.1.0"):
        running = find(tmp_path)
        assert running
        assert (running.pid, running.url) == (os.getpid(), URL)
    assert find(tmp_path) is None


def test_another_program_with_the_same_pid_is_not_taken_for_us(tmp_path: Path) -> None:
    me = find_daemon("me", os.getpid())
    assert me
    note = {"pid": me.pid, "started": me.started - 1, "url": URL, "version": "0.1.0"}
    (tmp_path / "running.json").write_text(json.dumps(note))

    assert find(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_torn_note_is_no_note(tmp_path: Path, text: str) -> None:
    (tmp_path / "running.json").write_text(text)

    assert find(tmp_path) is None


async def test_down_asks_it_to_stop_and_waits(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    stopped = await stop(tmp_path, timeout_s=30)

    assert stopped.pid == other.pid
    assert other.wait() == -signal.SIGTERM


async def test_down_says_when_there_is_nothing_to_stop(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=str(tmp_path)):
        await stop(tmp_path, timeout_s=1)


async def test_down_does_not_wait_for_ever(tmp_path: Path) -> None:
    with start_other(tmp_path, "deaf") as process:
        try:
            with pytest.raises(TimedOut, match=f"process {process.pid}"):
                await stop(tmp_path, timeout_s=0.1)
        finally:
            process.kill()


async def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        tell_systemd("READY=1")

        assert await asyncio.to_thread(systemd.recv, 100) == b"READY=1"


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    tell_systemd("READY=1")
