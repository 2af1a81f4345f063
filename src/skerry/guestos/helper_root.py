"""The Debian in which foreign definitions run in the helper machine, made by the image builder.

It has what such definitions call: installers, partitions, file systems, the formats of images. Its file system is
only read; what a definition writes goes to a disk that is gone afterwards.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from skerry.commands import Commands
from skerry.guestos.content import Content, Store, guest_image
from skerry.images.cache import Cache
from skerry.images.tools import TOOLS_SOURCE
from skerry.progress import Progress

PACKAGES = (
    *("debootstrap", "debian-archive-keyring", "ubuntu-keyring", "gnupg"),
    *("fdisk", "parted", "kpartx", "dmsetup", "udev"),
    *("e2fsprogs", "xfsprogs", "btrfs-progs", "dosfstools", "dump"),
    *("qemu-utils", "curl", "wget", "ca-certificates", "iproute2"),
    *("attr", "bzip2", "cpio", "procps", "xz-utils", "zstd"),
)


@asynccontextmanager
async def helper_root(cache: Cache, commands: Commands, progress: Progress) -> AsyncIterator[Path]:
    """Its ext4, made when it is not in the cache yet (about a minute).

    Raises:
        CommandFailed, NoSpace, TimedOut, Unavailable: the packages cannot be had.
    """
    async with guest_image(content(), "ext4", Store(cache, commands, progress, days=None)) as (image, _):
        yield image


def content(packages: Sequence[str] = PACKAGES) -> Content:
    """What is installed; small, with nothing but what is named."""
    source = TOOLS_SOURCE
    return Content(
        source.distribution, source.suite, "amd64", ("main",), tuple(packages), "", "C.UTF-8", core=False
    )
