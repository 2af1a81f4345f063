"""A live ISO: starts from CD and, written to a stick or disk as it is, from there; on BIOS and UEFI.

    /boot/grub        menu, GRUB's core for BIOS (from CD by El Torito, from a disk by the MBR in front)
    /boot             kernel and initial RAM disk
    /EFI/BOOT         GRUB for UEFI, also in the EFI system partition that is appended; signed for
                      Secure Boot, if the root has such programs (see `signed`)
    /live             the root as one image, `image` with what it is, and a file named by its id
    /manifests        what is in the root
    …                 what the recipe's scripts put into $LIVE_ROOT
    /SHA256SUMS       of all files

GRUB finds the medium by the file /live/ID, the initial RAM disk by the label and the id: several live media in one
machine do not mix.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from skerry.commands import Arg
from skerry.images.contents.tar import opened_tar
from skerry.images.outputs import live
from skerry.images.outputs.live import Live, LiveMedium, run_tool, volume_label
from skerry.images.outputs.modules import MEDIUM_MODULES, ROOT_MODULES
from skerry.images.outputs.output import OutputBuild
from skerry.images.recipe import BadRecipe
from skerry.images.words import Meaning
from skerry.sizes import MIB

_COMMON = ("part_gpt", "part_msdos", "iso9660", "fat", "search_fs_file", "normal", "linux", "test", "chain")
_CONSOLES = ("serial", "terminal")
_BIOS_MODULES = ("biosdisk", *_COMMON, *_CONSOLES)
_EFI_MODULES = (*_COMMON, *_CONSOLES, "efi_gop", "all_video")
_ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_ESP_LEAST = 4 * MIB
_ESP_SPARE = MIB // 2  # for the tables of the FAT


class Iso(LiveMedium):
    """A hybrid live ISO."""

    name = "iso"
    help = "a live ISO for CD and USB stick: read-only root, changes in memory"
    format = 2

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write NAME.iso.

        Raises:
            BadRecipe: the root has no kernel.
            NoSpace, CommandFailed, TimedOut: as they say.
        """
        parts = await live.make_live(build, (*ROOT_MODULES, *MEDIUM_MODULES))
        tree = build.workspace.path / "iso"
        build.progress.update(0.7, "boot loader")
        await _boot_loaders(build, parts, tree)
        await asyncio.to_thread(_fill, build, parts, tree)
        build.progress.update(0.8, "the ISO")
        argv = xorriso_words(build, volume_label(build.name), tree, folder / f"{build.name}.iso")
        await run_tool(build, "xorriso", *argv, env={"SOURCE_DATE_EPOCH": str(build.epoch), "TZ": "UTC"})


def menu(name: str, label: str, meaning: Meaning) -> str:
    """GRUB's menu; the first entry starts after the recipe's `bootloader --timeout`."""
    title = live.title(name)
    arguments = live.live_arguments(meaning, f"root=live:CDLABEL={label}")
    entries = (
        (title, ""),
        (f"{title}, the medium checked first", " rd.live.check"),
        (f"{title}, copied to memory (the medium can be taken out)", " rd.live.ram"),
        (f"{title}, with plain video", " nomodeset"),
    )
    # Where no console is serial, asking for a port that is not there would stop the loader for ten seconds.
    text = live.GRUB_SERIAL if "console=ttyS0" in arguments else ""
    text += f"set default=0\nset timeout={meaning.loader_timeout_s}\n"
    for entry, more in entries:
        text += f'menuentry "{entry}" {{\n  linux /boot/vmlinuz {arguments}{more}\n  initrd /boot/initrd.img\n}}\n'
    return text + (
        'menuentry "The first disk of the machine" {\n'
        '  if [ "$grub_platform" = "efi" ]; then exit; else set root=(hd0); chainloader +1; fi\n}\n'
    )


def early_config(live_id: str) -> str:
    """What GRUB's core does first: find the medium."""
    return f"search.file /live/{live_id} root\nset prefix=($root)/boot/grub\n"


def vendor_config(live_id: str) -> str:
    """The same for a signed GRUB, which has to be told to read the menu, too."""
    return f"{early_config(live_id)}configfile $prefix/grub.cfg\n"


