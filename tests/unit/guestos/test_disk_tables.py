"""What lies on a disk, read from its own bytes."""

import os
import struct
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.guestos.disks import EXT_UUID, ext4_super_block, gpt, msdos_disk

from skerry.guestos.disk_tables import (
    bytes_needed,
    file_systems,
    is_disk,
    move_gpt_end,
    read_table,
    reader_of,
    reader_of_bytes,
)
from skerry.sizes import MIB


def disk_of(size: int, *parts: tuple[int, bytes]) -> bytes:
    disk = bytearray(size)
    for offset, data in parts:
        disk[offset : offset + len(data)] = data
    return bytes(disk)


def spans(disk: bytes) -> list[tuple[int, int, int]]:
    table = read_table(reader_of_bytes(disk), len(disk))
    assert table
    return [(each.number, each.offset, each.size) for each in table.partitions]


def test_an_empty_disk_has_no_table() -> None:
    assert read_table(reader_of_bytes(bytes(MIB)), MIB) is None


def test_partitions_of_an_mbr() -> None:
    assert spans(disk_of(4 * MIB, *msdos_disk(2048, 4096))) == [(1, MIB, 2 * MIB)]


def test_logical_partitions_of_an_mbr() -> None:
    chain = [
        *msdos_disk(2048, 6000, 0x05),
        *[(2048 * 512 + at, data) for at, data in msdos_disk(8, 100)],
        (2048 * 512 + 462, struct.pack("<B3xB3xII", 0, 0x05, 200, 300)),
        *[((2048 + 200) * 512 + at, data) for at, data in msdos_disk(8, 50)],
    ]

    assert spans(disk_of(8 * MIB, *chain)) == [(5, 2056 * 512, 51200), (6, 2256 * 512, 25600)]


def test_a_chain_of_logical_partitions_that_bites_its_tail_ends() -> None:
    loop = [
        *msdos_disk(2048, 6000, 0x05),
        *[(2048 * 512 + at, data) for at, data in msdos_disk(8, 100)],
        (2048 * 512 + 462, struct.pack("<B3xB3xII", 0, 0x05, 0, 300)),
    ]

    assert len(spans(disk_of(8 * MIB, *loop))) == 1


@pytest.mark.parametrize("sector", [512, 4096])
def test_partitions_of_a_gpt(sector: int) -> None:
    disk = disk_of(8 * MIB, *gpt(8 * MIB // sector - 1, [(256, 511), (512, 767)], sector))

    assert spans(disk) == [(1, 256 * sector, 256 * sector), (2, 512 * sector, 256 * sector)]


def test_partitions_that_leave_the_disk_are_not_believed() -> None:
    assert spans(disk_of(2 * MIB, *msdos_disk(2048, 2**32 - 1))) == []


def test_a_file_system_on_the_whole_disk_goes_before_a_table_in_its_boot_sector() -> None:
    disk = disk_of(2 * MIB, *msdos_disk(8, 8), (1024, ext4_super_block(MIB)))

    (found,) = file_systems(reader_of_bytes(disk), len(disk))

    assert (found.number, found.size, found.uuid) == (0, MIB, str(uuid.UUID(bytes=EXT_UUID)))
    assert read_table(reader_of_bytes(disk), len(disk)) is None


def test_a_file_system_larger_than_its_partition_is_none() -> None:
    disk = disk_of(4 * MIB, *msdos_disk(2048, 2048), (MIB + 1024, ext4_super_block(8 * MIB)))

    assert file_systems(reader_of_bytes(disk), len(disk)) == ()


@pytest.mark.parametrize(
    ("parts", "needed"),
    [
        ([], 8 * MIB),
        ([(1024, ext4_super_block(3 * MIB))], 3 * MIB),
        (msdos_disk(2048, 4096), 3 * MIB),
        (gpt(16383, [(2048, 6143)]), 3 * MIB + 33 * 512),
    ],
    ids=["unknown", "file system", "msdos", "gpt"],
)
def test_what_must_be_kept_of_a_disk(parts: list[tuple[int, bytes]], needed: int) -> None:
    assert bytes_needed(reader_of_bytes(disk_of(8 * MIB, *parts)), 8 * MIB) == needed


@pytest.mark.parametrize(
    ("begin", "yes"),
    [
        (bytes(MIB), True),
        (disk_of(MIB, *msdos_disk(2048, 4096)), True),
        (disk_of(MIB, (1024, ext4_super_block(2**40))), True),
        (disk_of(MIB, (4086, b"SWAPSPACE2")), True),
        (disk_of(MIB, (512, b"LABELONE")), True),
        (b"an error message\n" * 1000, False),
        (b"", True),
    ],
    ids=["zeros", "table", "file system", "swap", "physical volume", "text", "nothing"],
)
def test_what_can_be_a_disk(begin: bytes, yes: bool) -> None:
    assert is_disk(begin) is yes


@given(st.binary(max_size=4096), st.integers(0, 2**64))
def test_no_bytes_are_too_odd(noise: bytes, size: int) -> None:
    disk = disk_of(70000, *msdos_disk(1, 100, 0xEE), (512, b"EFI PART" + noise))

    read_table(reader_of_bytes(disk), size)
    file_systems(reader_of_bytes(noise), size)
    is_disk(noise)


@pytest.mark.parametrize("size", [12 * MIB, 6 * MIB], ids=["larger", "smaller"])
def test_a_gpt_fits_a_disk_of_another_size_afterwards(size: int, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(disk_of(8 * MIB, *gpt(16383, [(2048, 6143)])))
    os.truncate(path, size)

    with path.open("r+b") as file:
        assert move_gpt_end(file.fileno(), size)
        assert read_table(reader_of(file.fileno()), size)

    whole = path.read_bytes()
    written = dict(gpt(size // 512 - 1, [(2048, 6143)]))
    for offset, data in written.items():
        assert whole[offset : offset + len(data)] == data
