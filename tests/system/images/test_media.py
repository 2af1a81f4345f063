"""Every medium starts a live system on the firmware that it is for; a bad or missing medium is told."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.booted import BOOT_S, Guest
from tests.fixtures.live_guest import (
    cd,
    efi_partition,
    network,
    served,
    sign_in,
    started,
    stick,
)

from skerry.images.contents import iso9660

PACKAGES = r"dpkg-query -W -f '${Package}-${Version}.${Architecture} (none)\n' | LC_ALL=C sort"
# Kind, mode, owner, group, size and name of all that is below a folder, as `shape_of` says it.
SHAPE = (
    r"find . -mindepth 1 \( -type f -printf 'file %m %U %G %s /%P\n' -o -type d -printf 'folder %m %U %G 0 /%P\n' "
    r"-o -type l -printf 'link 777 %U %G 0 /%P %l\n' -o -printf 'other /%P\n' \)"
)
pytestmark = pytest.mark.timeout(900)


def names_told(manifests: Path) -> list[list[Any]]:
    """All names of a root, as its manifest tells of them: path, kind, mode, owner, group, size, sum or target."""
    with gzip.open(manifests / "files.jsonl.gz") as lines:
        return [json.loads(line) for line in lines]


def shape_of(entry: list[Any]) -> str:
    path, kind, mode, owner, group, size, target = entry[:7]
    return f"{kind} {int(mode, 8):o} {owner} {group} {size} {path}{f' {target}' if kind == 'link' else ''}\n"


def digest_of(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(lines).encode()).hexdigest()


async def root_is_writable_in_memory(guest: Guest) -> None:
    assert await guest.run("findmnt -n -o FSTYPE / 2>/dev/null || stat -f -c %T /") in {"overlay", "overlayfs"}
    assert await guest.run("touch /usr/new /etc/new && rm /usr/lib/os-release && echo done") == "done"


def extracted(iso: Path, path: str, folder: Path) -> Path:
    """A file of an ISO."""
    with iso.open("rb") as source:
        for place, names in iso9660.folders(source.fileno()):
            for name, position in names.items():
                if f"{place}/{name}" == path:
                    target = folder / name
                    target.write_bytes(iso9660.read(source.fileno(), position))
                    return target
    raise AssertionError(f"the ISO has no {path}")


async def test_a_cd_starts_a_bios_machine_and_has_the_manifests_of_what_runs(
    little_media: Path, tmp_path: Path
) -> None:
    async with started(cd(little_media / "little.iso"), tmp_path) as guest:
        await sign_in(guest)

        await root_is_writable_in_memory(guest)
        manifests = "/run/live/medium/manifests"
        told = names_told(little_media / "little.manifests")
        assert await guest.run(f"{PACKAGES} | diff - {manifests}/manifest-rpm.txt && echo same") == "same"
        shape = await guest.run(f"cd /run/live/root && {SHAPE} | LC_ALL=C sort | sha256sum; cd", BOOT_S)
        assert shape.split()[0] == digest_of(sorted(map(shape_of, told)))
        sums = "find etc usr/bin -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
        assert (await guest.run(f"cd /run/live/root && {sums}; cd", BOOT_S)).split()[0] == digest_of(
            f"{entry[6]}  {entry[0][1:]}\n"
            for entry in sorted(told)
            if entry[1] == "file" and entry[0].startswith(("/etc/", "/usr/bin/"))
        )
        assert {"manifest-file.txt.bz2", "manifest-license.txt", "sbom.spdx.json", "sbom.cdx.json"} <= set(
            (await guest.run(f"ls {manifests}")).split()
        )
        assert await guest.run("systemctl --failed --no-legend --plain") == ""


async def test_the_same_bytes_on_a_stick_start_a_machine_with_secure_boot(
    little_media: Path, tmp_path: Path
) -> None:
    async with started(stick(little_media / "little.iso"), tmp_path, "secure boot") as guest:
        await sign_in(guest)

        assert "Secure boot enabled" in await guest.run("dmesg | grep -i secureboot:")
        await root_is_writable_in_memory(guest)


async def test_ipxe_starts_a_bios_machine_by_http(little_media: Path, tmp_path: Path) -> None:
    files = little_media / "little.pxe"
    with served(files) as port:
        card = network(files, f"http://10.0.2.2:{port}/boot.ipxe")
        async with started(card, tmp_path, memory=512) as guest:
            await sign_in(guest)

            await root_is_writable_in_memory(guest)
            assert await guest.run("ls /sys/class/block | grep -v -e loop -e sr") == ""


async def test_shim_and_grub_start_a_machine_with_secure_boot_by_tftp(little_media: Path, tmp_path: Path) -> None:
    card = network(little_media / "little.pxe", "shimx64.efi", rom=False)
    async with started(card, tmp_path, "secure boot", memory=512) as guest:
        await sign_in(guest)

        assert "Secure boot enabled" in await guest.run("dmesg | grep -i secureboot:")
        await root_is_writable_in_memory(guest)


async def test_one_efi_program_starts_a_uefi_machine(little_media: Path, tmp_path: Path) -> None:
    medium = efi_partition(little_media / "little.efi", tmp_path)
    async with started(medium, tmp_path, "uefi", memory=512) as guest:
        await sign_in(guest)

        await root_is_writable_in_memory(guest)


async def test_a_missing_medium_is_waited_for_and_a_damaged_one_refused(
    little_media: Path, tmp_path: Path
) -> None:
    iso = little_media / "little.iso"
    kernel, initrd = (extracted(iso, f"/boot/{name}", tmp_path) for name in ("vmlinuz", "initrd.img"))
    damaged = tmp_path / "damaged.iso"
    shutil.copy(iso, damaged)
    with damaged.open("r+b") as file:
        file.seek(damaged.stat().st_size // 2)
        file.write(b"not what was built")
    argv = ["-kernel", str(kernel), "-initrd", str(initrd), "-device", "virtio-scsi-pci,id=bus"]
    argv += ["-append", "root=live:CDLABEL=LITTLE rd.live.check console=ttyS0 quiet"]

    async with started(argv, tmp_path) as guest:
        await guest.expect("live: waiting for the medium of little (CDLABEL=LITTLE", BOOT_S)
        drive = {"driver": "file", "filename": str(damaged)}
        await guest.control("blockdev-add", driver="raw", **{"node-name": "cd", "read-only": True, "file": drive})
        await guest.control("device_add", driver="scsi-cd", drive="cd", bus="bus.0")
        await guest.expect("live: the root image is damaged: its SHA-256 is not", BOOT_S)


def test_the_iso_is_a_cd_and_a_partitioned_disk_at_once(little_media: Path) -> None:
    table = subprocess.run(
        ["sfdisk", "--json", little_media / "little.iso"], capture_output=True, text=True, check=True
    )

    disk = json.loads(table.stdout)["partitiontable"]
    assert disk["label"] == "gpt"
    assert "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" in {each["type"] for each in disk["partitions"]}
    with (little_media / "little.iso").open("rb") as file:
        assert file.read(512)[510:] == b"\x55\xaa"
        assert iso9660.is_iso(file.fileno())
