"""Adds sections to an EFI program: how kernel, initial RAM disk and command line get into a unified kernel image.

The stub of systemd is a PE file (https://learn.microsoft.com/windows/win32/debug/pe-format) whose header has room
for more sections; it finds them by name (https://uapi-group.org/specifications/specs/unified_kernel_image/).
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from skerry.errors import BadImage

_SECTION = struct.Struct("<8sIIIIIIHHI")
_READABLE_DATA = 0x40000040  # IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ
_MAX = 2**31  # bytes: firmware loads the file as one image


@dataclass(frozen=True)
class Section:
    """A section to add; the name has at most 8 characters."""

    name: str
    content: bytes | Path

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


@dataclass(frozen=True)
class _Headers:
    """Where things are in a PE file."""

    coff: int  # offset of the COFF header
    optional: int  # offset of the optional header
    sections: int  # offset of the section table
    count: int
    section_alignment: int
    file_alignment: int
    end_of_headers: int  # offset


def add_sections(stub: Path, added: Sequence[Section], target: BinaryIO) -> None:
    """Write the stub with more sections behind its own.

    Raises:
        BadImage: the stub is no PE file for x86-64, or has no room for them.
    """
    data = bytearray(stub.read_bytes())
    headers = _read_headers(data)
    table = headers.sections + headers.count * _SECTION.size
    if table + len(added) * _SECTION.size > headers.end_of_headers:
        raise BadImage(f"{stub.name} has no room for {len(added)} more sections")
    own = [_SECTION.unpack_from(data, headers.sections + n * _SECTION.size) for n in range(headers.count)]
    address = _aligned(max(start + size for _, size, start, *_ in own), headers.section_alignment)
    offset = _aligned(len(data), headers.file_alignment)
    grown = 0
    for number, section in enumerate(added):
        raw = _aligned(section.size, headers.file_alignment)
        fields = (section.name.encode(), section.size, address, raw, offset, 0, 0, 0, 0, _READABLE_DATA)
        _SECTION.pack_into(data, table + number * _SECTION.size, *fields)
        address = _aligned(address + section.size, headers.section_alignment)
        offset += raw
        grown += raw
    if offset > _MAX:
        raise BadImage("the parts are too large for one EFI program", hint="use the output iso or pxe")
    _update_headers(data, headers, len(added), grown, address)
    target.write(data + bytes(-len(data) % headers.file_alignment))
    for section in added:
        _copy(section, target)
        target.write(bytes(-section.size % headers.file_alignment))


def _read_headers(data: bytearray) -> _Headers:
    pe = struct.unpack_from("<I", data, 0x3C)[0] if data[:2] == b"MZ" and len(data) > 0x40 else 0
    if not pe or data[pe : pe + 4] != b"PE\0\0" or struct.unpack_from("<H", data, pe + 24)[0] != 0x20B:
        raise BadImage("the stub is no EFI program for x86-64")
    coff, optional = pe + 4, pe + 24
    count = struct.unpack_from("<H", data, coff + 2)[0]
    size = struct.unpack_from("<H", data, coff + 16)[0]
    section_alignment, file_alignment = struct.unpack_from("<II", data, optional + 32)
    end = struct.unpack_from("<I", data, optional + 60)[0]
    return _Headers(coff, optional, optional + size, count, section_alignment, file_alignment, end)


def _update_headers(data: bytearray, headers: _Headers, added: int, grown: int, end: int) -> None:
    """Number of sections, size of initialized data, size of the image; no checksum, which EFI does not look at."""
    struct.pack_into("<H", data, headers.coff + 2, headers.count + added)
    initialized = struct.unpack_from("<I", data, headers.optional + 8)[0]
    struct.pack_into("<I", data, headers.optional + 8, initialized + grown)
    struct.pack_into("<I", data, headers.optional + 56, end)
    struct.pack_into("<I", data, headers.optional + 64, 0)


def _copy(section: Section, target: BinaryIO) -> None:
    if isinstance(section.content, bytes):
        target.write(section.content)
        return
    with section.content.open("rb") as source:
        shutil.copyfileobj(source, target, 1024 * 1024)


def _aligned(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment
