"""Deciding whether a disk image from outside may come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadImage, TooLarge
from skerry.sizes import TIB, format_size
from skerry.storage.blocking import file_errors
from skerry.storage.formats import Header, read_header
from skerry.storage.qemu_img import QemuImg


@dataclass(frozen=True)
class ImageLimits:
    """What an image may ask for."""

    capacity: int = 64 * TIB  # bytes that a guest would see
    unpacked: int = 2 * TIB  # bytes that a compressed stream may become


@dataclass(frozen=True)
class Inspected:
    """An image that may come in."""

    format: str  # as qemu-img names it, or iso
    capacity: int


async def inspect(
    qemu_img: QemuImg, path: Path, *, name: str, limits: ImageLimits, raw: bool = False
) -> Inspected:
    """Look at all that an image says of itself, and whether it is whole.

    `name` is what people call it. With `raw` it is taken as a raw disk whatever its content looks like.

    Raises:
        BadImage, TooLarge: it may not come in; the message says why.
    """
    with file_errors(f"{name} cannot be read"):
        header = read_header(path)
    if raw:
        header = Header("raw", header.size, header.size, flaw=None if header.size else "it is empty")
    _refuse(header, name, limits)
    if header.format in ("raw", "iso"):
        return Inspected(header.format, header.capacity)
    info = await qemu_img.info(path, header.format, known_as=name)
    _refuse_references(info, path, name)
    capacity = int(info["virtual-size"])
    _refuse_capacity(capacity, name, limits)
    await qemu_img.check(path, header.format, known_as=name)
    return Inspected(header.format, capacity)


def _refuse(header: Header, name: str, limits: ImageLimits) -> None:
    if header.refused:
        raise BadImage(
            f"{name} is not a disk image that can be imported: it is {header.refused}",
            hint="convert it to qcow2 first: `qemu-img convert -O qcow2 OLD NEW`",
        )
    if header.size == 0:
        raise BadImage(f"{name} is empty")
    if header.flaw:
        raise BadImage(f"{name} is corrupt or truncated: {header.flaw}", hint="get the image again")
    if not header.plausible:
        raise BadImage(
            f"{name} is not a disk image that is known here",
            hint="if it is a raw disk without a partition table, say that its format is raw",
        )
    if header.backing is not None:
        raise BadImage(
            f"{name} is not complete: it stands on another image, {header.backing!r}",
            hint="make it complete first: `qemu-img convert -O qcow2 OLD NEW`",
        )
    if header.external_data:
        raise BadImage(f"{name} keeps its data in another file", hint="convert it to a plain qcow2 first")
    if header.encrypted:
        raise BadImage(f"{name} is encrypted", hint="decrypt it first: `qemu-img convert`")
    _refuse_capacity(header.capacity, name, limits)


def _refuse_capacity(capacity: int, name: str, limits: ImageLimits) -> None:
    if capacity <= 0:
        raise BadImage(f"{name} is a disk of no size")
    if capacity > limits.capacity:
        raise TooLarge(f"{name} is a disk of {format_size(capacity)}, more than {format_size(limits.capacity)}")


def _refuse_references(info: dict[str, object], path: Path, name: str) -> None:
    """What the headers that qemu-img understood better than we did say about other files."""
    if info.get("encrypted"):
        raise BadImage(f"{name} is encrypted", hint="decrypt it first: `qemu-img convert`")
    specific = info.get("format-specific")
    data = specific.get("data", {}) if isinstance(specific, dict) else {}
    extents = data.get("extents", []) if isinstance(data, dict) else []
    others = [extent["filename"] for extent in extents if extent["filename"] != str(path)]
    if info.get("backing-filename") or others or (isinstance(data, dict) and data.get("data-file")):
        raise BadImage(f"{name} is not complete: it refers to another file", hint="convert it to qcow2 first")
