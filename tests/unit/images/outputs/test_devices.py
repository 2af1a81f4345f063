"""Volumes and mirrors, as bytes on disks."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.images.outputs.layouts import identity, mirrored, plain, with_subvolumes, with_volumes

from skerry.errors import BadInput
from skerry.images.layout import ARRAY_HEAD, PV_HEAD, SECTOR
from skerry.images.outputs import lvm, raid
from skerry.images.outputs.devices import Extent, below, check_devices, extents, find_partition
from skerry.sizes import MIB


def offset_of(layout_name: str, layout: object) -> int:
    found = find_partition(layout, layout_name)  # type: ignore[arg-type]
    assert found
    return found[1].offset


def test_a_partition_is_one_piece() -> None:
    layout = plain()

    assert extents(layout, "root") == [Extent("sda", 18 * MIB, 0, 512 * MIB)]


def test_a_volume_may_be_on_two_disks() -> None:
    layout = with_volumes()
    first, second = extents(layout, "vg-a/root")

    assert first == Extent("sda", offset_of("pv.01", layout) + PV_HEAD, 0, 64 * MIB)
    assert second == Extent("sdb", offset_of("pv.02", layout) + PV_HEAD, 64 * MIB, 64 * MIB)
    assert extents(layout, "vg-a/home")[0].offset == second.offset + second.size
    assert below(layout, "vg-a/root") == {"vg-a/root", "pv.01", "pv.02"}


@given(st.integers(0, 127), st.integers(1, 128))
def test_a_range_of_a_volume_has_all_its_bytes_once(begin: int, size: int) -> None:
    size = min(size, 128 - begin)
    pieces = extents(with_volumes(), "vg-a/root", begin * MIB, size * MIB)

    here = 0
    for piece in pieces:
        assert piece.begin == here
        here += piece.size
    assert here == size * MIB


def test_a_mirror_comes_once_for_each_member() -> None:
    layout = mirrored()

    assert extents(layout, "md/root") == [
        Extent(disk, offset_of(name, layout) + ARRAY_HEAD, 0, layout.sizes["md/root"])
        for disk, name in (("sda", "raid.01"), ("sdb", "raid.02"))
    ]


def test_a_btrfs_is_its_partition() -> None:
    layout = with_subvolumes()

    assert extents(layout, "btrfs/all") == extents(layout, "btrfs.01")


def test_what_cannot_be_written_into_files_is_refused_by_name() -> None:
    for layout in (plain(), with_volumes(), mirrored(), with_subvolumes()):
        check_devices(layout)
    striped = replace(mirrored().arrays[0], level="raid0")
    wide = replace(with_subvolumes().btrfs[0], members=("a", "b"))

    with pytest.raises(BadInput, match="md/root: a RAID of level raid0"):
        check_devices(replace(plain(), arrays=(striped,)))
    with pytest.raises(BadInput, match="btrfs/all: a btrfs over 2 partitions"):
        check_devices(replace(plain(), btrfs=(wide,)))


def test_a_physical_volume_has_label_and_metadata_with_their_checksums() -> None:
    layout = with_volumes()
    head = lvm.head(layout.groups[0], "pv.01", layout.sizes, identity, 1_700_000_000)

    label, area = head[SECTOR : 2 * SECTOR], head[4096 : 4096 + SECTOR]
    assert label.startswith(b"LABELONE")
    assert struct.unpack("<I", label[16:20]) == (lvm.crc(label[20:]),)
    assert struct.unpack("<I", area[:4]) == (lvm.crc(area[4:]),)
    offset, size, checksum = struct.unpack("<QQI", area[40:60])
    text = head[4096 + offset : 4096 + offset + size]
    assert (checksum, text[-1:]) == (lvm.crc(text), b"\0")
    assert len(head) < PV_HEAD


def test_the_metadata_says_which_extents_a_volume_has() -> None:
    layout = with_volumes()
    text = lvm.metadata(layout.groups[0], layout.sizes, identity, 1_700_000_000)

    assert text.startswith("vg-a {\n")
    assert text.count("{") == text.count("}")
    assert re.search(r"root \{.*segment_count = 2", text, re.DOTALL)
    assert 'stripes = ["pv0", 0]' in text
    assert 'stripes = ["pv1", 0]' in text
    assert 'stripes = ["pv1", 16]' in text
    assert re.search(r'id = "\w{6}(-\w{4}){5}-\w{6}"', text)


def test_lvm_counts_otherwise_than_zlib() -> None:
    assert lvm.crc(b"") == 0xF597A6CF


def test_members_of_a_mirror_differ_in_number_and_agree_on_the_rest() -> None:
    layout = mirrored()
    sizes = [layout.sizes[name] for name in ("raid.01", "raid.02")]
    one, two = (raid.superblock(layout.arrays[0], number, sizes, identity, 1_700_000_000) for number in (0, 1))

    assert struct.unpack("<II", one[:8]) == (0xA92B4EFC, 1)
    assert one[0x10:0x20] == two[0x10:0x20]
    assert (one[0xA0], two[0xA0]) == (0, 1)
    assert struct.unpack("<QQQ", one[0x80:0x98]) == (2048, 100 * MIB // SECTOR, 8)
    for block in (one, two):
        blank = block[:0xD8] + bytes(4) + block[0xDC:]
        assert struct.unpack("<I", block[0xD8:0xDC]) == (raid.checksum(blank),)
