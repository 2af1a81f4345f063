"""In what two tars, or two files, differ: in words that a person can act on."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

_SHOWN = 20  # files, or places in a file, that are named
_PIECE = 1024 * 1024
_BLOCK = 4096  # bytes; places are told by blocks


def first_lines(lines: Iterable[str]) -> list[str]:
    """The first of many lines, indented, and how many more there are."""
    found = list(lines)
    more = [f"… and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return [f"  {line}" for line in [*found[:_SHOWN], *more]]


def differing_files(one: Path, other: Path) -> Iterator[str]:
    """The members in which two tars differ, and how: one line each."""
    first, second = _members(one), _members(other)
    same = True
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second:
            yield f"{name}: only in the {'first' if name in first else 'second'} build"
            same = False
        elif first[name] != second[name]:
            differ = [
                what if what == "content" else f"{what} {first[name][what]} and {second[name][what]}"
                for what in first[name]
                if first[name][what] != second[name][what]
            ]
            yield f"{name}: {', '.join(differ)}"
            same = False
    if same and list(first) != list(second):
        yield "the same files in another order"


def _members(tar: Path) -> dict[str, dict[str, str]]:
    found = {}
    with tarfile.open(tar, "r|") as archive:
        for each in archive:
            content = archive.extractfile(each) if each.isreg() else None
            found[each.name] = {
                "kind": str(each.type),
                "mode": f"{each.mode:o}",
                "owner": f"{each.uid}:{each.gid}",
                "time": f"{each.mtime}",
                "target": each.linkname,
                "attributes": str(sorted(each.pax_headers.items())),
                "content": _digest(content) if content else "",
            }
    return found


def _digest(content: IO[bytes]) -> str:
    found = hashlib.sha256()
    while piece := content.read(_PIECE):
        found.update(piece)
    return found.hexdigest()


def differing_places(one: Path, other: Path, but: Collection[tuple[int, int]] = ()) -> list[str]:
    """Where two files differ, as ranges of bytes; the first ones. Ranges from begin to end are left out."""
    with one.open("rb") as first, other.open("rb") as second:
        blocks = [
            block
            for block in _differing_blocks(first, second)
            if not any(begin <= block * _BLOCK < end for begin, end in but)
        ]
    found: list[tuple[int, int]] = []
    for block in blocks:
        if found and found[-1][1] == block:
            found[-1] = (found[-1][0], block + 1)
        else:
            found.append((block, block + 1))
    places = [f"at {begin * _BLOCK} to {end * _BLOCK}" for begin, end in found[:_SHOWN]]
    return [*places, f"and at {len(found) - _SHOWN} more places"] if len(found) > _SHOWN else places


def _differing_blocks(first: IO[bytes], second: IO[bytes]) -> Iterator[int]:
    """The numbers of blocks that differ; where one file ends, the rest of the other does."""
    begin = 0
    while True:
        left, right = first.read(_PIECE), second.read(_PIECE)
        if not left and not right:
            return
        if left != right:
            for offset in range(0, max(len(left), len(right)), _BLOCK):
                if left[offset : offset + _BLOCK] != right[offset : offset + _BLOCK]:
                    yield (begin + offset) // _BLOCK
        begin += _PIECE
