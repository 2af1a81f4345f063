"""A root that is packed in a tar, read where it lies: ustar with the extensions of POSIX (pax) and GNU.

tarfile reads the same, several times slower, and an image has many names. What our own packer never writes (sparse
files, several volumes) is refused.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from skerry.errors import BadImage
from skerry.images.contents.tree import LONGEST, Entry, Kind, Tree

_BLOCK = 512
_MOST_EXTENDED = 16 * 1024 * 1024  # bytes of one extended header; an extended attribute has 64 KiB at most
_KINDS: Mapping[int, Kind] = {
    **dict.fromkeys(b"0\x007", "file"),
    **dict.fromkeys(b"1", "file"),
    **dict.fromkeys(b"2", "link"),
    **dict.fromkeys(b"34", "device"),
    **dict.fromkeys(b"5", "folder"),
    **dict.fromkeys(b"6", "other"),
}
_HARD_LINK, _SOFT_LINK = ord("1"), ord("2")


class _Member(NamedTuple):
    path: str
    type: int
    link: str
    size: int
    offset: int
    mode: int
    owner: int
    group: int


class TarFiles:
    """The files in a tar. A name that comes twice is the last one, as tar unpacks it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._offsets: dict[str, int] = {}
        self.tree = Tree(self._entries())

    def read(self, path: str, *, most: int, offset: int = 0) -> bytes:
        """At most `most` bytes of a file."""
        size = self.tree[path].size
        return os.pread(self._handle, max(min(most, size - offset), 0), self._offsets[path] + offset)

    def _entries(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        inodes: dict[str, int] = {}
        for number, member in enumerate(_members(self._handle), start=1):
            path = member.path
            kind = _KINDS[member.type]
            size, offset, inode = member.size, member.offset, 0
            if member.type == _HARD_LINK:
                first = entries.get(member.link)
                if first is None:
                    raise BadImage(f"the tar has a second name {path!r} for {member.link!r}, which is not in it")
                inode = inodes.setdefault(member.link, number)
                inodes[path] = inode
                offset = self._offsets.get(member.link, 0)
                entries[member.link] = _entry(first.kind, member, first.size, first.target, inode)
                entries[path] = entries[member.link]
            else:
                target = member.link if member.type == _SOFT_LINK else ""
                entries[path] = _entry(kind, member, size if kind == "file" else 0, target, 0)
            self._offsets[path] = offset
        return entries


def _entry(kind: Kind, member: _Member, size: int, target: str, inode: int) -> Entry:
    return Entry(kind, size, target, member.mode, member.owner, member.group, inode)


@contextlib.contextmanager
def opened_tar(path: Path) -> Iterator[TarFiles]:
    """The files in a tar that is not compressed; only its headers are read.

    Raises:
        BadImage: it is no tar, or one with names outside of it.
    """
    with path.open("rb") as file:
        yield TarFiles(file.fileno())


def _members(handle: int) -> Iterator[_Member]:
    here, said, size = 0, dict[str, str](), os.fstat(handle).st_size
    while here + _BLOCK <= size:
        header = os.pread(handle, _BLOCK, here)
        if header == bytes(_BLOCK):
            return
        if sum(header) - sum(header[148:156]) + 8 * ord(" ") != _number(header[148:156]):
            raise BadImage("this is no tar, or a damaged one: a header does not have its sum")
        member_type = header[156]
        length = _number(header[124:136])
        content = here + _BLOCK
        if member_type in b"xgLK":
            if length > _MOST_EXTENDED:
                raise BadImage("the tar has an extended header that is too long")
            said |= _extended(member_type, os.pread(handle, length, content))
            here = content + _padded(length)
            continue
        member = _member(header, member_type, content, said)
        if content + member.size > size:
            raise BadImage(f"the tar ends inside {member.path!r}")
        if member.path:
            yield member
        here, said = content + _padded(member.size), {}
    raise BadImage("the tar ends without its end mark")


def _member(header: bytes, member_type: int, content: int, said: Mapping[str, str]) -> _Member:
    if member_type not in _KINDS or any(key.startswith("GNU.sparse") for key in said):
        raise BadImage(f"the tar has a member of the kind {chr(member_type)!r}, which a root has not")
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    name = _text(header[:100])
    plain = f"{prefix}/{name}" if prefix else name
    link = said.get("linkpath", _text(header[157:257]))
    has_content = member_type in b"0\x007"
    return _Member(
        path=_inside(said.get("path", plain)),
        type=member_type,
        link=link if member_type == _SOFT_LINK else _inside(link),
        size=int(said.get("size", _number(header[124:136]))) if has_content else 0,
        offset=content,
        mode=_number(header[100:108]) & 0o7777,
        owner=int(said.get("uid", _number(header[108:116]))),
        group=int(said.get("gid", _number(header[116:124]))),
    )


def _inside(name: str) -> str:
    if len(name) > LONGEST:
        raise BadImage(f"the tar has a name of {len(name)} characters, more than {LONGEST}")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise BadImage(f"the tar has the name {name!r}, which leads out of it")
    return "/".join(parts)


def _extended(member_type: int, words: bytes) -> dict[str, str]:
    if member_type == ord("g"):
        return {}
    if member_type in b"LK":
        return {"path" if member_type == ord("L") else "linkpath": _text(words)}
    found: dict[str, str] = {}
    here = 0
    while here < len(words):
        digits, blank, _ = words[here : here + 20].partition(b" ")
        if not blank or not digits.isdigit() or not (length := int(digits)):
            raise BadImage("the tar has an extended header that cannot be read")
        key, _, value = words[here + len(digits) + 1 : here + length - 1].partition(b"=")
        if not key.startswith(b"SCHILY."):
            found[_text(key)] = value.decode("utf-8", "surrogateescape")
        here += length
    return found


def _number(field: bytes) -> int:
    if field[0] & 0x80:  # GNU's binary numbers
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    text = field.strip(b"\0 ")
    try:
        return int(text, 8) if text else 0
    except ValueError:
        raise BadImage("this is no tar: a number in it cannot be read") from None


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
