"""How programs are run."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from skerry.commands import (
    CommandRunner,
    Secret,
    clean_environment,
    find_daemon,
    program_of,
    shown,
    start_daemon,
)
from skerry.errors import CommandFailed, TimedOut, Unavailable

commands = CommandRunner()


async def test_the_output_of_a_program_comes_back() -> None:
    output = await commands.run(["printf", "%s", "fair winds"])

    assert (output.status, output.stdout, output.stderr) == (0, "fair winds", "")


async def test_a_failed_program_names_itself_and_its_last_words() -> None:
    with pytest.raises(CommandFailed) as failure:
        await commands.run(["sh", "-c", "echo starting; echo 'no such volume' >&2; exit 3"])

    assert failure.value.message == "sh ended with status 3: no such volume"
    assert "the command was: sh -c" in (failure.value.hint or "")


async def test_a_program_ended_by_a_signal_says_which() -> None:
    with pytest.raises(CommandFailed, match="was ended by SIGKILL"):
        await commands.run(["sh", "-c", "kill -9 $$"])


async def test_a_status_the_caller_accepts_is_no_failure() -> None:
    assert (await commands.run(["sh", "-c", "exit 3"], ok=(0, 3))).status == 3


async def test_a_program_that_is_not_there_is_named_with_a_hint() -> None:
    with pytest.raises(Unavailable, match="no-such-program is not installed") as failure:
        await commands.run(["no-such-program"])

    assert failure.value.hint


async def test_a_missing_folder_is_not_mistaken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"the folder .* does not exist"):
        await commands.run(["true"], cwd=tmp_path / "gone")


async def test_a_program_over_its_time_is_stopped_with_all_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    with pytest.raises(TimedOut, match=r"sh took longer than 2 s"):
        await commands.run(["sh", "-c", f"sleep 1000 & echo $! > {pid_file}; wait"], timeout=2)

    while find_daemon("sleep", int(pid_file.read_text())):  # it was killed; the kernel takes a moment to end it
        await asyncio.sleep(0.01)


async def test_nothing_of_a_flood_that_nobody_reads_on_stays_open() -> None:
    before = set(Path("/proc/self/fd").iterdir())

    def enough(_line: str) -> None:
        raise ValueError

    with pytest.raises(ExceptionGroup):
        await commands.run(["sh", "-c", "trap '' TERM; exec yes"], on_line=enough, grace=0.3)

    assert set(Path("/proc/self/fd").iterdir()) <= before


async def test_cancelling_the_caller_ends_the_program(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    running = asyncio.create_task(commands.run(["sh", "-c", f"echo $$ > {pid_file}; exec sleep 1000"]))
    while not (pid_file.exists() and pid_file.read_text()):
        await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert find_daemon("sleep", int(pid_file.read_text())) is None


async def test_children_left_behind_by_a_program_are_ended(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    await commands.run(["sh", "-c", f"sleep 1000 > /dev/null 2>&1 & echo $! > {pid_file}"])

    while find_daemon("sleep", int(pid_file.read_text())):  # it was killed; the kernel takes a moment to end it
        await asyncio.sleep(0.01)


async def test_secrets_are_stars_in_failures_and_in_print() -> None:
    secret = Secret("hunter2")

    with pytest.raises(CommandFailed) as failure:
        await commands.run(["sh", "-c", 'echo "wrong: $0" >&2; exit 1', secret])

    assert "hunter2" not in f"{failure.value} {failure.value.hint} {secret!r} {shown(['login', secret])}"
    assert "wrong: ***" in failure.value.message


async def test_input_is_closed_unless_given() -> None:
    assert (await commands.run(["cat"])).stdout == ""
    assert (await commands.run(["cat"], stdin=b"ballast")).stdout == "ballast"


async def test_lines_are_handed_over_as_they_come_and_only_the_last_are_kept() -> None:
    lines: list[str] = []

    output = await commands.run(["seq", "100"], on_line=lines.append)

    assert lines == [str(number) for number in range(1, 101)]
    assert output.stdout.splitlines() == lines[-12:]


async def test_a_flood_without_line_ends_does_not_stop_the_reader() -> None:
    sizes: list[int] = []

    await commands.run(
        ["sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x"], on_line=lambda line: sizes.append(len(line))
    )

    assert sum(sizes) == 5_000_000


def test_the_environment_of_children_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "evil.so")
    monkeypatch.setenv("SKERRY_TOKEN", "hunter2")

    env = clean_environment({"MIRROR": Secret("x")})

    assert "LD_PRELOAD" not in env
    assert "SKERRY_TOKEN" not in env
    assert env["LC_ALL"] == "C.UTF-8"
    assert env["MIRROR"] == "x"
    assert "/usr/sbin" in env["PATH"].split(":")


async def test_a_daemon_has_its_own_session_and_is_known_by_pid_and_start(tmp_path: Path) -> None:
    daemon = start_daemon(["sh", "-c", "echo ready; exec sleep 1000"], log=tmp_path / "log")

    try:
        assert daemon.alive()
        assert os.getsid(daemon.pid) == daemon.pid
        assert find_daemon("sh", daemon.pid) == daemon
        while (tmp_path / "log").read_text() != "ready\n":
            await asyncio.sleep(0.01)
    finally:
        daemon.signal(signal.SIGKILL)
    while daemon.alive():
        await asyncio.sleep(0.01)


def test_a_failure_is_that_of_the_program_behind_its_preparation() -> None:
    argv = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "unshare",
        "--user",
        "--",
        "bwrap",
        "--bind",
        "/x",
        "/",
        "--",
        "/bin/sh",
    ]

    assert program_of(argv) == "sh"
    assert program_of(["unshare", "--pid"]) == "unshare"
    assert program_of(["tar", "--", "file"]) == "tar"
