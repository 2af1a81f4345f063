"""`skerry guest-os export` and `import` as Ganeti calls them: in a pipeline, with a wiped environment."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.guest_disks import check_ext, ext4

from skerry.sizes import MIB

SKERRY = Path(sys.executable).with_name("skerry")


def environment(disk: Path, **more: str) -> dict[str, str]:
    """What Ganeti gives for the second disk of an instance."""
    transfer = {
        f"{kind}_{name}": value
        for kind in ("EXPORT", "IMPORT")
        for name, value in (("INDEX", "1"), ("DEVICE", str(disk)), ("DISK_PATH", str(disk)))
    }
    return {
        "PATH": "/sbin:/bin:/usr/sbin:/usr/bin",
        "OS_API_VERSION": "20",
        "OS_NAME": "skerry",
        "OS_VARIANT": "",
        "INSTANCE_NAME": "web.example.org",
        "INSTANCE_OS": "skerry",
        "HYPERVISOR": "kvm",
        "DISK_COUNT": "2",
        "DISK_0_PATH": "/nowhere/first",
        "DISK_1_PATH": "/nowhere/second",  # the snapshot that is exported is another device
        "NIC_COUNT": "0",
        **transfer,
        **more,
    }


def call(
    verb: str, disk: Path, *, stdin: bytes = b"", pass_fds: tuple[int, ...] = (), **more: str
) -> tuple[int, bytes, str]:
    places = ["--sysconfdir", str(disk.parent), "--localstatedir", str(disk.parent)]
    done = subprocess.run(
        [SKERRY, "guest-os", verb, *places],
        env=environment(disk, **more),
        cwd=disk.parent,
        input=stdin,
        capture_output=True,
        pass_fds=pass_fds,
        check=False,
        umask=0o077,
    )
    return done.returncode, done.stdout, done.stderr.decode()


@contextlib.contextmanager
def device_of(file: Path) -> Iterator[Path]:
    argv = ["losetup", "--find", "--show", file]
    device = Path(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip())
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def sized(path: Path, size: int, content: bytes = b"") -> Path:
    path.write_bytes(content)
    os.truncate(path, size)
    return path


def test_a_disk_goes_from_one_node_to_another(tmp_path: Path, tree: Path) -> None:
    disk, target = ext4(tmp_path / "disk", tree), sized(tmp_path / "target", 40 * MIB, b"old" * MIB)
    reading, writing = os.pipe()

    status, stream, words = call("export", disk, EXP_SIZE_FD=str(writing), pass_fds=(writing,))
    os.close(writing)
    with os.fdopen(reading) as told:
        expected = told.read()
    imported, nothing, log = call("import", target, stdin=stream)

    assert (status, imported, nothing) == (0, 0, b""), words + log
    assert expected.endswith("\n")
    assert len(stream) < int(expected) < 32 * MIB
    assert target.read_bytes()[: 32 * MIB] == disk.read_bytes()
    assert not any(target.read_bytes()[32 * MIB :])
    check_ext(target)


@pytest.mark.skipif(os.geteuid() != 0, reason="loop devices are root's")
def test_block_devices_are_cleared_where_the_disk_is_empty(tmp_path: Path, tree: Path) -> None:
    disk, target = ext4(tmp_path / "disk", tree), sized(tmp_path / "target", 32 * MIB + 4096, b"old" * MIB * 11)
    with device_of(disk) as source, device_of(target) as where:
        _, stream, _ = call("export", source)
        status, _, log = call("import", where, stdin=stream)

    assert status == 0, log
    assert target.read_bytes() == disk.read_bytes() + bytes(4096)


@pytest.mark.skipif(os.geteuid() != 0, reason="loop devices are root's")
def test_a_mounted_device_is_not_written_to(tmp_path: Path, tree: Path) -> None:
    disk, where = ext4(tmp_path / "disk", tree), tmp_path / "mounted"
    where.mkdir()
    _, stream, _ = call("export", disk)
    with device_of(disk) as device:
        subprocess.run(["mount", "-o", "ro", device, where], check=True)
        try:
            status, _, log = call("import", device, stdin=stream)
        finally:
            subprocess.run(["umount", where], check=True)

    assert status == 6
    assert "is in use" in log


def test_an_export_that_broke_off_fails_the_import(tmp_path: Path, tree: Path) -> None:
    disk, target = ext4(tmp_path / "disk", tree), sized(tmp_path / "target", 32 * MIB)
    _, stream, _ = call("export", disk)

    status, _, log = call("import", target, stdin=stream[:-100])

    assert status == 2
    assert log.splitlines()[-2:] == [
        "error: the stream ends too early: it was cut off",
        "hint: export the disk again, and look at the sender's log",
    ]


def test_raw_is_what_any_program_reads(tmp_path: Path, tree: Path) -> None:
    disk = ext4(tmp_path / "disk", tree)

    _, stream, _ = call("export", disk, OSP_EXPORT_FORMAT="raw")

    assert stream == disk.read_bytes()


@pytest.mark.parametrize("verb", ["export", "import"])
def test_what_ganeti_did_not_say_is_named(verb: str, tmp_path: Path) -> None:
    names = {f"{verb.upper()}_{name}": "" for name in ("DEVICE", "DISK_PATH")}

    status, stdout, log = call(verb, tmp_path / "disk", **names)

    assert (status, stdout) == (2, b"")
    assert f"the variable {verb.upper()}_DEVICE is missing" in log
