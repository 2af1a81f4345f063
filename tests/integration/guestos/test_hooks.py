"""What hooks find, what they may leave unsaid, and how they are ended, with all that they hold."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.commands import CommandRunner
from skerry.guestos.hooks import HookFailed, Surroundings, run_hooks
from skerry.progress import Collected
from skerry.sizes import MIB

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="hooks run as root"),
    pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="there are no loop devices here"),
]
HOLDS = 'losetup --find "$BLOCKDEV" && touch "$TARGET/here" && exec sleep 4323'


class Node:
    """A disk, a target, and hooks for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk = folder / "disk"
        with self.disk.open("wb") as file:
            file.truncate(8 * MIB)
        self.target = folder / "target"
        (self.target / "etc").mkdir(parents=True)
        self.servers = self.target / "etc/resolv.conf"

    def hook(self, script: str) -> Path:
        path = self.folder / "10-hook"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    async def run(self, hook: Path, *, timeout: float = 60) -> tuple[str, ...]:  # noqa: ASYNC109 - handed on
        around = Surroundings(self.target, str(self.disk), "", {}, self.folder)
        said = Collected()
        await run_hooks([hook], around, CommandRunner(), said, timeout=timeout)
        return tuple(said.lines)

    def loops(self) -> str:
        return losetup("--noheadings", "--output", "NAME", "--associated", self.disk)


def losetup(*words: str | Path) -> str:
    return subprocess.run(["losetup", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.02)


async def test_they_find_the_nodes_name_servers_where_the_guest_has_none(node: Node) -> None:
    node.servers.touch(0o644)

    await node.run(node.hook('cmp /etc/resolv.conf "$TARGET/etc/resolv.conf"'))

    assert node.servers.read_text() == ""


@pytest.mark.parametrize(
    "write", ["echo nameserver 192.0.2.9 >", "echo nameserver 192.0.2.9 | install -m 644 /dev/stdin"]
)
async def test_name_servers_that_they_give_to_the_guest_are_the_guests_alone(node: Node, write: str) -> None:
    node.servers.touch(0o644)
    before = Path("/etc/resolv.conf").read_bytes()

    await node.run(node.hook(f'{write} "$TARGET/etc/resolv.conf"'))

    assert node.servers.read_text() == "nameserver 192.0.2.9\n"
    assert Path("/etc/resolv.conf").read_bytes() == before


async def test_a_guest_has_its_own_name_servers_also_while_they_run(node: Node) -> None:
    node.servers.write_text("nameserver 192.0.2.7\n")

    await node.run(node.hook('grep -qx "nameserver 192.0.2.7" "$TARGET/etc/resolv.conf"'))

    assert node.servers.read_text() == "nameserver 192.0.2.7\n"


async def test_the_log_has_what_they_say(node: Node) -> None:
    hook = node.hook("echo one; echo; echo @two; echo hook /etc/fstab is fine; printf three")

    assert await node.run(hook) == (f"hook {hook}", "one", "", "@two", "hook /etc/fstab is fine", "three")


async def test_one_that_does_not_end_its_last_line_is_named_with_its_status(node: Node) -> None:
    hook = node.hook("echo hook /etc/fstab is fine; printf 'Installing ...'; exit 3")

    with pytest.raises(HookFailed) as raised:
        await node.run(hook)

    assert raised.value.message.splitlines() == [
        f"the hook {hook} failed with status 3:",
        "hook /etc/fstab is fine",
        "Installing ...",
    ]


async def test_one_that_takes_too_long_is_ended_and_its_loop_device_detached(node: Node) -> None:
    hook = node.hook(HOLDS)

    with pytest.raises(HookFailed, match=f"{hook} did not end within 5 s"):
        await node.run(hook, timeout=5)

    assert (node.target / "here").exists()
    assert node.loops() == ""


async def test_one_that_is_cancelled_leaves_no_loop_device(node: Node) -> None:
    running = asyncio.create_task(node.run(node.hook(HOLDS), timeout=60))
    await until((node.target / "here").exists)
    assert node.loops() != ""

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert node.loops() == ""


async def test_a_loop_device_of_somebody_else_stays(node: Node) -> None:
    theirs = losetup("--find", "--show", node.disk)
    try:
        await node.run(node.hook('losetup --find "$BLOCKDEV"'), timeout=60)

        assert node.loops() == theirs
    finally:
        losetup("--detach", theirs.strip())
