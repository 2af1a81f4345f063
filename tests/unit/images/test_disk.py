"""The disk's arithmetic, and the files that only the disk knows."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.errors import BadInput
from skerry.images.outputs.disk import (
    SECTOR,
    debugfs_script,
    grub_config,
    layout_for,
    patch_boot_sectors,
    root_files,
    sfdisk_script,
)
from skerry.images.outputs.output import identity
from skerry.images.placing import copy_sparse
from skerry.images.recipe import Packages
from skerry.images.words import Meaning, RootPartition, Source
from skerry.sizes import MIB

MEANING = Meaning(
    Source("debian", "trixie"), Packages(), (), kernel_arguments="quiet", root=RootPartition(64 * MIB)
)


@given(st.integers(min_value=1, max_value=1024 * 1024))
def test_parts_do_not_overlap_and_leave_room_for_both_tables(mebibytes: int) -> None:
    layout = layout_for(RootPartition(mebibytes * MIB))
    first, *rest = layout.partitions

    assert first.start >= 34
    for part, following in zip(layout.partitions, rest, strict=False):
        assert part.end <= following.start
    assert layout.root is layout.partitions[-1]
    assert layout.root.size == mebibytes * MIB
    assert all(part.offset % MIB == 0 for part in layout.partitions)
    assert layout.root.end * SECTOR + 33 * SECTOR <= layout.size
    assert layout.size % MIB == 0
    assert layout.size - layout.root.end * SECTOR <= MIB


@pytest.mark.parametrize("size", [0, -MIB, MIB + 1])
def test_a_root_is_a_whole_number_of_mebibytes(size: int) -> None:
    with pytest.raises(BadInput, match="whole number of MiB"):
        layout_for(RootPartition(size))


def test_identities_follow_from_the_key() -> None:
    assert identity("a", "root") == identity("a", "root")
    assert len({identity(key, name) for key in "ab" for name in ("root", "esp")}) == 4


def test_the_table_names_type_start_and_size() -> None:
    script = sfdisk_script(layout_for(RootPartition(64 * MIB)), "key")

    assert "label: gpt" in script
    assert "start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649" in script
    assert f"start={18 * 2048}, size={64 * 2048}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709" in script


@given(st.binary(min_size=SECTOR, max_size=20 * SECTOR), st.integers(min_value=34, max_value=2**40))
def test_boot_sectors_say_where_the_core_is(core: bytes, sector: int) -> None:
    patched, first = patch_boot_sectors(core, bytes(range(256)) * 2, sector)

    assert len(first) == 440
    assert struct.unpack("<Q", first[0x5C:0x64]) == (sector,)
    rest, sectors, segment = struct.unpack("<QHH", patched[0x1F4:0x200])
    assert (rest, segment) == (sector + 1, 0x820)
    assert len(patched) == (sectors + 1) * SECTOR
    assert patched[SECTOR : len(core)] == core[SECTOR:]


def test_the_menu_is_on_the_serial_port_when_the_kernel_is() -> None:
    both = grub_config(replace(MEANING, kernel_arguments="console=tty0 console=ttyS0,115200"), "uuid")

    assert "terminal_output console serial" in both
    assert "serial" not in grub_config(MEANING, "uuid")
    assert "linux /vmlinuz root=UUID=uuid ro quiet" in grub_config(MEANING, "uuid")


def test_a_root_that_grows_says_so_in_two_places() -> None:
    grows = root_files(replace(MEANING, root=RootPartition(64 * MIB, grow=True)), "uuid")
    stays = root_files(replace(MEANING, root=RootPartition(64 * MIB, grow=False)), "uuid")

    assert "x-systemd.growfs" in grows["/etc/fstab"]
    assert "Type=root" in grows["/etc/repart.d/50-root.conf"]
    assert stays["/etc/fstab"] == "UUID=uuid / ext4 defaults,errors=remount-ro 0 1\n"
    assert set(stays) == {"/etc/fstab", "/boot/grub/grub.cfg"}


def test_files_are_written_as_roots() -> None:
    lines = debugfs_script(["/etc/fstab"]).splitlines()

    assert lines == [
        "mkdir /etc",
        "cd /etc",
        "rm fstab",
        "write file-0 fstab",
        "sif fstab mode 0100644",
        "sif fstab uid 0",
        "sif fstab gid 0",
    ]


def test_a_copy_keeps_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(b"begin")
        file.seek(8 * MIB)
        file.write(b"middle")
        file.truncate(16 * MIB)
    with target.open("wb") as file:
        file.truncate(17 * MIB)
        copy_sparse(source, file.fileno(), MIB)

    data = target.read_bytes()
    assert data[MIB:] == source.read_bytes()
    assert target.stat().st_blocks * 512 < MIB


def test_a_copy_works_where_the_file_systems_cannot_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_words: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3 * MIB))
    with target.open("wb") as file:
        copy_sparse(source, file.fileno(), 512)

    assert target.read_bytes() == bytes(512) + source.read_bytes()
