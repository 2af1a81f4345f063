"""The kernels of a root, and the initial RAM disk of each, by where their files are.

Families put them in different places, and one family in several:

    /boot/vmlinuz-VER, /boot/initrd.img-VER                  Debian, Ubuntu
    /boot/vmlinuz-VER, /boot/initramfs-VER.img               Fedora and its like, where kernel-install wrote /boot
    /boot/TOKEN/VER/linux, /boot/TOKEN/VER/initrd            the same, with layout "bls" of kernel-install
    /usr/lib/modules/VER/vmlinuz, /usr/lib/modules/VER/initrd or initramfs.img    what the package itself ships

So nobody asks for links such as /vmlinuz, which only Debian makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Best first: what the system's own programs wrote goes before what the package came with.
_IMAGES = (
    r"/boot/vmlinuz-(?P<v>[^/]+)",
    r"/boot/[^/]+/(?P<v>[^/]+)/linux",
    r"(?:/usr)?/lib/modules/(?P<v>[^/]+)/vmlinuz",
)
_INITRDS = (
    r"/boot/initrd\.img-(?P<v>[^/]+)",
    r"/boot/initramfs-(?P<v>[^/]+)\.img",
    r"/boot/[^/]+/(?P<v>[^/]+)/initrd",
    r"(?:/usr)?/lib/modules/(?P<v>[^/]+)/(?:initrd|initramfs\.img)",
)
_FOLDERS = ("/boot/", "/lib/modules/", "/usr/lib/modules/")
_RESCUE = re.compile(r"0-rescue-|.*\.old$|.*kdump$")  # copies for bad days, not what a machine starts with


@dataclass(frozen=True)
class Kernel:
    """One kernel of a root; the paths begin with `/` and go through no link."""

    version: str
    image: str
    initrd: str | None


def kernels_in(names: Iterable[str]) -> list[Kernel]:
    """The kernels among the names of a root's files, newest first; those with an initial RAM disk before others.

    Names may be as tar has them: `./boot/vmlinuz-6.1`, and `./lib/…` where /lib is not a link.
    """
    paths = [path for path in map(_absolute, names) if path.startswith(_FOLDERS)]
    images, initrds = _by_version(paths, _IMAGES), _by_version(paths, _INITRDS)
    found = [Kernel(version, image, initrds.get(version)) for version, image in images.items()]
    return sorted(found, key=lambda kernel: (kernel.initrd is not None, _order(kernel.version)), reverse=True)


def _absolute(name: str) -> str:
    return "/" + name.removeprefix(".").lstrip("/")


def _by_version(paths: Iterable[str], patterns: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    listed = list(paths)
    for pattern in patterns:
        for path in listed:
            match = re.fullmatch(pattern, path)
            if match and not _RESCUE.match(match["v"]):
                found.setdefault(match["v"], path)
    return found


def _order(version: str) -> list[tuple[int, str]]:
    """Numbers by value, so that 6.10 is newer than 6.9."""
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|[a-z]+", version.lower())
    ]
