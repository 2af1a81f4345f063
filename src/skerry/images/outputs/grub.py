"""GRUB on a disk, as its own installer would put it there: for BIOS, and for UEFI without entries of its own.

    BIOS    first 440 bytes of the disk → core in its partition → menu
    UEFI    EFI/BOOT/BOOTX64.EFI on the ESP → menu
    UEFI with Secure Boot, if the root has the distribution's signed programs:
            EFI/BOOT/BOOTX64.EFI, its shim → EFI/BOOT/grubx64.efi → EFI/VENDOR/grub.cfg → menu

The menu is one file in the file system that holds the kernels.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from skerry.images.kernels import kernels_in
from skerry.images.layout import SECTOR
from skerry.images.recipe import BadRecipe

_COMMON = ("part_gpt", "search_fs_uuid", "normal", "linux", "serial", "terminal", "echo", "test")
BIOS_MODULES = ("biosdisk", *_COMMON)
EFI_MODULES = ("fat", *_COMMON, "efi_gop", "all_video")
_FOLDER = "/EFI/BOOT"  # of what starts when the firmware knows nothing better
_LINKS = ("vmlinuz", "initrd.img")  # which Debian's kernel packages keep


@dataclass(frozen=True)
class BootFolder:
    """Where menu and kernels are."""

    uuid: str  # of the file system
    path: str  # of /boot in it: /boot, / when it is a partition of its own, /@/boot in a subvolume
    modules: tuple[str, ...]  # by which GRUB reads it

    def inside(self, name: str) -> str:
        """A path below /boot, as GRUB has it."""
        return f"{self.path.rstrip('/')}/{name}"


@dataclass(frozen=True)
class MenuEntry:
    """A line of the menu; paths as GRUB has them."""

    title: str
    kernel: str
    initrds: tuple[str, ...]


def early_config(boot: BootFolder) -> str:
    """What GRUB does first: find the file system with the menu."""
    return f"search.fs_uuid {boot.uuid} root\nset prefix=($root){boot.inside('grub')}\n"


def vendor_config(boot: BootFolder) -> str:
    """The same for a signed GRUB, which has all modules and cannot be given a first configuration."""
    return (
        f"search.fs_uuid {boot.uuid} root\nset prefix=($root){boot.inside('grub')}\nconfigfile $prefix/grub.cfg\n"
    )


def menu(entries: Sequence[MenuEntry], arguments: str, timeout_s: int) -> str:
    """The menu.

    It stays on the screen alone where no console is on a serial port: asking for a port that is not there would
    stop the boot for ten seconds.
    """
    both = "serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n"
    text = f"{both if 'console=ttyS0' in arguments else ''}set default=0\nset timeout={timeout_s}\n"
    for entry in entries:
        text += f'menuentry "{entry.title}" {{\n  linux {entry.kernel} {arguments}\n'
        text += f"  initrd {' '.join(entry.initrds)}\n}}\n"
    return text


def menu_entries(names: Collection[str], title: str, boot: BootFolder, *, own_boot: bool) -> list[MenuEntry]:
    """The lines of the menu, by the names of all files of the root.

    Debian's kernel packages keep links to the newest kernel, so the menu is right after every update; Ubuntu's do
    so in /boot. With a separate /boot (`own_boot`) the links are in there, see `link_files`. Others have their
    kernels by name.

    Raises:
        BadRecipe: the root has no kernel, or none with an initial RAM disk.
    """
    folder = "" if own_boot else boot.path.removesuffix("/boot")
    places = [place for place in ("", "/boot") if all(f"{place}/{name}" in names for name in _LINKS)]
    if places:
        first = boot.path.rstrip("/") if own_boot else folder + places[0]
        kernel, initrd = (f"{first}/{name}" for name in _LINKS)
        return [
            MenuEntry(title, kernel, (initrd,)),
            MenuEntry(f"{title}, previous kernel", f"{kernel}.old", (f"{initrd}.old",)),
        ]
    found = kernels_in(names)
    bootable = [(each, each.initrd) for each in found if each.initrd]
    if not bootable:
        missing = f"no initial RAM disk for its kernel {found[0].version}" if found else "no kernel"
        raise BadRecipe(
            f"the disk could not boot: the root has {missing}",
            hint="add a kernel to %packages, such as linux-image-cloud-amd64 with initramfs-tools, or kernel-core "
            "with dracut",
        )
    entries = []
    for kernel_found, initrd_found in bootable:
        paths = [kernel_found.image, initrd_found]
        if own_boot and not all(path.startswith("/boot/") for path in paths):
            raise BadRecipe(
                f"the disk could not boot: its kernel is {kernel_found.image}, which is not in /boot",
                hint="leave out `part /boot`, or copy kernel and initial RAM disk to /boot in a %post",
            )
        here = [
            f"{boot.path.rstrip('/')}{path.removeprefix('/boot')}" if own_boot else folder + path for path in paths
        ]
        entries.append(MenuEntry(f"{title} ({kernel_found.version})", here[0], (here[1],)))
    return entries


def link_files(links: Mapping[str, str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files and links by which a separate /boot has Debian's links in it, now and after updates.

    `links` are the symbolic links of the root. https://manpages.debian.org/kernel-img.conf
    """
    ours = {
        f"/boot/{name}": links[f"/{name}"].removeprefix("/").removeprefix("boot/")
        for name in _LINKS
        if f"/{name}" in links
    }
    return ({"/etc/kernel-img.conf": b"do_symlinks = yes\nlink_in_boot = yes\n"} if ours else {}), ours


def esp_files(loader: bytes) -> dict[str, bytes]:
    """What is on the ESP when the boot loader is one program."""
    return {f"{_FOLDER}/BOOTX64.EFI": loader}


def patch_boot_sectors(core: bytes, boot: bytes, core_sector: int) -> tuple[bytes, bytes]:
    """GRUB's core and first 440 bytes with the addresses that its installer would write.

    boot.img: the core's sector (64 bits at 0x5c), and two no-ops for a jump that trusts the BIOS's drive number.
    core.img: its list of blocks, in its first sector: where the rest is, how long, and where in memory it goes.
    """
    sectors = -(-len(core) // SECTOR)
    first = bytearray(boot[:440])
    first[0x5C:0x64] = struct.pack("<Q", core_sector)
    first[0x66:0x68] = b"\x90\x90"
    patched = bytearray(core.ljust(sectors * SECTOR, b"\0"))
    patched[0x1F4:0x200] = struct.pack("<QHH", core_sector + 1, sectors - 1, 0x820)
    return bytes(patched), bytes(first)
