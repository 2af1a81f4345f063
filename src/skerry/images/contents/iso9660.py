"""Small files out of an ISO image: ECMA-119 with Rock Ridge names, enough to find the manifests that are in one.

The image may be anything: every number is looked at before it is used, and the walk is bounded.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from skerry.errors import BadImage

SECTOR = 2048
_DESCRIPTOR = 16 * SECTOR
_MOST_FOLDERS, _MOST_FOLDER, _MOST_FILE = 2000, 4 * 1024 * 1024, 256 * 1024 * 1024
_FOLDER_FLAG = 0x02


@dataclass(frozen=True)
class _Name:
    name: str
    sector: int
    size: int
    is_folder: bool


def is_iso(handle: int) -> bool:
    """Whether an open file begins as an ISO image."""
    return os.pread(handle, 5, _DESCRIPTOR + 1) == b"CD001"


def folders(handle: int) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    """Every folder by its path, those above first: its files by name, each with its offset and length.

    Raises:
        BadImage: it is no sound ISO image.
    """
    descriptor = os.pread(handle, SECTOR, _DESCRIPTOR)
    if descriptor[1:6] != b"CD001" or len(descriptor) < SECTOR:
        raise BadImage("this is no ISO image")
    root = _record(descriptor[156:190])
    todo = [("", root)]
    seen = {root.sector}
    for _ in range(_MOST_FOLDERS):
        if not todo:
            return
        path, folder = todo.pop(0)
        names = list(_names(handle, folder))
        yield path, {each.name: (each.sector * SECTOR, each.size) for each in names if not each.is_folder}
        for each in names:
            if each.is_folder and each.sector not in seen:
                seen.add(each.sector)
                todo.append((f"{path}/{each.name}", each))


def read(handle: int, place: tuple[int, int]) -> bytes:
    """A file by its offset and length."""
    offset, size = place
    if size > _MOST_FILE:
        raise BadImage("a file in the ISO image is too large to be a manifest")
    return os.pread(handle, size, offset)


def _names(handle: int, folder: _Name) -> Iterator[_Name]:
    if folder.size > _MOST_FOLDER:
        raise BadImage("a folder of the ISO image is too large")
    data = os.pread(handle, folder.size, folder.sector * SECTOR)
    here = 0
    while here < len(data):
        length = data[here]
        if not length:  # records do not cross sectors
            here = (here // SECTOR + 1) * SECTOR
            continue
        record = data[here : here + length]
        here += length
        found = _record(record)
        if found.name not in {"", "\x00", "\x01"}:
            yield found


def _record(record: bytes) -> _Name:
    if len(record) < 34:
        raise BadImage("a folder of the ISO image cannot be read")
    sector, size = struct.unpack_from("<I4xI", record, 2)
    length = record[32]
    name = record[33 : 33 + length].decode("latin-1")
    long_name = _rock_ridge_name(record[33 + length + (1 - length % 2) :])
    plain = name.partition(";")[0].rstrip(".").lower() if name not in {"\x00", "\x01"} else name
    return _Name(long_name or plain, sector, size, bool(record[25] & _FOLDER_FLAG))


def _rock_ridge_name(fields: bytes) -> str:
    """The name in NM fields (RRIP 4.1.4)."""
    name, here = b"", 0
    while here + 4 <= len(fields):
        length = fields[here + 2]
        if length < 4:
            break
        if fields[here : here + 2] == b"NM" and not fields[here + 4] & 0x06:
            name += fields[here + 5 : here + length]
        here += length
    return name.decode("utf-8", "surrogateescape")
