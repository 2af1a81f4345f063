"""What is asked to end takes back what it began, and is gone; told by real processes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

_PROGRAM = """
import asyncio, sys
from skerry.cli.ending import run_until_told

async def work():
    try:
        print("begun", flush=True)
        await {waiting}
    finally:
        await asyncio.sleep(0)
        print("taken back", flush=True)

run_until_told(work())
print("done", flush=True)
"""
FOR_EVER = "asyncio.Event().wait()"
FOR_A_PIPE = "asyncio.to_thread(sys.stdin.buffer.read)"
NOT_AT_ALL = "asyncio.sleep(0)"


def start(waiting: str, *before: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-c", _PROGRAM.format(waiting=waiting)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("waiting", [FOR_EVER, FOR_A_PIPE], ids=["a task", "a thread"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["TERM", "HUP"])
def test_what_is_asked_to_end_cleans_up_and_says_why(number: signal.Signals, status: int, waiting: str) -> None:
    with start(waiting) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "begun\n"

        process.send_signal(number)

        assert process.stdout.read() == "taken back\n"  # before its input ends
        assert process.stderr.read() == f"stopped by {number.name}\n"
        assert process.wait() == status


def test_a_hangup_that_nobody_is_to_hear_is_not_heard() -> None:
    with start(FOR_A_PIPE, "nohup") as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "begun\n"

        process.send_signal(signal.SIGHUP)
        process.stdin.close()

        assert process.stdout.read() == "taken back\ndone\n"
        assert process.wait() == 0


def test_what_nobody_disturbs_ends_by_itself() -> None:
    with start(NOT_AT_ALL) as process:
        out, err = process.communicate()

        assert (out, err, process.returncode) == ("begun\ntaken back\ndone\n", "", 0)
