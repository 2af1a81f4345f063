"""What a foreign definition leaves when it fails in the helper machine, or when its caller is killed: nothing."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from tests.fixtures.booted import ANSWER_S
from tests.fixtures.little_definition import write_definition

from skerry.images.settings import BuildSettings

CREATE = """#!/bin/sh
mke2fs -q "$DISK_0_PATH"
mkdir "/tmp/a point"
mount "$DISK_0_PATH" "/tmp/a point"
sleep 600 &
echo "the script works on $DISK_0_PATH"
[ "$OSP_WORDS" = fail ] && exit 7
wait
"""


def start(folder: Path, settings: BuildSettings, words: str) -> subprocess.Popen[str]:
    argv = [str(Path(sys.executable).with_name("skerry")), "guest-os", "run", "little+calm", "create", "--helper"]
    argv += ["--path", str(folder / "os"), "--disk", f"{folder}/disk:64M", "--os-param", f"words={words}"]
    env = {**os.environ, "SKERRY_IMAGE_CACHE": str(settings.cache)}
    return subprocess.Popen(argv, env=env, text=True, stderr=subprocess.PIPE)


def children(pid: int) -> list[int]:
    lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    return [int(word) for words in lists for word in words]


def assert_ends(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], ANSWER_S)[0], f"process {pid} runs on"
    finally:
        os.close(descriptor)


def test_killed_and_failing_it_leaves_nothing(tmp_path: Path, kept_guests: BuildSettings) -> None:
    write_definition(tmp_path / "os", create=CREATE)
    with start(tmp_path, kept_guests, "wait") as process:
        try:
            assert process.stderr is not None
            assert any("the script works on /dev/vda" in line for line in process.stderr)
            machines = children(process.pid)
        finally:
            process.kill()
    assert machines
    for machine in machines:
        assert_ends(machine)

    (tmp_path / "disk").unlink()
    with start(tmp_path, kept_guests, "fail") as process:
        _, said = process.communicate(timeout=900)

    assert process.returncode
    assert "exited with status 7 in the helper machine" in said
    assert "(sleep); ending it" in said
    assert "left behind: mount /tmp/a point of /dev/vda; removing it" in said
    assert not (tmp_path / "disk").exists()
    assert list((kept_guests.cache / "tmp").iterdir()) == []
