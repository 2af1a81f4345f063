"""A unified kernel image: kernel, initial RAM disk, command line and the whole root in one EFI program.

It starts from any EFI system partition, from a UEFI shell, by HTTP boot, or beside other systems; the root is in
the initial RAM disk, so nothing else is looked for. Signed as one file, it vouches for all that is in it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from skerry.images.outputs import cpio, live
from skerry.images.outputs.live import Live, LiveMedium, live_arguments
from skerry.images.outputs.modules import ROOT_MODULES
from skerry.images.outputs.output import OutputBuild
from skerry.images.outputs.pe import Section, add_sections
from skerry.images.words import Meaning

_STUB = "usr/lib/systemd/boot/efi/linuxx64.efi.stub"


class Uki(LiveMedium):
    """One EFI program with everything in it."""

    name = "uki"
    help = "one EFI program with kernel, initrd, command line and root"
    format = 1

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write NAME.efi.

        Raises:
            BadRecipe: the root has no kernel.
            BadImage: the parts are too large for one program.
            NoSpace, CommandFailed, TimedOut: as they say.
        """
        parts = await live.make_live(build, ROOT_MODULES)
        build.progress.update(0.9, "one EFI program")
        await asyncio.to_thread(_write, build, parts, folder / f"{build.name}.efi")


def os_release(name: str, meaning: Meaning, version: str) -> bytes:
    """What boot menus show of the image."""
    source = meaning.source
    title = live.title(name)
    return (
        f'NAME="{title}"\nPRETTY_NAME="{title} ({source})"\nID={source.distribution}\nVERSION_ID={version}\n'
    ).encode()


def _write(build: OutputBuild, parts: Live, target: Path) -> None:
    image = f"root.{parts.image.type}"
    with parts.initrd.open("ab") as initrd:  # the kernel unpacks one archive behind the other
        initrd.write(bytes(-initrd.tell() % 4))
        entries = [cpio.folder("live"), cpio.file(f"live/{image}", parts.image.path)]
        cpio.write_cpio(initrd, entries)
    arguments = live_arguments(build.meaning, f"root=live:/live/{image}")
    sections = [
        Section(".osrel", os_release(build.name, build.meaning, parts.version)),
        Section(".cmdline", arguments.encode() + b"\0"),
        Section(".uname", parts.version.encode()),
        Section(".initrd", parts.initrd),
        Section(".linux", parts.kernel),
    ]
    with target.open("wb") as file:
        add_sections(build.tools.root / _STUB, sections, file)
