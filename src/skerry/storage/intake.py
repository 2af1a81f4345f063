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
    checksum: str | None,
    raw: bool,
    limits: ImageLimits,
    progress: Progress,
) -> None:
    """Write `target` from the image in `source`; `unpacked` is a free place for what a compressed one holds.

    Raises:
        BadImage, TooLarge: it may not come in.
        NoSpace: the storage is full; the caller removes both files.
    """
    with file_errors(f"{source.name} cannot be read"):
        if not source.is_file():
            raise NotFound(f"there is no image {source.name} to import", hint="send or build it again")
        size = source.stat().st_size
        kind = compression(source)
    if checksum is not None:
        await _compare(source, checksum, size, progress)
    image = source
    if kind is not None:
        await _unpack(source, kind, unpacked, size, limits, progress)
        image = unpacked
    progress.step("look at the image")
    found = await inspect(qemu_img, image, name=source.name, limits=limits, raw=raw)
    progress.step("copy the image")
    if found.format == "iso":
        await qemu_img.convert(image, "raw", target, "raw", progress)
    else:
        await qemu_img.convert(image, found.format, target, "qcow2", progress)


async def _compare(source: Path, checksum: str, size: int, progress: Progress) -> None:
    progress.step("compare the checksum")

    def work(stop: Stop) -> str:
        with file_errors(f"{source.name} cannot be read"):
            return sha256(source, stop=stop, on_bytes=lambda done: _tell(progress, done, size))

    found = await in_thread(work)
    if found != checksum.lower():
        raise BadImage(
            f"{source.name} is not what was expected: its SHA-256 is {found}, not {checksum.lower()}",
            hint="get the image again",
        )


async def _unpack(
    source: Path, kind: str, unpacked: Path, size: int, limits: ImageLimits, progress: Progress
) -> None:
    progress.step(f"unpack {kind}")

    def work(stop: Stop) -> None:
        with file_errors(f"{source.name} cannot be unpacked"):
            unpack(
                source,
                kind,
                unpacked,
                limit=limits.unpacked,
                stop=stop,
                on_bytes=lambda done: _tell(progress, done, size),
            )

    await in_thread(work)


def _tell(progress: Progress, done: int, size: int) -> None:
    progress.update(done / size if size else None, f"{format_size(done)} of {format_size(size)}")
