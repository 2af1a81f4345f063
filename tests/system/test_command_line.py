"""The command line against a whole Skerry: from signing in to a console."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures import little_guest
from tests.fixtures.skerry_up import RunningSkerry
from tests.fixtures.terminal import terminals

Run = Callable[..., str]
VM = "from-the-shell"
PROGRAM = str(Path(sys.executable).parent / "skerry")


@pytest.fixture
def environment(skerry: RunningSkerry, tmp_path: Path) -> dict[str, str]:
    """A person on the machine where Skerry runs, with an empty home."""
    return {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "SKERRY_DATA_DIR": str(skerry.data),
        "TERM": "dumb",
    }


@pytest.fixture
def run(skerry: RunningSkerry, environment: dict[str, str]) -> Iterator[Run]:
    """Runs `skerry` and wants it to succeed; the person is signed in."""

    def run(*words: object, stdin: str | bytes = "", status: int = 0) -> str:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        argv = [PROGRAM, *map(str, words)]
        done = subprocess.run(argv, input=data, capture_output=True, env=environment, timeout=300, check=False)
        assert done.returncode == status, f"{argv}: {done.returncode}\n{done.stdout!r}\n{done.stderr.decode()}"
        return done.stdout.decode()

    run("login", "--password-stdin", stdin=skerry.password + "\n")
    try:
        yield run
    finally:
        skerry.delete_vm(VM)


def test_login_on_the_same_machine_asks_nothing_but_the_password(skerry: RunningSkerry, run: Run) -> None:
    assert json.loads(run("whoami", "--json")) == {"user": "admin", "url": skerry.url}
    assert json.loads(run("version", "--json"))["url"] == skerry.url


def test_a_machine_lives_its_life_from_the_shell(run: Run, environment: dict[str, str], tmp_path: Path) -> None:
    disk = tmp_path / "little.raw"
    disk.write_bytes(little_guest.disk())
    run("image", "import", disk, "--name", "little-from-shell")
    try:
        _live(run, environment)
    finally:
        run("image", "delete", "little-from-shell", "--yes")

    assert VM not in run("vm", "ls")


def _live(run: Run, environment: dict[str, str]) -> None:
    made = _json(
        run("vm", "create", VM, "-t", "little-from-shell", "--memory", "32M", "--network", "none", "--json")
    )
    assert made["state"] == "running"
    with terminals([PROGRAM], environment) as open_terminal:
        console = open_terminal("vm", "console", VM)
        console.expect(little_guest.GREETING.strip())
        console.type(b"echo")
        console.expect(b"echo")
        console.type(b"\x1d")
        assert console.end() == 0
    assert little_guest.GREETING.decode().strip() in run("vm", "log", VM)
    run("vm", "pause", VM)
    run("vm", "resume", VM)
    run("vm", "poweroff", VM)
    changed = ("--memory", "48M", "--title", "Little", "--boot", "hd")
    run("vm", "set", VM, *changed)
    run("vm", "disk", "add", VM, "16M")
    run("vm", "disk", "resize", VM, "vdb", "+16M")
    shown = _json(run("vm", "show", VM, "--json"))
    assert (shown["memory"], shown["title"]) == (48 * 1024**2, "Little")
    assert {disk["target"]: disk["size"] for disk in shown["disks"]}["vdb"] == 32 * 1024**2

    run("vm", "delete", VM, "--yes")


def _json(text: str) -> Any:
    return json.loads(text)


def test_what_is_wrong_ends_with_its_status(run: Run) -> None:
    run("vm", "show", "nowhere", status=3)
    run("vm", "create", "a b", status=2)
    run("vm", "create", VM, "--template", "nowhere", status=3)
    run("vm", "create", VM, "--memory", "1P", status=2)


def test_a_definition_is_edited_in_an_editor(run: Run, environment: dict[str, str], tmp_path: Path) -> None:
    run("vm", "create", VM, "--memory", "32M", "--network", "none", "--no-start")
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's|<name>.*</name>|&<title>Edited</title>|' \"$1\"\n")
    editor.chmod(0o755)
    environment["VISUAL"] = str(editor)

    run("vm", "edit", VM)

    assert "<title>Edited</title>" in run("vm", "xml", VM)
    assert _json(run("vm", "show", VM, "--json"))["title"] == "Edited"
