"""The appliance base boots on both kinds of firmware, and does what its seed says."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.booted import BOOT_S, booted

from skerry.commands import CommandRunner
from skerry.hypervisor.seed import write_seed
from skerry.images.build import BuiltImage

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIabcdefghijklmnopqrstuvwxyz0123456789ab me@here"
USER_DATA = """\
#cloud-config
chpasswd: {expire: false, users: [{name: skerry, password: correct horse, type: text}]}
write_files: [{path: /etc/proof, content: written by the seed}]
"""


@pytest.fixture
async def seed(tmp_path: Path) -> Path:
    path = tmp_path / "seed.iso"
    await write_seed(
        path,
        instance_id="i-1",
        hostname="proof",
        user_data=USER_DATA,
        ssh_keys=[KEY],
        commands=CommandRunner(),
    )
    return path


def colours(picture: bytes) -> int:
    """How many colours a PPM has; one is an empty screen."""
    kind, width, height, depth, pixels = picture.split(maxsplit=4)
    assert (kind, depth) == (b"P6", b"255")
    assert len(pixels) == int(width) * int(height) * 3
    return len({pixels[at : at + 3] for at in range(0, len(pixels), 3)})


def test_the_appliance_is_small(aos_image: BuiltImage) -> None:
    assert aos_image.size <= 140 * 1000**2


@pytest.mark.timeout(900)
async def test_on_bios_it_takes_everything_from_its_seed(
    aos_image: BuiltImage, seed: Path, tmp_path: Path
) -> None:
    async with booted(aos_image.path, seed, tmp_path) as guest:
        await guest.expect("proof login: ", BOOT_S)
        await guest.sign_in("skerry", "correct horse")

        assert await guest.run("cloud-init status --wait", BOOT_S) == "status: done"
        assert await guest.run("cat /etc/proof") == "written by the seed"
        assert await guest.run("cat ~/.ssh/authorized_keys") == KEY
        assert await guest.run("sudo id -un") == "root"
        assert await guest.run("sudo passwd --status root | cut -d' ' -f2") == "L"
        assert await guest.run("systemctl --failed --no-legend --plain") == ""
        assert (
            await guest.run("systemctl is-active ssh systemd-networkd systemd-resolved")
            == "active\n" * 2 + "active"
        )
        assert "10.0.2.15" in await guest.run("ip -brief -4 address")
        assert int(await guest.run("df --output=size --block-size=1M / | tail -1")) > 3500  # it grew
        assert await guest.run("ls /etc/ssh/ssh_host_*_key") == "/etc/ssh/ssh_host_ed25519_key"
        assert len(await guest.run("cat /etc/machine-id")) == 32
        assert colours(await guest.screen()) > 1


@pytest.mark.timeout(900)
async def test_on_uefi_it_asks_for_a_login_on_both_consoles(
    aos_image: BuiltImage, seed: Path, tmp_path: Path
) -> None:
    async with booted(aos_image.path, seed, tmp_path, uefi=True) as guest:
        await guest.expect("proof login: ", BOOT_S)
        await guest.sign_in("skerry", "correct horse")

        assert await guest.run("test -d /sys/firmware/efi && echo yes") == "yes"
        assert await guest.run("systemctl is-active getty@tty1") == "active"
        assert colours(await guest.screen()) > 1
