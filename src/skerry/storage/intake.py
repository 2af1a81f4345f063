"""Taking an image in: compare its checksum, unpack it, look at it, and copy it into a format of ours."""

from __future__ import annotations

from pathlib import Path

from skerry.errors import BadImage, NotFound
from skerry.progress import Progress
from skerry.sizes import format_size
from skerry.storage.blocking import Stop, file_errors, in_thread
from skerry.storage.compression import sha256, unpack
from skerry.storage.formats import compression
from skerry.storage.inspection import ImageLimits, inspect
from skerry.storage.qemu_img import QemuImg


async def take_in(
    qemu_img: QemuImg,
    source: Path,
    target: Path,
    unpacked: Path,
    *,
    known_as: str,
    checksum: str | None,
    raw: bool,
    limits: ImageLimits,
    progress: Progress,
) -> None:
    """Write `target` from the image in `source`; `unpacked` is a free place for what a compressed one holds.

    `known_as` is what errors call it: an upload's file has a name that says nothing.

    Raises:
        BadImage, TooLarge: it may not come in.
        NoSpace: the storage is full; the caller removes both files.
    """
    with file_errors(f"{known_as} cannot be read"):
        if not source.is_file():
            raise NotFound(f"there is no image {known_as} to import", hint="send or build it again")
        kind = compression(source)
    if checksum is not None:
        await compare_checksum(source, checksum, known_as=known_as, progress=progress)
    image = source
    if kind is not None:
        await _unpack(source, known_as, kind, unpacked, limits, progress)
        image = unpacked
    progress.step("look at the image")
    found = await inspect(qemu_img, image, name=known_as, limits=limits, raw=raw)
    progress.step("copy the image")
    if found.format == "iso":
        await qemu_img.convert(image, "raw", target, "raw", progress, known_as=known_as)
    else:
        await qemu_img.convert(image, found.format, target, "qcow2", progress, known_as=known_as)


async def compare_checksum(source: Path, checksum: str, *, known_as: str, progress: Progress) -> None:
    """Raises BadImage where a file has another SHA-256."""
    progress.step("compare the checksum")
    size = source.stat().st_size

    def work(stop: Stop) -> str:
        with file_errors(f"{known_as} cannot be read"):
            return sha256(source, stop=stop, on_bytes=lambda done: _tell(progress, done, size))

    found = await in_thread(work)
    if found != checksum.lower():
        raise BadImage(
            f"{known_as} is not what was expected: its SHA-256 is {found}, not {checksum.lower()}",
            hint="get the image again",
        )


async def _unpack(
    source: Path, known_as: str, kind: str, unpacked: Path, limits: ImageLimits, progress: Progress
) -> None:
    progress.step(f"unpack {kind}")
    size = source.stat().st_size

    def work(stop: Stop) -> None:
        with file_errors(f"{known_as} cannot be unpacked"):
            unpack(
                source,
                kind,
                unpacked,
                known_as=known_as,
                limit=limits.unpacked,
                stop=stop,
                on_bytes=lambda done: _tell(progress, done, size),
            )

    await in_thread(work)


def _tell(progress: Progress, done: int, size: int) -> None:
    progress.update(done / size if size else None, f"{format_size(done)} of {format_size(size)}")
