"""Sections that are added to an EFI program."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from skerry.errors import BadImage
from skerry.images.outputs.pe import Section, add_sections

HEADERS = 1024  # bytes, of which the table uses what it needs


def make_stub(path: Path, *, headers: int = HEADERS) -> Path:
    """A program with one section of 512 bytes, which lies at address 4096."""
    data = bytearray(headers)
    data[:2] = b"MZ"
    struct.pack_into("<I", data, 0x3C, 64)
    data[64:68] = b"PE\0\0"
    struct.pack_into("<HHIIIHH", data, 68, 0x8664, 1, 0, 0, 0, 112, 0x22)
    struct.pack_into("<H", data, 88, 0x20B)
    struct.pack_into("<II", data, 88 + 32, 4096, 512)  # alignments
    struct.pack_into("<I", data, 88 + 56, 8192)  # size of the image
    struct.pack_into("<I", data, 88 + 60, headers)
    struct.pack_into("<8sIIIIIIHHI", data, 88 + 112, b".text", 100, 4096, 512, headers, 0, 0, 0, 0, 0x60000020)
    path.write_bytes(bytes(data) + b"T" * 512)
    return path


def sections(program: bytes) -> dict[str, tuple[int, bytes]]:
    """Address and content of each section, by name."""
    count = struct.unpack_from("<H", program, 70)[0]
    found = {}
    for number in range(count):
        name, size, address, raw, offset = struct.unpack_from("<8sIIII", program, 200 + number * 40)
        assert raw % 512 == offset % 512 == 0
        found[name.rstrip(b"\0").decode()] = (address, program[offset : offset + size])
    return found


def test_added_sections_lie_behind_the_stubs_own(tmp_path: Path) -> None:
    (tmp_path / "initrd").write_bytes(b"I" * 5000)
    target = io.BytesIO()

    add_sections(
        make_stub(tmp_path / "stub"),
        [Section(".cmdline", b"root=x\0"), Section(".initrd", tmp_path / "initrd"), Section(".linux", b"L")],
        target,
    )

    found = sections(target.getvalue())
    assert found[".text"][1] == b"T" * 100
    assert found[".cmdline"] == (8192, b"root=x\0")
    assert found[".initrd"] == (12288, b"I" * 5000)
    assert found[".linux"] == (20480, b"L")
    assert struct.unpack_from("<I", target.getvalue(), 88 + 56)[0] == 24576  # the whole image


def test_a_stub_without_room_is_refused(tmp_path: Path) -> None:
    stub = make_stub(tmp_path / "stub", headers=512)

    with pytest.raises(BadImage, match="no room"):
        add_sections(stub, [Section(f".s{n}", b"") for n in range(8)], io.BytesIO())


@pytest.mark.parametrize("content", [b"", b"MZ", b"#!/bin/sh\n" * 20, b"MZ" + bytes(200)])
def test_what_is_no_program_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "stub").write_bytes(content)

    with pytest.raises(BadImage, match="no EFI program"):
        add_sections(tmp_path / "stub", [], io.BytesIO())
