"""Exports of older definitions, by real dump and restore."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.fixtures.guest_disks import check_ext, debugfs, ext4

from skerry.errors import BadInput
from skerry.guestos.content import Store
from skerry.guestos.dumps import import_dump
from skerry.guestos.renaming import Programs
from skerry.guestos.settings import settings_of
from skerry.guestos.streams import BadStream
from skerry.progress import Quiet
from skerry.sizes import MIB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="dump reads a block device")
UUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def dump(tmp_path: Path, tree: Path) -> Path:
    """The dump of a guest with a hard link, a hole, owners, and links that lead out of it."""
    (tree / "etc/fstab").write_text(f"UUID={UUID} / ext3 errors=remount-ro 0 1\n")
    os.link(tree / "etc/hostname", tree / "etc/same")
    (tree / "dev").mkdir()
    os.mknod(tree / "dev/console", 0o020600, os.makedev(5, 1))
    (tree / "data").write_bytes(bytes(MIB) + b"end")
    os.chown(tree / "data", 1000, 1001)
    (tree / "more").write_bytes(b"x" * 2 * MIB)
    disk, target = ext4(tmp_path / "old", tree), tmp_path / "old.dump"
    device = subprocess.run(["losetup", "--find", "--show", disk], capture_output=True, text=True, check=True)
    try:
        with target.open("wb") as stream:
            subprocess.run(
                ["dump", "-0", "-q", "-f", "-", device.stdout.strip()],
                stdout=stream,
                stderr=subprocess.PIPE,
                check=True,
            )
    finally:
        subprocess.run(["losetup", "--detach", device.stdout.strip()], check=True)
    return target


def store(programs: Programs) -> Store:
    return Store(programs.cache, programs.commands, Quiet())


async def load(stream: Path, disk: Path, programs: Programs, style: str = "none") -> None:
    await programs.cache.prepare()
    with stream.open("rb") as source:
        await import_dump(disk, source, settings_of(parameters={"partition_style": style}), store(programs))


def disk_of(path: Path, size: int) -> Path:
    path.touch()
    os.truncate(path, size)
    return path


async def test_a_dump_becomes_the_disk_that_it_was_of(
    tmp_path: Path, dump: Path, outside: Path, programs: Programs
) -> None:
    disk = disk_of(tmp_path / "new", 96 * MIB)

    await load(dump, disk, programs)

    check_ext(disk)
    assert UUID in debugfs(disk, "stats -h")
    assert "metadata_csum" not in debugfs(disk, "features")
    assert "restoresymtable" not in debugfs(disk, "ls /")
    assert "Links: 2" in debugfs(disk, "stat /etc/same")
    assert f'Fast link dest: "{outside}"' in debugfs(disk, "stat /etc/mailname")
    facts = debugfs(disk, "stat /data")
    assert "User:  1000   Group:  1001" in facts
    assert f"Size: {MIB + 3}" in facts
    assert not list((programs.cache.root / "tmp").iterdir())


async def test_a_dump_is_put_into_a_partition_where_the_settings_say_so(
    tmp_path: Path, dump: Path, programs: Programs
) -> None:
    disk = disk_of(tmp_path / "new", 96 * MIB)

    await load(dump, disk, programs, "msdos")

    assert debugfs(disk, "cat /etc/hostname", 2048 * 512) == "web.example.org\n"


async def test_a_dump_that_is_cut_off_is_noticed_before_the_disk_is_touched(
    tmp_path: Path, dump: Path, programs: Programs
) -> None:
    disk = tmp_path / "new"
    disk.write_bytes(b"as it was".ljust(96 * MIB, b"\0"))
    os.truncate(dump, dump.stat().st_size - 20480)

    with pytest.raises(BadStream, match="cut off"):
        await load(dump, disk, programs)

    assert disk.read_bytes()[:9] == b"as it was"
    assert not list((programs.cache.root / "tmp").iterdir())


async def test_a_disk_that_is_too_small_for_a_dump_is_told_so(
    tmp_path: Path, dump: Path, programs: Programs
) -> None:
    with pytest.raises(BadInput, match="do not fit"):
        await load(dump, disk_of(tmp_path / "new", MIB), programs)
