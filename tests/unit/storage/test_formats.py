"""What the first bytes of an image tell."""

import struct
from pathlib import Path

import pytest

from skerry.storage.formats import compression, read_header

MIB = 1024**2
VDI = (0x40, b"\x7f\x10\xda\xbe")


def image(folder: Path, *pieces: tuple[int, bytes], size: int = MIB) -> Path:
    path = folder / "image"
    content = bytearray(size)
    for offset, piece in pieces:
        content[offset : offset + len(piece)] = piece
    path.write_bytes(content)
    return path


def qcow2(
    *, version: int = 3, capacity: int = 8 * MIB, backing: bytes = b"", crypt: int = 0, features: int = 0
) -> bytes:
    offset = 512 if backing else 0
    head = b"QFI\xfb" + struct.pack(">IQIIQI", version, offset, len(backing), 16, 8 * MIB, crypt)
    return head.ljust(72, b"\0") + struct.pack(">Q", features) + bytes(512 - 80) + backing


def gpt(last_sector: int, *, sector: int = 512) -> tuple[int, bytes]:
    return sector, b"EFI PART".ljust(32, b"\0") + struct.pack("<Q", last_sector)


def mbr(kind: int, start: int, count: int) -> tuple[int, bytes]:
    return 446, bytes([0x80, 0, 0, 0, kind, 0, 0, 0]) + struct.pack("<II", start, count) + bytes(48) + b"\x55\xaa"


def iso(sectors: int) -> tuple[int, bytes]:
    return 32768, b"\x01CD001".ljust(80, b"\0") + struct.pack("<I", sectors)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([(0, qcow2())], ("qcow2", 8 * MIB), id="qcow2"),
        pytest.param([(0, qcow2(version=2))], ("qcow2", 8 * MIB), id="qcow2 of the old kind"),
        pytest.param([(0, b"KDMV" + bytes(8) + struct.pack("<Q", 4096))], ("vmdk", 2 * MIB), id="vmdk"),
        pytest.param([VDI, (0x170, struct.pack("<Q", 5 * MIB))], ("vdi", 5 * MIB), id="vdi"),
        pytest.param([(0, b"vhdxfile")], ("vhdx", MIB), id="vhdx"),
        pytest.param([(0, b"conectix"), (48, struct.pack(">Q", 3 * MIB))], ("vpc", 3 * MIB), id="vhd"),
        pytest.param([iso(512)], ("iso", MIB), id="iso"),
        pytest.param([mbr(0x83, 8, 16), iso(512)], ("iso", MIB), id="iso that also boots from a stick"),
        pytest.param([mbr(0x83, 8, 16)], ("raw", MIB), id="raw with an MBR"),
        pytest.param([mbr(0xEE, 1, 0xFFFFFFFF), gpt(2047)], ("raw", MIB), id="raw with a GPT"),
        pytest.param([], ("raw", MIB), id="empty disk"),
    ],
)
def test_a_format_is_known_by_its_magic(
    tmp_path: Path, pieces: list[tuple[int, bytes]], expected: tuple[str, int]
) -> None:
    header = read_header(image(tmp_path, *pieces))

    assert (header.format, header.capacity) == expected
    assert header.refused is None
    assert header.flaw is None
    assert header.plausible


def test_a_qcow2_header_tells_what_else_it_needs(tmp_path: Path) -> None:
    header = read_header(image(tmp_path, (0, qcow2(backing=b"/etc/shadow", crypt=2, features=4))))

    assert header.backing == "/etc/shadow"
    assert header.encrypted
    assert header.external_data


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(0, qcow2(features=2))], id="qcow2 marked as corrupt"),
        pytest.param([mbr(0x83, 2048, 4096)], id="a partition past the end"),
        pytest.param([gpt(4095)], id="no second GPT"),
        pytest.param([gpt(511, sector=4096)], id="no second GPT on 4k sectors"),
        pytest.param([iso(513)], id="half an iso"),
        pytest.param(
            [
                (0x40, b"\x7f\x10\xda\xbe"),
                (0x158, struct.pack("<I", 512)),
                (0x178, struct.pack("<IIII", MIB, 0, 8, 8)),
            ],
            id="half a vdi",
        ),
    ],
)
def test_an_incomplete_image_shows_a_flaw(tmp_path: Path, pieces: list[tuple[int, bytes]]) -> None:
    assert read_header(image(tmp_path, *pieces)).flaw


def test_a_raw_disk_is_whole_sectors(tmp_path: Path) -> None:
    assert "sectors" in (read_header(image(tmp_path, size=MIB + 1)).flaw or "")


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"QED\0", "QED"),
        (b"COWD", "COWD"),
        (b"LUKS\xba\xbe", "LUKS"),
        (b"# Disk DescriptorFile\n", "descriptor"),
        (b"KDMV" + bytes(16), "descriptor"),
        (b"PK\x03\x04", "ZIP"),
        (bytes(257) + b"ustar", "tar"),
        (b"QFI\xfb\0\0\0\x01", "QCOW version 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_formats_that_are_unsafe_or_rare_are_named(tmp_path: Path, start: bytes, name: str) -> None:
    assert name in (read_header(image(tmp_path, (0, start))).refused or "")


def test_a_web_page_is_no_disk(tmp_path: Path) -> None:
    header = read_header(image(tmp_path, (0, b"<!DOCTYPE html><title>404</title>"), size=1024))

    assert not header.plausible


@pytest.mark.parametrize("size", [0, 1, 3, 511, 40000])
def test_any_file_can_be_looked_at(tmp_path: Path, size: int) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"\xff" * size)

    assert read_header(path).format == "raw"


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x1f\x8b\x08", "gz"),
        (b"BZh9", "bz2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zst"),
        (b"QFI\xfb", None),
    ],
)
def test_compression_is_known_by_its_magic(tmp_path: Path, start: bytes, kind: str | None) -> None:
    assert compression(image(tmp_path, (0, start))) == kind
