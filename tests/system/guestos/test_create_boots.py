"""Guests that `skerry guest-os` installed, moved and renamed start by themselves, and are their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from tests.fixtures.booted import BOOT_S, Firmware, Guest, booted
from tests.fixtures.small_guest import Ganeti

from skerry.images.settings import BuildSettings
from skerry.sizes import GIB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Ganeti's node daemon is root")

OLD, NEW = "web1.example.org", "shop.example.org"
SECRET = (  # `openssl passwd -6`: secret
    "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."
)
PATIENCE = "systemd.default_device_timeout_sec=600"  # the login waits for a serial line that emulation shows late


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, kept_guests: BuildSettings) -> Ganeti:
    """A node that installs packages: nobody prepared a root."""
    ganeti = Ganeti(tmp_path_factory.mktemp("node"))
    ganeti.tar.unlink()
    return ganeti


@pytest.fixture(scope="module")
def trixie(node: Ganeti) -> Path:
    """A disk with a GPT for both firmwares."""
    disk = node.disk(2 * GIB, "trixie")
    node.create(disk, OSP_PARTITION_STYLE="gpt", OSP_ROOT_PASSWORD_HASH=SECRET, OSP_KERNEL_ARGS=PATIENCE)
    return disk


@contextmanager
def block_device(file: Path) -> Iterator[Path]:
    """A loop device of the file."""
    argv = ["losetup", "--find", "--show", str(file)]
    device = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield Path(device)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def above(disk: Path, folder: Path) -> Path:
    """An image that begins as the disk is."""
    image = folder / "above.qcow2"
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disk), "-F", "raw", str(image)]
    subprocess.run(argv, check=True)
    return image


@asynccontextmanager
async def started(disk: Path, folder: Path, firmware: Firmware) -> AsyncIterator[Guest]:
    """The guest of a disk that stays as it is, with somebody signed in."""
    seed = folder / "empty.iso"
    seed.write_bytes(bytes(1024 * 1024))
    async with booted(above(disk, folder), seed, folder, uefi=firmware == "uefi") as guest:
        await guest.expect("login: ", BOOT_S)
        await guest.send("root")
        await guest.expect("assword: ")
        await guest.send("secret")
        await guest.expect("# ")
        await guest.send("stty -echo cols 200; PS1=; bind 'set enable-bracketed-paste off'; dmesg --console-off")
        await guest.run("true")
        yield guest


async def test_trixie_on_a_file_starts_a_bios_machine(trixie: Path, tmp_path: Path) -> None:
    async with started(trixie, tmp_path, "bios") as guest:
        assert await guest.run("hostname") == OLD
        assert await guest.run("findmnt -n -o FSTYPE /") == "ext4"
        assert await guest.run("cat /sys/class/net/eth0/address") == "52:54:00:12:34:56"
        assert await guest.run("test -d /sys/firmware/efi && echo uefi || echo bios") == "bios"


async def test_exported_imported_elsewhere_and_renamed_it_starts_a_uefi_machine(
    node: Ganeti, trixie: Path, tmp_path: Path
) -> None:
    elsewhere = node.disk(3 * GIB, "elsewhere")
    node.move(trixie, elsewhere)
    node.rename(elsewhere, OLD, NEW)

    async with started(elsewhere, tmp_path, "uefi") as guest:
        assert await guest.run("hostname") == NEW
        assert await guest.run("cat /etc/mailname") == NEW
        assert await guest.run("getent hosts shop | cut -d' ' -f1") == "127.0.1.1"
        assert await guest.run("test -d /sys/firmware/efi && echo uefi || echo bios") == "uefi"


async def test_bookworm_on_a_block_device_starts_a_bios_machine(node: Ganeti, tmp_path: Path) -> None:
    file = node.disk(2 * GIB, "bookworm")
    with block_device(file) as device:
        node.create(
            device,
            DISK_0_BACKEND_TYPE="block",
            OSP_SUITE="bookworm",
            OSP_PARTITION_STYLE="msdos",
            OSP_ROOT_PASSWORD_HASH=SECRET,
            OSP_KERNEL_ARGS=PATIENCE,
        )

    async with started(file, tmp_path, "bios") as guest:
        assert await guest.run(". /etc/os-release; echo $VERSION_CODENAME") == "bookworm"
        assert await guest.run("hostname") == OLD
        assert await guest.run("findmnt -n -o FSTYPE /") == "ext4"
