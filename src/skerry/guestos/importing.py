"""Fills one disk of an instance from a pipe: a stream of ours, or a raw disk. See skerry.guestos.streams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from skerry.errors import TooLarge
from skerry.guestos.disk_files import Disk, open_disk
from skerry.guestos.disk_tables import bytes_needed, is_disk, known_end, move_gpt_end, reader_of_bytes
from skerry.guestos.streams import BadStream, DiskStream, read_stream
from skerry.progress import Progress, Quiet
from skerry.sizes import format_size


@dataclass(frozen=True)
class Imported:
    """What came."""

    size: int  # bytes of the disk that was exported
    target: int  # bytes of the one that it is on now


def import_disk(path: Path, source: BinaryIO, progress: Progress | None = None) -> Imported:
    """Write the disk that comes from a pipe; every other byte of the target is zero afterwards.

    A larger target keeps what is behind the end empty; a smaller one is taken where the partitions, or the file
    system, end before it does. A GPT is fitted to the new size.

    Raises:
        BadStream: it is cut off, damaged or unknown. What was on the target may be gone.
        TooLarge: the target is too small; nothing was written where that could be known.
        NotFound, BadInput, InUse, NoSpace, HostError: the target cannot be written.
    """
    progress = progress or Quiet()
    stream = read_stream(source, is_disk)
    needed = stream.about.needed if stream.about else bytes_needed(reader_of_bytes(stream.begin))
    with open_disk(path, writable=True) as disk:
        if stream.about and needed > disk.size:
            raise _too_small(disk, needed)
        disk.empty()
        size = _write(stream, disk, progress)
        # Of a raw disk without either, such as one of swap, nothing tells how long it was.
        if not stream.about and size < (known_end(disk.read, disk.size) or 0):
            raise BadStream(f"the disk ends after {format_size(size)}, before its partitions do: it was cut off")
        if size != disk.size:
            _fit(disk, size, progress)
        return Imported(size, disk.size)


def _write(stream: DiskStream, disk: Disk, progress: Progress) -> int:
    """Write all pieces, and zeros between; how long the disk was."""
    reached, size = 0, stream.about.size if stream.about else 0
    needed = stream.about.needed if stream.about else bytes_needed(reader_of_bytes(stream.begin))
    for piece in stream.pieces:
        end = piece.offset + len(piece.data)
        if stream.about is None:
            size = end
        room = max(disk.size - piece.offset, 0)
        if end > disk.size and needed > disk.size:
            raise _too_small(disk, end)
        disk.clear(reached, min(piece.offset, disk.size))
        disk.write(piece.offset, piece.data[:room])
        reached = min(end, disk.size)
        progress.update(reached / disk.size)
    disk.clear(reached, disk.size)
    return size


def _too_small(disk: Disk, needed: int) -> TooLarge:
    return TooLarge(
        f"the disk {disk.path} has {format_size(disk.size)}, and what was exported needs {format_size(needed)}",
        hint="import into a larger disk, or make the file system and its partition smaller before the export",
    )


def _fit(disk: Disk, size: int, progress: Progress) -> None:
    relation = "larger" if disk.size > size else "smaller"
    progress.log(f"the disk is {relation} than the one that was exported: {format_size(disk.size)}")
    if move_gpt_end(disk.descriptor, disk.size):
        progress.log("its partition table was fitted to the new size")
