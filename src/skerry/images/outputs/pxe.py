"""A set of files for starting machines from the network: no disk needed, the whole system is in memory.

    vmlinuz, initrd.img             kernel and a small initial RAM disk with the drivers of network cards
    root.squashfs                   the root, which the initial RAM disk fetches by HTTP or TFTP and compares
    boot.ipxe                       for iPXE, by HTTP or TFTP, BIOS or UEFI
    pxelinux.0, pxelinux.cfg/       for BIOS cards by TFTP
    grubx64.efi, grub.cfg           for UEFI cards by TFTP
    shimx64.efi, grub/grub.cfg      the same with Secure Boot, if the root has the distribution's signed programs
    manifests/, SHA256SUMS

Addresses are relative to where the loader came from, so the folder works wherever it is put.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from skerry.images.outputs import live
from skerry.images.outputs.live import Live, LiveMedium, live_arguments, run_tool
from skerry.images.outputs.modules import NETWORK_MODULES, ROOT_MODULES
from skerry.images.outputs.output import OutputBuild
from skerry.images.outputs.signed import SignedPrograms
from skerry.images.placing import copy_file
from skerry.images.words import Meaning

_EFI_MODULES = ("efinet", "tftp", "http", "net", "normal", "linux", "test", "echo", "efi_gop", "all_video")
_CONSOLES = ("serial", "terminal")
_EARLY = "normal $cmdpath/grub.cfg\n"  # cmdpath: the server and folder that the loader itself came from
_FROM_ROOT = "# A signed GRUB looks here, on the server and not beside itself.\nsource $cmdpath/grub.cfg\n"


class Pxe(LiveMedium):
    """A folder for a TFTP or HTTP server."""

    name = "pxe"
    help = "kernel, small initrd and root image for starting from the network, with iPXE, PXELINUX and GRUB menus"
    format = 2

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Write the folder NAME.pxe.

        Raises:
            BadRecipe: the root has no kernel.
            NoSpace, CommandFailed, TimedOut: as they say.
        """
        parts = await live.make_live(build, (*ROOT_MODULES, *NETWORK_MODULES))
        build.progress.update(0.9, "boot loaders")
        target = folder / f"{build.name}.pxe"
        (target / "pxelinux.cfg").mkdir(parents=True)
        if parts.signed:
            _add_signed(parts.signed, target)
        else:
            early = build.workspace.path / "early.cfg"
            early.write_text(_EARLY)
            grub = build.tools.root / "usr/lib/grub/x86_64-efi"
            words = ("-O", "x86_64-efi", "-d", grub, "-o", target / "grubx64.efi", "-p", "/grub", "-c", early)
            await run_tool(build, "grub-mkimage", *words, *_EFI_MODULES, *_CONSOLES)
        await asyncio.to_thread(_fill, build, parts, target)


def ipxe_script(meaning: Meaning, image: str) -> str:
    """The script for iPXE; `initrd=` is what a kernel that UEFI starts finds it by.

    Older iPXE, such as that in QEMU's cards, does not know where a script came from (`cwduri`).
    """
    arguments = live_arguments(meaning, "root=live:${root}", "ip=dhcp", "BOOTIF=01-${netX/mac:hexhyp}")
    return f"""\
#!ipxe
# `base` is the address of this folder, with a slash at its end; unless set, where this script came from.
isset ${{base}} || set base ${{cwduri}}
set root ${{base}}{image}
isset ${{base}} || set root beside:{image}
kernel ${{base}}vmlinuz initrd=initrd.img {arguments} || goto failed
initrd ${{base}}initrd.img || goto failed
boot || goto failed
:failed
echo The live system cannot be fetched; next try in 10 seconds
sleep 10
chain --replace --autofree ${{base}}boot.ipxe || goto failed
"""


def pxelinux_config(name: str, meaning: Meaning, image: str) -> str:
    """pxelinux.cfg/default; SYSAPPEND 2 adds BOOTIF, the card that the machine started from."""
    serial = "SERIAL 0 115200\n" if "console=ttyS0" in meaning.kernel_arguments else ""
    return f"""\
{serial}DEFAULT live
PROMPT 0
LABEL live
  MENU LABEL {live.title(name)}
  LINUX vmlinuz
  INITRD initrd.img
  # Faster, where there is an HTTP server: root=live:http://SERVER/FOLDER/{image}
  APPEND {live_arguments(meaning, f"root=live:beside:{image}", "ip=dhcp")}
  SYSAPPEND 2
"""


def grub_config(name: str, meaning: Meaning, image: str) -> str:
    """grub.cfg for UEFI cards."""
    arguments = live_arguments(meaning, f"root=live:beside:{image}", "ip=dhcp", "BOOTIF=01-$net_default_mac")
    serial = live.GRUB_SERIAL if "console=ttyS0" in arguments else ""
    return f"""\
{serial}set timeout=0
menuentry "{live.title(name)}" {{
  # Faster, where there is an HTTP server: root=live:http://SERVER/FOLDER/{image}
  linux $cmdpath/vmlinuz {arguments}
  initrd $cmdpath/initrd.img
}}
"""


def _add_signed(signed: SignedPrograms, target: Path) -> None:
    (target / "shimx64.efi").write_bytes(signed.shim)
    (target / "grubx64.efi").write_bytes(signed.network)  # the name that the shim asks for
    (target / "grub").mkdir()
    (target / "grub/grub.cfg").write_text(_FROM_ROOT)


def _fill(build: OutputBuild, parts: Live, target: Path) -> None:
    image = f"root.{parts.image.type}"
    parts.kernel.rename(target / "vmlinuz")
    parts.initrd.rename(target / "initrd.img")
    parts.image.path.rename(target / image)
    (target / "boot.ipxe").write_text(ipxe_script(build.meaning, image))
    (target / "pxelinux.cfg/default").write_text(pxelinux_config(build.name, build.meaning, image))
    (target / "grub.cfg").write_text(grub_config(build.name, build.meaning, image))
    loaders = build.tools.root / "usr/lib"
    copy_file(loaders / "PXELINUX/pxelinux.0", target / "pxelinux.0")
    copy_file(loaders / "syslinux/modules/bios/ldlinux.c32", target / "ldlinux.c32")
    live.copy_manifests(build.about, target / "manifests")
    live.write_sums(target)
    live.settle(target, build.epoch)
