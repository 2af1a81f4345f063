"""A small real image, from real packages, looked at without mounting it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from tests.integration.images.conftest import TINY, Recorder, Tiny, with_post, write

from skerry.errors import BadInput, NotFound
from skerry.images.build import build_image
from skerry.images.configure import ScriptFailed
from skerry.images.placement import lay_out
from skerry.images.recipe import BadRecipe
from skerry.images.settings import BuildSettings
from skerry.images.words.meaning import default_storage
from skerry.progress import Collected
from skerry.sizes import MIB

DISK = lay_out(default_storage(512 * MIB)).disks[0]
BIOS, ESP, ROOT = DISK.partitions


def output_of(*argv: str | Path) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, errors="surrogateescape").stdout


def in_root(disk: Path, request: str) -> str:
    """What debugfs answers about the root's file system, in its place on the disk."""
    return output_of("debugfs", "-R", request, f"{disk}?offset={ROOT.offset}")


def test_the_table_is_valid_and_as_laid_out(tiny: Tiny) -> None:
    subprocess.run(["sfdisk", "--verify", tiny.image.path], check=True, capture_output=True)
    table = json.loads(output_of("sfdisk", "--json", tiny.image.path))["partitiontable"]

    assert table["label"] == "gpt"
    assert [(part["name"], part["start"], part["size"]) for part in table["partitions"]] == [
        (part.name, part.start, part.sectors) for part in DISK.partitions
    ]
    assert tiny.image.virtual_size == DISK.size == tiny.image.path.stat().st_size


def test_the_file_is_sparse(tiny: Tiny) -> None:
    assert tiny.image.path.stat().st_blocks * 512 < DISK.size * 0.7


def test_the_first_sector_loads_the_core(tiny: Tiny) -> None:
    with tiny.image.path.open("rb") as disk:
        first = disk.read(512)
        disk.seek(BIOS.offset)
        core = disk.read(512)

    assert int.from_bytes(first[0x5C:0x64], "little") == BIOS.start
    assert int.from_bytes(core[0x1F4:0x1FC], "little") == BIOS.start + 1
    assert b"GRUB" in first


def test_the_esp_has_the_boot_loader(tiny: Tiny) -> None:
    listing = output_of("mdir", "-b", "-i", f"{tiny.image.path}@@{ESP.offset}", "::/EFI/BOOT")

    assert "BOOTX64.EFI" in listing


def test_the_root_is_a_clean_file_system(tiny: Tiny, tmp_path: Path) -> None:
    root = tmp_path / "root.ext4"
    with tiny.image.path.open("rb") as disk, root.open("wb") as file:
        disk.seek(ROOT.offset)
        file.write(disk.read(ROOT.size))

    subprocess.run(["e2fsck", "-fn", root], check=True, capture_output=True)
    assert "Filesystem volume name:   tiny" in output_of("dumpe2fs", "-h", root)


def test_the_root_is_what_the_recipe_says(tiny: Tiny) -> None:
    disk = tiny.image.path

    assert in_root(disk, "cat /etc/hostname") == "tiny\n"
    assert in_root(disk, "cat /root/made") == "bytes: \udcff\n"
    assert in_root(disk, "cat /etc/machine-id") == ""
    assert in_root(disk, "cat /etc/resolv.conf") == ""
    assert in_root(disk, "cat /etc/systemd/network/80-dhcp.network").endswith("DHCP=yes\n")
    assert "\n/ ext4" not in in_root(disk, "cat /etc/fstab")
    assert in_root(disk, "cat /etc/fstab").startswith("UUID=")
    assert "linux /vmlinuz root=UUID=" in in_root(disk, "cat /boot/grub/grub.cfg")


def test_docs_stay_out_and_licences_in(tiny: Tiny) -> None:
    assert "copyright" in in_root(tiny.image.path, "ls -p /usr/share/doc/bash")
    assert "changelog" not in in_root(tiny.image.path, "ls -p /usr/share/doc/bash")


def test_nothing_of_the_build_stays_in_the_root(tiny: Tiny) -> None:
    for folder in ("/tmp", "/var/cache/apt/archives", "/etc/apt/preferences.d"):
        names = [line.split("/")[5] for line in in_root(tiny.image.path, f"ls -p {folder}").splitlines() if line]
        assert set(names) <= {".", "..", "partial", "lock"}, folder


