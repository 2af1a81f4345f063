"""The list of every name in a root: what it is, whose it is, and a checksum of what is in it.

files.jsonl.gz holds one JSON array a line, sorted by path:

    [path, kind, mode in octal, owner, group, bytes, sha256 or target of a link, package or null]
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from skerry.errors import BadImage
from skerry.images.contents.packages import Installed
from skerry.images.contents.tree import Files, shown

NAME = "files.jsonl.gz"
_PIECE = 1024 * 1024
_THREADS, _BATCH = 2, 512  # files
_MOST_LINE, _MOST_LINES = 64 * 1024, 10_000_000


class FileRecord(NamedTuple):
    """One line."""

    path: str  # as manifests show it
    kind: str
    mode: str
    owner: int
    group: int
    size: int
    content: str
    package: str | None


def checksums(files: Files) -> dict[str, str]:
    """The SHA-256 of every file; those with several names are read once."""
    tree = files.tree
    first: dict[int, str] = {}
    alone, again = [], {}
    for path, entry in tree.items():
        if entry.kind != "file":
            continue
        if entry.inode and entry.inode in first:
            again[path] = first[entry.inode]
            continue
        first[entry.inode] = path
        alone.append(path)
    batches = [alone[begin : begin + _BATCH] for begin in range(0, len(alone), _BATCH)]
    found: dict[str, str] = {}
    with ThreadPoolExecutor(_THREADS) as threads:
        for each in threads.map(lambda batch: {path: _sha256(files, path) for path in batch}, batches):
            found |= each
    return found | {path: found[other] for path, other in again.items()}


def _sha256(files: Files, path: str) -> str:
    digest = hashlib.sha256()
    for offset in range(0, files.tree[path].size, _PIECE):
        digest.update(files.read(path, most=_PIECE, offset=offset))
    return digest.hexdigest()


def records(files: Files, installed: Installed, sums: Mapping[str, str]) -> Iterator[FileRecord]:
    """Every name, sorted."""
    for path, entry in files.tree.items():
        owners = installed.owners(path)
        yield FileRecord(
            shown(path),
            entry.kind,
            f"{entry.mode:04o}",
            entry.owner,
            entry.group,
            entry.size,
            sums.get(path, "") if entry.kind == "file" else shown_target(entry.target),
            owners[0].full_name if owners else None,
        )


def shown_target(target: str) -> str:
    """Where a link points, without bytes that JSON cannot have."""
    return target.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write_records(path: Path, lines: Iterable[FileRecord]) -> None:
    """Write the list: the same lines give the same bytes."""
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))


def read_records(data: bytes) -> Iterator[FileRecord]:
    """Read a list.

    Raises:
        BadImage: it is not one.
    """
    try:
        with gzip.open(io.BytesIO(data), "rt", encoding="utf-8") as text:
            for number, line in enumerate(iter(lambda: text.readline(_MOST_LINE), "")):
                if number > _MOST_LINES:
                    raise BadImage(f"{NAME} has too many lines")
                yield _record(json.loads(line))
    except (OSError, EOFError, ValueError, TypeError) as exc:
        raise BadImage(f"{NAME} cannot be read: {exc}") from exc


def _record(values: list[object]) -> FileRecord:
    path, kind, mode, owner, group, size, content, package = values
    if not isinstance(owner, int) or not isinstance(group, int) or not isinstance(size, int):
        raise TypeError("a line does not have numbers where it must")
    owner_name = None if package is None else str(package)
    return FileRecord(str(path), str(kind), str(mode), owner, group, size, str(content), owner_name)
