"""Checksums of files, and the lists of them beside images, as sha256sum(1) writes and checks them."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

_LINE = re.compile(r"^([0-9a-f]{64})  (.+)$", re.MULTILINE)
_PIECE = 1024 * 1024  # bytes


def sha256_of(path: Path) -> str:
    """The hash of a file; what is a hole is not read."""
    found, zeros = hashlib.sha256(), bytes(_PIECE)
    with path.open("rb", buffering=0) as file:
        handle, size, here = file.fileno(), path.stat().st_size, 0
        while here < size:
            try:
                data = os.lseek(handle, here, os.SEEK_DATA)
            except OSError as exc:
                if exc.errno != errno.ENXIO:  # nothing but a hole follows
                    raise
                data = size
            while here < data:
                found.update(zeros[: min(_PIECE, data - here)])
                here = min(here + _PIECE, data)
            end = os.lseek(handle, here, os.SEEK_HOLE) if here < size else here
            while here < end:
                piece = os.pread(handle, min(_PIECE, end - here), here)
                if not piece:
                    raise OSError(errno.EIO, "the file became shorter while it was read")
                found.update(piece)
                here += len(piece)
    return found.hexdigest()


def sums_text(before: str, ours: Mapping[str, str], there: Collection[str]) -> str:
    """The checksums of a folder: ours, and those that were there of other builds whose files still are.

    Both mappings are by name; `before` is the text that the new one replaces.
    """
    kept = {name: digest for digest, name in _LINE.findall(before) if name in there}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted((kept | dict(ours)).items()))
