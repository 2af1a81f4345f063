"""Programs that firmware with Secure Boot accepts: the distribution's own, out of the root.

The firmware starts the shim, which Microsoft signed; the shim starts `grubx64.efi` from the folder that it came
from, and GRUB the kernel, both signed by the distribution. A signed GRUB has all its modules in it and cannot be
given a first configuration; where it looks for one is fixed:

    Debian, Ubuntu   grubx64: /EFI/VENDOR/grub.cfg on what it came from (of a CD, the ISO itself)
                     grubnetx64: /grub/grub.cfg of the server that it came from, wherever it lies there
    Fedora           /EFI/VENDOR/grub.cfg; from a server, grub.cfg beside itself

Read out of grub-efi-amd64-signed 1+2.12+9 (prefix and memdisk of each program).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

_SHIM = "/usr/lib/shim/shimx64.efi.signed"
_SHIMS = (_SHIM, f"{_SHIM}.latest")  # Debian's, Ubuntu's
_GRUB, _NETWORK = (f"/usr/lib/grub/x86_64-efi-signed/grub{kind}x64.efi.signed" for kind in ("", "net"))
_FEDORAS = re.compile(r"(/boot/efi/EFI/([a-z]+))/shimx64\.efi")
_FOLDER = "/EFI/BOOT"  # of what starts when the firmware knows nothing better


@dataclass(frozen=True)
class Signed:
    """Where they are in a root; absolute paths."""

    shim: str
    grub: str
    network: str  # GRUB for machines that start from a server
    vendor: str  # the folder below EFI of which this GRUB reads grub.cfg


@dataclass(frozen=True)
class SignedPrograms:
    """What is in them."""

    shim: bytes
    grub: bytes
    network: bytes
    vendor: str

    def esp_files(self, config: str) -> dict[str, bytes]:
        """The files of an EFI system partition, with what this GRUB shall do first."""
        return {
            f"{_FOLDER}/BOOTX64.EFI": self.shim,
            f"{_FOLDER}/grubx64.efi": self.grub,
            f"/EFI/{self.vendor}/grub.cfg": config.encode(),
        }


def find_signed(names: Collection[str], distribution: str) -> Signed | None:
    """The signed programs among all files of a root, if its packages brought all of them."""
    for shim in _SHIMS:
        if all(name in names for name in (shim, _GRUB, _NETWORK)):
            return Signed(shim, _GRUB, _NETWORK, distribution)
    for name in sorted(names):
        if (match := _FEDORAS.fullmatch(name)) and (grub := f"{match[1]}/grubx64.efi") in names:
            return Signed(name, grub, grub, match[2])
    return None


def read_signed(
    names: Collection[str], distribution: str, read: Callable[[Collection[str]], Mapping[str, bytes]]
) -> SignedPrograms | None:
    """The signed programs of a root, if it has them; `read` gives files of the root by their absolute paths."""
    found = find_signed(names, distribution)
    if found is None:
        return None
    files = read({found.shim, found.grub, found.network})
    return SignedPrograms(files[found.shim], files[found.grub], files[found.network], found.vendor)
