"""Signed programs of a root: which are found, and what starts which."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from skerry.images.outputs import iso
from skerry.images.outputs.grub import BootFolder, vendor_config
from skerry.images.outputs.signed import SignedPrograms, find_signed, read_signed

DEBIAN = {
    "/usr/lib/shim/shimx64.efi.signed",
    "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
}
UBUNTU = {name + (".latest" if "shim" in name else "") for name in DEBIAN}
FEDORA = {"/boot/efi/EFI/fedora/shimx64.efi", "/boot/efi/EFI/fedora/grubx64.efi"}
PROGRAMS = SignedPrograms(b"shim", b"grub", b"network", "debian")


@pytest.mark.parametrize(
    ("names", "distribution", "vendor"),
    [(DEBIAN, "debian", "debian"), (UBUNTU, "ubuntu", "ubuntu"), (FEDORA, "file", "fedora")],
    ids=["debian", "ubuntu", "fedora"],
)
def test_signed_programs_of_both_families_are_found(names: set[str], distribution: str, vendor: str) -> None:
    found = find_signed({*names, "/etc/passwd"}, distribution)

    assert found
    assert found.vendor == vendor
    assert {found.shim, found.grub, found.network} == names


@pytest.mark.parametrize("missing", sorted({*DEBIAN, *FEDORA}))
def test_a_chain_with_a_missing_link_is_none(missing: str) -> None:
    names = (DEBIAN if missing in DEBIAN else FEDORA) - {missing}

    assert find_signed(names, "debian") is None


def test_nothing_is_read_of_a_root_without_them() -> None:
    def read(paths: Collection[str]) -> dict[str, bytes]:
        raise AssertionError(paths)

    assert read_signed({"/etc/passwd"}, "debian", read) is None


def test_the_shim_starts_what_lies_beside_it_and_that_reads_its_vendors_folder() -> None:
    boot = BootFolder("1234-5678", "/boot", ())

    files = PROGRAMS.esp_files(vendor_config(boot))

    assert files["/EFI/BOOT/BOOTX64.EFI"] == b"shim"
    assert files["/EFI/BOOT/grubx64.efi"] == b"grub"
    assert files["/EFI/debian/grub.cfg"].endswith(b"configfile $prefix/grub.cfg\n")


def test_of_a_live_medium_it_reads_the_menu_of_that_very_medium() -> None:
    files = PROGRAMS.esp_files(iso.vendor_config("some-id"))

    assert files["/EFI/debian/grub.cfg"].decode().splitlines() == [
        "search.file /live/some-id root",
        "set prefix=($root)/boot/grub",
        "configfile $prefix/grub.cfg",
    ]


def test_the_efi_partition_has_room_for_its_files() -> None:
    assert iso.esp_size({"/a": b"x"}) == 4 * 2**20
    assert iso.esp_size({"/a": bytes(4 * 2**20)}) == 5 * 2**20
