"""Writes one disk of an instance to a pipe, as a stream (skerry.guestos.streams) or as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from skerry.errors import BadInput, HostError
from skerry.guestos.disk_files import Disk, open_disk
from skerry.guestos.disk_tables import bytes_needed
from skerry.guestos.streams import PIECE, About, Format, Piece, pieces_without_zeros, write_stream
from skerry.progress import Progress, Quiet
from skerry.sizes import format_size


@dataclass(frozen=True)
class Export:
    """Which disk is written, and how."""

    disk: Path
    format: Format = "zstd"
    index: int = 0  # of the disk in the instance
    instance: str = ""
    size_fd: int | None = None  # where Ganeti wants to be told how many bytes will come


def export_disk(export: Export, target: BinaryIO, progress: Progress | None = None) -> None:
    """Write a disk to a pipe; holes and zeros cost nothing, but in the format `raw`.

    Raises:
        NotFound, BadInput, HostError: the disk cannot be read.
        HostError: whoever should read the stream went away.
    """
    progress = progress or Quiet()
    try:
        with open_disk(export.disk) as disk:
            about = _about(export, disk)
            if export.size_fd is not None:
                tell_size(export.size_fd, expected_size(disk, export.format))
            if export.format == "raw":
                _write_raw(disk, target)
            else:
                write_stream(target, about, pieces_of(disk, progress))
    except OSError as exc:  # of the pipe: the disk's own were explained already
        raise HostError(f"the export of {export.disk} cannot be written: {exc.strerror}") from exc
    progress.log(f"disk {export.index} ({export.disk}, {format_size(about.size)}) was exported as {export.format}")


def _about(export: Export, disk: Disk) -> About:
    needed = bytes_needed(disk.read, disk.size)
    packed = export.format if export.format != "raw" else "none"
    return About(disk.size, needed, packed, export.index, export.instance)


def expected_size(disk: Disk, format: Format) -> int:  # noqa: A002 - the field's word
    """How many bytes an export has at most, without its small head; packed it will be less."""
    return disk.size if format == "raw" else sum(end - begin for begin, end in disk.extents())


def tell_size(descriptor: int, size: int) -> None:
    """Tell Ganeti how much will come: a number and a line end (ganeti-os-interface(7), EXP_SIZE_FD).

    Raises:
        BadInput: the descriptor is not open.
    """
    try:
        os.write(descriptor, f"{size}\n".encode())
    except BrokenPipeError:  # Ganeti does not wait for it; then nobody needs it
        return
    except OSError as exc:
        raise BadInput(f"EXP_SIZE_FD={descriptor} is no open descriptor: {exc.strerror}") from exc


def pieces_of(disk: Disk, progress: Progress) -> Iterator[Piece]:
    """What is not zero on a disk, in order."""
    for begin, end in disk.extents():
        for offset in range(begin // PIECE * PIECE, end, PIECE):
            first = max(offset, begin)
            data = disk.read(first, min(offset + PIECE, end) - first)
            yield from pieces_without_zeros(first, data)
            progress.update(min(offset + PIECE, end) / disk.size)


def _write_raw(disk: Disk, target: BinaryIO) -> None:
    target.writelines(disk.read(offset, PIECE) for offset in range(0, disk.size, PIECE))
    target.flush()
