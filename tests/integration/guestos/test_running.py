"""Scripts of definitions run as Ganeti would run them, and nothing of them stays."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.little_definition import write_definition
from tests.fixtures.skerry_up import until

from skerry.errors import BadInput, CommandFailed, TimedOut
from skerry.guestos.environment import environment_of
from skerry.guestos.instance import Call, Instance, InstanceDisk, InstanceNic, Script
from skerry.guestos.leftovers import Left, left_behind, read_facts
from skerry.guestos.running import Runner
from skerry.guestos.search import find

_LONG_S = 60.0
UUID = "6f1e9c1e-7a55-4c1d-9c39-0f8f4dbb1a01"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(16 * 1024 * 1024)
    return path


def a_call(disk: Path, **parameters: str) -> Call:
    instance = Instance(
        "web1.example.org",
        "little+calm",
        "kvm",
        (InstanceDisk(str(disk), size_mib=16, backend_type="file:loop"),),
        (InstanceNic("52:54:00:00:00:01", link="br0"),),
        uuid=UUID,
    )
    return Call(Script.CREATE, instance, variant="calm", parameters=parameters)


async def run(folder: Path, call: Call, create: str, *, limit_s: float = _LONG_S) -> list[str]:
    write_definition(folder / "os", create=create)
    lines: list[str] = []
    found = find(call.instance.os, [folder / "os"])
    await Runner().run(found.definition, call, on_line=lines.append, limit_s=limit_s)
    return lines


async def test_a_script_gets_ganetis_environment_and_nothing_else(tmp_path: Path, disk: Path) -> None:
    call = a_call(disk, words='quotes " and\nlines')

    await run(tmp_path, call, f"#!/bin/bash\ncat /proc/self/environ > {tmp_path}/environ\n")

    words = (tmp_path / "environ").read_bytes().decode().rstrip("\0").split("\0")
    environment = dict(word.split("=", 1) for word in words)
    of_the_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {name: environment[name] for name in environment.keys() - of_the_shell} == environment_of(call)


async def test_umask_folder_and_closed_input_are_ganetis(tmp_path: Path, disk: Path) -> None:
    lines = await run(tmp_path, a_call(disk), "#!/bin/sh\numask\npwd\nread line || echo end of input\n")

    assert lines == ["0077", str(tmp_path / "os/little"), "end of input"]


async def test_both_outputs_are_one_log_in_their_order(tmp_path: Path, disk: Path) -> None:
    lines = await run(tmp_path, a_call(disk), "#!/bin/sh\necho one\necho two >&2\necho three\nprintf end\n")

    assert lines == ["one", "two", "three", "end"]


async def test_a_failure_tells_the_status_and_the_last_twenty_lines(tmp_path: Path, disk: Path) -> None:
    with pytest.raises(CommandFailed, match=r"little\+calm exited with status 3") as failed:
        await run(tmp_path, a_call(disk), "#!/bin/sh\nseq 1 50\nexit 3\n")

    assert failed.value.message.splitlines()[1:] == [str(number) for number in range(31, 51)]


async def test_a_script_that_takes_too_long_is_asked_to_end_and_may_clean_up(tmp_path: Path, disk: Path) -> None:
    mark = tmp_path / "cleaned"

    with pytest.raises(TimedOut):
        await run(
            tmp_path, a_call(disk), f"#!/bin/sh\ntrap 'touch {mark}; exit 1' TERM\nsleep 600 & wait\n", limit_s=3
        )

    assert mark.exists()
    assert not left(disk)


async def test_cancelling_ends_the_script_and_all_that_it_started(tmp_path: Path, disk: Path) -> None:
    started = tmp_path / "started"
    script = f"#!/bin/sh\ntrap '' TERM\nsetsid sleep 600 &\ntouch {started}\nsleep 600\n"
    running = asyncio.create_task(run(tmp_path, a_call(disk), script))
    async with asyncio.timeout(_LONG_S):
        while not started.exists():
            await asyncio.sleep(0.01)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert not left(disk)


@pytest.fixture
def mount_point(tmp_path: Path) -> Iterator[Path]:
    point = tmp_path / "mounted here"
    point.mkdir()
    yield point
    assert not os.path.ismount(point)


async def test_what_a_script_leaves_behind_is_named_and_removed(
    tmp_path: Path, disk: Path, mount_point: Path
) -> None:
    script = f"""#!/bin/sh