def test_the_checksum_is_beside_it(tiny: Tiny) -> None:
    sums = tiny.image.path.with_name("tiny.raw.sha256").read_text()

    assert sums == f"{hashlib.sha256(tiny.image.path.read_bytes()).hexdigest()}  tiny.raw\n"
    assert tiny.image.sha256 in sums


def test_the_build_told_its_steps(tiny: Tiny) -> None:
    assert tiny.progress.steps == [
        "Installing debian:trixie",
        "Running the recipe's scripts",
        "Describing the root",
        "Writing disk",
    ]
    assert tiny.commands.ran.count("mmdebstrap") == 1


async def test_a_second_build_makes_nothing(tiny: Tiny, settings: BuildSettings, tmp_path: Path) -> None:
    progress, commands = Collected(), Recorder()

    again = await build_image(
        tiny.recipe, tmp_path / "again.raw", format="raw", settings=settings, progress=progress, commands=commands
    )

    assert again.from_cache
    assert (again.sha256, progress.steps) == (tiny.image.sha256, [])
    assert (tmp_path / "again.raw").read_bytes() == tiny.image.path.read_bytes()
    assert commands.ran == []


async def test_another_menu_does_not_install_again(tiny: Tiny, settings: BuildSettings, tmp_path: Path) -> None:
    progress = Collected()
    recipe = write(tmp_path, TINY.replace("--timeout=1", "--timeout=7"))
    made = await build_image(
        recipe, tmp_path / "x.qcow2", settings=settings, progress=progress, commands=Recorder()
    )

    assert progress.steps == ["Writing qcow2"]
    info = json.loads(output_of("qemu-img", "info", "--output=json", made.path))
    assert (info["format"], info["virtual-size"]) == ("qcow2", DISK.size)
    assert "No errors" in output_of("qemu-img", "check", made.path)
    assert made.size < tiny.image.path.stat().st_blocks * 512 / 2


async def test_two_builds_at_once_install_once(tiny: Tiny, settings: BuildSettings, tmp_path: Path) -> None:
    recipe = write(tmp_path, TINY.replace("-nano", "-less"))
    commands = Recorder()

    async with asyncio.TaskGroup() as group:
        for name in ("one.raw", "two.raw"):
            output = tmp_path / name
            group.create_task(
                build_image(recipe, output, format="raw", settings=settings, commands=commands), name=name
            )

    assert commands.ran.count("mmdebstrap") == 1
    assert (tmp_path / "one.raw").read_bytes() == (tmp_path / "two.raw").read_bytes()


async def refused(recipe: Path, settings: BuildSettings, kind: type[Exception]) -> str:
    """The message of a build that must fail and leave nothing."""
    output = recipe.with_name("out.qcow2")
    with pytest.raises(kind) as caught:
        await build_image(recipe, output, settings=settings, commands=Recorder())
    assert [path.name for path in recipe.parent.iterdir()] == [recipe.name]
    assert list((settings.cache / "tmp").iterdir()) == []
    return str(caught.value)


async def test_a_failing_script_is_named_with_its_line(settings: BuildSettings, tmp_path: Path) -> None:
    recipe = write(tmp_path, with_post("sleep 1000 &\necho 'there is no such thing'\nexit 5"))

    message = await refused(recipe, settings, ScriptFailed)

    assert message == f"%post at {recipe}:13 failed with status 5: there is no such thing"


async def test_a_package_that_does_not_exist_is_named(settings: BuildSettings, tmp_path: Path) -> None:
    recipe = write(tmp_path, TINY.replace("-nano", "no-such-package"))

    assert "no package no-such-package" in await refused(recipe, settings, BadRecipe)


async def test_a_root_that_is_too_small_says_so(tiny: Tiny, settings: BuildSettings, tmp_path: Path) -> None:
    recipe = write(tmp_path, TINY.replace("--size=512", "--size=64"))

    assert "do not fit in its ext4 of 64 MiB" in await refused(recipe, settings, BadInput)


async def test_a_disk_that_could_not_boot_is_refused(settings: BuildSettings, tmp_path: Path) -> None:
    recipe = write(tmp_path, with_post("rm /vmlinuz"))

    assert "has no kernel" in await refused(recipe, settings, BadRecipe)


async def test_there_must_be_a_recipe_and_a_folder(settings: BuildSettings, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"missing\.ks"):
        await build_image(tmp_path / "missing.ks", tmp_path / "x", settings=settings, commands=Recorder())
    with pytest.raises(NotFound, match="folder"):
        await build_image(write(tmp_path), tmp_path / "no/x", settings=settings, commands=Recorder())
