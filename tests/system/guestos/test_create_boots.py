"""A guest that `skerry guest-os create` installed starts by itself, and is its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.fixtures.booted import BOOT_S, booted
from tests.fixtures.small_guest import Ganeti

from skerry.images.settings import BuildSettings
from skerry.sizes import GIB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Ganeti's node daemon is root")

SECRET = (  # `openssl passwd -6`: secret
    "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."
)
PATIENCE = "systemd.default_device_timeout_sec=600"  # the login waits for a serial line that emulation shows late


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, kept_images: BuildSettings) -> Path:
    """A disk with a GPT for both firmwares, as qcow2."""
    ganeti = Ganeti(tmp_path_factory.mktemp("node"))
    ganeti.tar.unlink()  # this time packages are installed
    disk = ganeti.disk(2 * GIB)
    ganeti.create(
        disk,
        OSP_PARTITION_STYLE="gpt",
        OSP_ROOT_PASSWORD_HASH=SECRET,
        OSP_KERNEL_ARGS=PATIENCE,
    )
    image = disk.with_suffix(".qcow2")
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disk), "-F", "raw", str(image)]
    subprocess.run(argv, check=True)
    return image


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
async def test_it_boots_to_a_login_under_its_name(installed: Path, firmware: str, tmp_path: Path) -> None:
    seed = tmp_path / "empty.iso"
    seed.write_bytes(bytes(1024 * 1024))

    async with booted(installed, seed, tmp_path, uefi=firmware == "uefi") as guest:
        await guest.expect("login: ", BOOT_S)
        await guest.send("root")
        await guest.expect("assword: ")
        await guest.send("secret")
        await guest.expect("# ")
        await guest.send("stty -echo cols 200; PS1=; bind 'set enable-bracketed-paste off'; dmesg --console-off")
        await guest.run("true")

        assert await guest.run("hostname") == "web1.example.org"
        assert await guest.run("findmnt -n -o FSTYPE /") == "ext4"
        assert await guest.run("cat /sys/class/net/eth0/address") == "52:54:00:12:34:56"
        assert await guest.run("test -d /sys/firmware/efi && echo uefi || echo bios") == firmware
