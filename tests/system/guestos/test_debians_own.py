"""Debian's own definition, from its package: found, run here and in the helper machine, and its guests boot."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fixtures.booted import BOOT_S, Guest, running
from tests.fixtures.debians_own import DebiansOwn, installed

from skerry.commands import CommandRunner
from skerry.guestos.boot_files import boot_files
from skerry.guestos.disk_tables import read_table, reader_of
from skerry.images.settings import BuildSettings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="it is installed in a mount namespace, which takes root")

NAME = "web1.example.org"
SETTINGS = "SUITE=trixie\nEXTRA_PKGS=linux-image-cloud-amd64\n"


@pytest.fixture(scope="module")
def debians_own(tmp_path_factory: pytest.TempPathFactory, kept_guests: BuildSettings) -> DebiansOwn:
    return installed(tmp_path_factory.mktemp("debian"), kept_guests)


def words_of(disk: Path) -> list[str]:
    return ["guest-os", "run", "debootstrap+default", "create", "--instance", NAME, "--disk", f"{disk}:2G"]


def create(own: DebiansOwn, disk: Path, *words: str, status: int = 0) -> str:
    return own.skerry(*words_of(disk), *words, status=status)


@asynccontextmanager
async def booted(disk: Path, folder: Path) -> AsyncIterator[Guest]:
    """The guest of a disk that holds no boot loader, with its kernel, and somebody signed in."""
    argv = ["-machine", "q35,accel=tcg", "-cpu", "max,svm=off", "-m", "256", "-nodefaults", "-display", "none"]
    argv += ["-serial", "stdio", "-drive", f"file={disk},if=virtio,format=raw", "-device", "virtio-rng-pci"]
    async with boot_files(disk, uefi=False, commands=CommandRunner()) as found:
        assert found is not None
        assert found.initrd is not None
        argv += ["-kernel", str(found.kernel), "-initrd", str(found.initrd), "-append", found.command_line]
        async with running(argv, folder) as guest:
            await guest.expect("login: ", BOOT_S)
            await guest.send("root")  # the definition takes the password away
            await guest.expect("# ")
            await guest.send(
                "stty -echo cols 200; PS1=; bind 'set enable-bracketed-paste off'; dmesg --console-off"
            )
            await guest.run("true")
            yield guest


def test_it_is_found_and_valid(debians_own: DebiansOwn) -> None:
    assert "debootstrap" in debians_own.skerry("guest-os", "list")
    debians_own.skerry("guest-os", "check", "debootstrap")


async def test_its_file_system_on_a_whole_disk_boots_by_its_kernel(
    debians_own: DebiansOwn, tmp_path: Path
) -> None:
    debians_own.settings(f"{SETTINGS}PARTITION_STYLE=none\n")
    disk = tmp_path / "disk"

    create(debians_own, disk)

    async with booted(disk, tmp_path) as guest:
        assert await guest.run("hostname") == NAME
        assert await guest.run("findmnt -n -o SOURCE /") == "/dev/vda"


async def test_its_partition_is_made_in_the_helper_machine_and_boots_by_its_kernel(
    debians_own: DebiansOwn, tmp_path: Path
) -> None:
    debians_own.settings(SETTINGS)
    debians_own.hook('echo "$BLOCKDEV $FSYSDEV" > "$TARGET/etc/devices"; echo the hook runs')
    disk = tmp_path / "disk"

    said = create(debians_own, disk, "--helper")

    assert "the hook runs" in said
    assert "left behind" not in said
    assert debians_own.left() == []
    with disk.open("rb") as file:
        table = read_table(reader_of(file.fileno()), disk.stat().st_size)
    assert table is not None
    assert table.kind == "msdos"
    async with booted(disk, tmp_path) as guest:
        assert await guest.run("hostname") == NAME
        assert await guest.run("findmnt -n -o SOURCE /") == "/dev/vda1"
        assert await guest.run("cat /etc/devices") == "/dev/vda /dev/mapper/vda-1"