set -e
loop=$(losetup --find --show "$DISK_0_PATH")
mke2fs -q "$loop"
mount "$loop" "{mount_point}"
mount -t tmpfs tmpfs "{mount_point}/lost+found"
cd "{mount_point}"
env -i setsid sleep 600 > /dev/null 2>&1 &
cd /
setsid sleep 601 &
"""

    lines = await run(tmp_path, a_call(disk), script)

    assert not left(disk)
    told = "\n".join(lines)
    assert told.count("left behind: process ") == 2
    assert f"mount {mount_point} of /dev/loop" in told
    assert f"mount {mount_point}/lost+found of tmpfs" in told
    assert "loop device /dev/loop" in told


async def test_what_was_there_before_is_left_alone(tmp_path: Path, disk: Path) -> None:
    other = await asyncio.create_subprocess_exec(
        "losetup", "--find", "--show", disk, stdout=asyncio.subprocess.PIPE
    )
    device = (await other.communicate())[0].decode().strip()
    try:
        await run(tmp_path, a_call(disk), "#!/bin/sh\nexit 0\n")

        assert [loop.path for loop in left(disk).loops] == [device]
    finally:
        ended = await asyncio.create_subprocess_exec("losetup", "--detach", device)
        await ended.wait()


async def test_leftovers_of_a_run_that_was_cut_off_are_found_by_disk_and_uuid(tmp_path: Path, disk: Path) -> None:
    cut = await asyncio.create_subprocess_exec("losetup", "--find", disk)
    await cut.wait()
    disk.unlink()
    script = await asyncio.create_subprocess_exec("sleep", "600", env=environment_of(a_call(disk)))
    lines: list[str] = []

    stays = await Runner().remove_leftovers(UUID, [disk], lines.append)

    assert stays == ()
    assert len(lines) == 2
    assert await script.wait() == -signal.SIGKILL
    assert not left(disk)


@pytest.fixture
def copied(tmp_path: Path, disk: Path, mount_point: Path) -> Iterator[str]:
    """The loop device of a disk, mounted here and in a namespace made since, such as of a started machine."""
    device = subprocess.run(["losetup", "--find", "--show", disk], capture_output=True, text=True, check=True)
    loop = device.stdout.strip()
    subprocess.run(["mke2fs", "-q", loop], check=True)
    subprocess.run(["mount", loop, mount_point], check=True)
    mark = tmp_path / "copied"
    with subprocess.Popen(["unshare", "--mount", "sh", "-c", f"touch {mark}; exec sleep 600"]) as other:
        until(mark.exists, "there is no other namespace")
        yield loop
        other.kill()
    until(lambda: not left_now(disk), "it does not let go")


async def test_a_mount_that_another_namespace_copied_does_not_stand_in_the_way(disk: Path, copied: str) -> None:
    lines: list[str] = []

    stays = await Runner().remove_leftovers(UUID, [disk], lines.append)

    assert stays == ()
    assert lines[-1] == f"detached, until another mount namespace lets go of it: loop device {copied}"


@pytest.mark.parametrize(("words", "refused"), [("good", False), ("bad", True)])
async def test_parameters_are_verified_before_anything_is_made(
    tmp_path: Path, disk: Path, words: str, *, refused: bool
) -> None:
    write_definition(tmp_path)
    found = find("little+calm", [tmp_path])
    call = a_call(disk, words=words)

    if not refused:
        await Runner().verify(found.definition, call, print)
        return
    with pytest.raises(BadInput, match="bad ones are not taken"):
        await Runner().verify(found.definition, call, print)


async def test_a_definition_of_an_older_interface_has_nothing_to_verify_with(tmp_path: Path, disk: Path) -> None:
    write_definition(tmp_path, versions="15\n", verify="#!/bin/sh\nexit 1\n")
    found = find("little+calm", [tmp_path])

    await Runner().verify(found.definition, a_call(disk), print)


def left(disk: Path) -> Left:
    """Other tests may make namespaces at any time, which hold what is let go."""
    return left_now(disk).ours


def left_now(disk: Path) -> Left:
    return left_behind(read_facts(), uuid=UUID, disks=[str(disk)])
