"""What the dynamic loader reads of a program or library: ELF, as in elf(5).

Files come from packages and scripts that may be anything: every offset and length is looked at before it is used,
and a file that is not sound is no ELF file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

Read = Callable[[int, int], bytes]  # offset and length to the bytes that are there
MAGIC = b"\x7fELF"
HEAD = 64  # bytes that tell whether it is one
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP, _PT_NOTE = 1, 2, 3, 4
_NEEDED, _STRTAB, _SONAME, _RPATH, _RUNPATH = 1, 5, 14, 15, 29
_MOST_SEGMENTS, _MOST_DYNAMIC, _MOST_NAME, _MOST_NOTES = 256, 1 << 20, 4096, 1 << 16
_DLOPEN_NOTE = 0x407C0C0A  # https://uapi-group.org/specifications/specs/elf_dlopen_metadata/


class _Segment(NamedTuple):
    type: int
    offset: int
    address: int
    size: int


@dataclass(frozen=True)
class Elf:
    """What one file asks the loader for."""

    bits: int
    machine: int
    interpreter: str
    needed: tuple[str, ...]
    search: tuple[str, ...]  # folders of RUNPATH, or else of RPATH; $ORIGIN and the like not replaced
    opened: tuple[tuple[str, tuple[str, ...]], ...]  # by its notes: how urgent, and the names of which one will do


def read_elf(read: Read) -> Elf | None:
    """Read a file, or nothing when it is no ELF file that the loader would take."""
    try:
        return _read(read)
    except (struct.error, ValueError, UnicodeDecodeError):
        return None


def _read(read: Read) -> Elf | None:
    head = read(0, HEAD)
    if head[:4] != MAGIC or head[4] not in {1, 2} or head[5] not in {1, 2}:
        return None
    wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
    machine = struct.unpack_from(f"{order}H", head, 18)[0]
    segments = list(_segments(read, head, order, wide=wide))
    interpreter = next((_zero_ended(read(s.offset, _MOST_NAME)) for s in segments if s.type == _PT_INTERP), "")
    needed, search = _dynamic(read, segments, order, wide=wide)
    return Elf(
        bits=64 if wide else 32,
        machine=machine,
        interpreter=interpreter,
        needed=needed,
        search=search,
        opened=tuple(_notes(read, segments, order)),
    )


def _segments(read: Read, head: bytes, order: str, *, wide: bool) -> Iterator[_Segment]:
    offset = struct.unpack_from(f"{order}Q", head, 32)[0] if wide else struct.unpack_from(f"{order}I", head, 28)[0]
    size, count = struct.unpack_from(f"{order}HH", head, 54 if wide else 42)
    form = f"{order}IIQQQQ" if wide else f"{order}IIIII"
    for number in range(min(count, _MOST_SEGMENTS)):
        words = struct.unpack_from(form, read(offset + number * size, struct.calcsize(form)))
        if wide:
            yield _Segment(words[0], words[2], words[3], words[5])
        else:
            yield _Segment(words[0], words[1], words[2], words[4])


def _dynamic(
    read: Read, segments: list[_Segment], order: str, *, wide: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names in NEEDED, and the folders that the file itself says."""
    segment = next((each for each in segments if each.type == _PT_DYNAMIC), None)
    if segment is None:
        return (), ()
    table = read(segment.offset, min(segment.size, _MOST_DYNAMIC))
    form = struct.Struct(f"{order}QQ" if wide else f"{order}II")
    entries = []
    for tag, value in form.iter_unpack(table[: len(table) // form.size * form.size]):
        if not tag:
            break
        entries.append((tag, value))
    strings = next((_offset(segments, value) for tag, value in entries if tag == _STRTAB), None)
    if strings is None:
        return (), ()

    def text(value: int) -> str:
        return _zero_ended(read(strings + value, _MOST_NAME))

    needed = tuple(text(value) for tag, value in entries if tag == _NEEDED)
    paths = {tag: text(value) for tag, value in entries if tag in {_RPATH, _RUNPATH}}
    search = paths.get(_RUNPATH, paths.get(_RPATH, ""))
    return needed, tuple(each for each in search.split(":") if each)


def _offset(segments: list[_Segment], address: int) -> int | None:
    """Where in the file an address of memory lies."""
    for segment in segments:
        if segment.type == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    return None


def _zero_ended(text: bytes) -> str:
    return text.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _notes(read: Read, segments: list[_Segment], order: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What it says that it opens while it runs."""
    for segment in segments:
        if segment.type != _PT_NOTE:
            continue
        notes, here = read(segment.offset, min(segment.size, _MOST_NOTES)), 0
        while here + 12 <= len(notes):
            name_size, size, kind = struct.unpack_from(f"{order}III", notes, here)
            name = notes[here + 12 : here + 12 + name_size].rstrip(b"\0")
            begin = here + 12 + _aligned(name_size)
            if name == b"FDO" and kind == _DLOPEN_NOTE:
                yield from _dlopen(notes[begin : begin + size])
            here = begin + _aligned(size)


def _dlopen(text: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    told = json.loads(text.rstrip(b"\0"))
    for each in told if isinstance(told, list) else []:
        names = each.get("soname", []) if isinstance(each, dict) else []
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            yield str(each.get("priority", "recommended")), tuple(names)


def _aligned(size: int) -> int:
    return -(-size // 4) * 4
