"""Disks of every layout boot, and are inside what their recipe says.

ext4 on one partition is the appliance base's (test_appliance.py); firmwares and layouts are spread over few boots.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.booted import Guest
from tests.fixtures.disk_images import DiskImages, started

pytestmark = pytest.mark.timeout(1200)  # the first one installs the packages, too


async def mounts(guest: Guest) -> dict[str, tuple[str, str]]:
    """Type and source of what is mounted, by place."""
    lines = (await guest.run("findmnt -lno TARGET,FSTYPE,SOURCE --real")).splitlines()
    return {place: (kind, source) for place, kind, source in (line.split(None, 2) for line in lines)}


async def is_well(guest: Guest) -> None:
    """No unit failed, and what a %post wrote is there, hard links too."""
    assert await guest.run("systemctl --failed --no-legend --plain") == ""
    assert await guest.run("cat /home/same; stat -c %h /home/same /usr/bin/perl 2>/dev/null") == "kept\n2\n2"
    assert await guest.run("stat -c %a /tmp /usr/bin/su /etc/shadow") == "1777\n4755\n640"


async def root_size(guest: Guest) -> int:
    """MiB."""
    return int(await guest.run("df --output=size --block-size=1M / | tail -1"))


async def test_xfs_with_secure_boot(disk_images: DiskImages, tmp_path: Path) -> None:
    async with started(await disk_images.build("xfs"), tmp_path, "secure boot") as guest:
        assert (await mounts(guest))["/"][0] == "xfs"
        await is_well(guest)
        assert await root_size(guest) > 3500  # it grew
        assert "Secure boot enabled" in await guest.run("dmesg | grep -i secureboot:")
        assert await guest.run("stat -c %Y /usr/bin/perl") != await guest.run("stat -c %W /usr/bin/perl")


async def test_subvolumes_of_a_btrfs(disk_images: DiskImages, tmp_path: Path) -> None:
    async with started(await disk_images.build("subvolumes"), tmp_path) as guest:
        found = await mounts(guest)

        assert [found[place][0] for place in ("/", "/home")] == ["btrfs", "btrfs"]
        assert found["/"][1].endswith("[/root]")
        assert found["/home"][1].endswith("[/home]")
        await is_well(guest)
        assert await root_size(guest) > 3500


async def test_logical_volumes_on_a_mirror_of_two_disks(disk_images: DiskImages, tmp_path: Path) -> None:
    disks = await disk_images.build("volumes")

    assert [disk.name for disk in disks] == ["volumes-sda.qcow2", "volumes-sdb.qcow2"]
    async with started(disks, tmp_path) as guest:
        found = await mounts(guest)

        assert found["/"] == ("ext4", "/dev/mapper/vg--a-root")
        assert found["/home"] == ("xfs", "/dev/mapper/vg--a-home")
        assert found["/boot"][0] == "ext4"
        await is_well(guest)
        assert "[2/2] [UU]" in await guest.run("cat /proc/mdstat")
        assert "partition" in await guest.run("cat /proc/swaps")
        assert await guest.run("vgs --noheadings -o vg_name,lv_count | xargs") == "vg-a 3"


async def test_a_root_that_cannot_be_written(disk_images: DiskImages, tmp_path: Path) -> None:
    async with started(await disk_images.build("read-only"), tmp_path, "uefi") as guest:
        found = await mounts(guest)

        assert await guest.run("findmnt -n -o FSTYPE /") == "overlay"
        assert found["/var"][0] == "ext4"
        await is_well(guest)
        assert await guest.run("touch /usr/new && rm /etc/os-release && echo done") == "done"
        assert int(await guest.run("df --output=size --block-size=1M /var | tail -1")) > 3000  # it grew
