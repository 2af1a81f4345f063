"""Programs and libraries for tests: just enough of ELF for a dynamic loader."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence


def elf(
    *,
    needed: Sequence[str] = (),
    runpath: str = "",
    interpreter: str = "",
    opens: Sequence[tuple[str, Sequence[str]]] = (),
    bits: int = 64,
    machine: int = 62,
) -> bytes:
    """A little-endian file whose bytes lie in memory where they lie in the file."""
    wide = bits == 64
    header_size, segment_size = (64, 56) if wide else (52, 32)
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in (*needed, runpath))
    offsets, here = [], 1
    for name in (*needed, runpath):
        offsets.append(here)
        here += len(name.encode()) + 1
    begin = header_size + 4 * segment_size
    loader = interpreter.encode() + b"\0"
    notes = _notes(opens)
    strings_at = begin + len(loader) + len(notes)
    entries = [(1, offset) for offset in offsets[: len(needed)]] + [(5, strings_at)]
    if runpath:
        entries.append((29, offsets[-1]))
    dynamic = b"".join(struct.pack("<QQ" if wide else "<II", *each) for each in [*entries, (0, 0)])
    dynamic_at = strings_at + len(strings)
    total = dynamic_at + len(dynamic)
    segments = [
        (1, 0, total),
        (3 if interpreter else 0, begin, len(loader)),
        (4, begin + len(loader), len(notes)),
        (2, dynamic_at, len(dynamic)),
    ]
    table = b"".join(_segment(*each, wide=wide) for each in segments)
    return _header(machine, wide=wide) + table + loader + notes + strings + dynamic


def _header(machine: int, *, wide: bool) -> bytes:
    first = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9) + struct.pack("<HHI", 3, machine, 1)
    if wide:
        return first + struct.pack("<QQQIHHHHHH", 0, 64, 0, 0, 64, 56, 4, 0, 0, 0)
    return first + struct.pack("<IIIIHHHHHH", 0, 52, 0, 0, 52, 32, 4, 0, 0, 0)


def _segment(kind: int, offset: int, size: int, *, wide: bool) -> bytes:
    if wide:
        return struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, size, size, 1)
    return struct.pack("<IIIIIIII", kind, offset, offset, offset, size, size, 4, 1)


def _notes(opens: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    if not opens:
        return b""
    told = json.dumps([{"soname": list(names), "priority": priority} for priority, names in opens]).encode()
    note = struct.pack("<III", 4, len(told), 0x407C0C0A) + b"FDO\0" + told
    return note + bytes(-len(note) % 4)