def xorriso_words(build: OutputBuild, label: str, tree: Path, iso: Path) -> list[Arg]:
    """The command by which the tree becomes a hybrid ISO, with nothing left to chance or to the clock.

    The EFI system partition is a partition of the GPT and El Torito's second image at once; the MBR starts GRUB's
    core where a BIOS takes the medium for a disk.
    """
    date = time.strftime("%Y%m%d%H%M%S00", time.gmtime(build.epoch))
    grub = build.tools.root / "usr/lib/grub/i386-pc"
    return [
        *("-no_rc", "-as", "mkisofs", "-quiet", "-r", "-J", "-iso-level", "3", "-V", label, "-o", iso),
        f"--modification-date={date}",
        *("--gpt_disk_guid", build.identity("disk"), "--grub2-mbr", grub / "boot_hybrid.img"),
        *("--mbr-force-bootable", "-partition_offset", "16"),
        *("-append_partition", "2", _ESP_TYPE, build.workspace.path / "esp.img", "-appended_part_as_gpt"),
        *("-c", "/boot/grub/boot.cat", "-b", "/boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4"),
        *("-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot"),
        *("-e", "--interval:appended_partition_2:all::", "-no-emul-boot", tree),
    ]


def esp_size(files: Mapping[str, bytes]) -> int:
    """Bytes of an EFI system partition for these files."""
    needed = _ESP_SPARE + sum(map(len, files.values()))
    return max(-(-needed // MIB) * MIB, _ESP_LEAST)


async def _boot_loaders(build: OutputBuild, parts: Live, tree: Path) -> None:
    (tree / "boot/grub").mkdir(parents=True)
    early = build.workspace.path / "early.cfg"
    early.write_text(early_config(parts.id))
    await _grub_image(build, "i386-pc-eltorito", tree / "boot/grub/eltorito.img", _BIOS_MODULES)
    if parts.signed:
        files = parts.signed.esp_files(vendor_config(parts.id))
    else:
        loader = build.workspace.path / "bootx64.efi"
        await _grub_image(build, "x86_64-efi", loader, _EFI_MODULES)
        files = {"/EFI/BOOT/BOOTX64.EFI": loader.read_bytes()}
    for name, content in files.items():  # of the ISO, too: a signed GRUB looks there, and sticks may be made of it
        place = tree / name[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        os.utime(place, (build.epoch, build.epoch))  # mcopy -m keeps it
    await _esp_image(build, tree / "EFI", esp_size(files))


async def _grub_image(build: OutputBuild, target: str, image: Path, modules: Sequence[str]) -> None:
    source = build.tools.root / "usr/lib/grub" / target.removesuffix("-eltorito")
    words: list[Arg] = ["-O", target, "-d", source, "-o", image, "-p", "/boot/grub", "-c", "early.cfg"]
    await run_tool(build, "grub-mkimage", *words, *modules)


async def _esp_image(build: OutputBuild, tree: Path, size: int) -> None:
    """Write esp.img into the workspace: a FAT with the folder EFI, where firmware looks for it."""
    image = build.workspace.path / "esp.img"
    with image.open("wb") as file:
        file.truncate(size)
    # mtools write the time of now into what they make, unless this says otherwise.
    env = {"SOURCE_DATE_EPOCH": str(build.epoch), "TZ": "UTC"}
    await run_tool(build, "mkfs.vfat", "--invariant", "-i", build.identity("esp")[:8], "-n", "ESP", image)
    for path in [tree, *sorted(tree.rglob("*"))]:
        place = f"::/{path.relative_to(tree.parent)}"
        if path.is_dir():
            await run_tool(build, "mmd", "-i", image, place, env=env)
        else:
            await run_tool(build, "mcopy", "-m", "-i", image, path, place, env=env)


def _fill(build: OutputBuild, parts: Live, tree: Path) -> None:
    (tree / "live").mkdir()
    parts.kernel.rename(tree / "boot/vmlinuz")
    parts.initrd.rename(tree / "boot/initrd.img")
    parts.image.path.rename(tree / "live" / f"root.{parts.image.type}")
    (tree / "live/image").write_text(parts.facts(build.name))
    (tree / "live" / parts.id).touch()
    (tree / "boot/grub/grub.cfg").write_text(menu(build.name, volume_label(build.name), build.meaning))
    live.copy_manifests(build.about, tree / "manifests")
    if build.live_tar:
        add_files(build.live_tar, tree)
    live.write_sums(tree, but=("eltorito.img",))  # which xorriso changes: the boot information table
    live.settle(tree, build.epoch)


def add_files(tar: Path, tree: Path) -> None:
    """Add what the recipe's scripts left in $LIVE_ROOT; files only, because nothing on the medium follows links.

    Raises:
        BadRecipe: it has the name of something that is there.
    """
    with opened_tar(tar) as files:
        for path, entry in files.tree.items():
            if entry.kind != "file":
                continue
            target = tree / path
            if target.exists() or any(parent.is_file() for parent in target.parents):
                raise BadRecipe(f"a script puts {path} into $LIVE_ROOT, which the ISO has itself")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.read(path, most=entry.size))
