"""What a firmware reads first: partition table, boot sectors, menu."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.images.outputs.layouts import identity, plain

from skerry.images.layout import SECTOR
from skerry.images.outputs.gpt import sfdisk_script
from skerry.images.outputs.grub import (
    BootFolder,
    MenuEntry,
    early_config,
    link_files,
    menu,
    menu_entries,
    patch_boot_sectors,
)
from skerry.images.recipe import BadRecipe

ROOT = BootFolder("uuid", "/boot", ("ext2",))
OWN = BootFolder("uuid", "/", ("ext2",))
DEBIAN = frozenset({"/vmlinuz", "/initrd.img", "/boot/vmlinuz-6.12.1", "/boot/initrd.img-6.12.1"})
FEDORA = frozenset(
    {"/boot/vmlinuz-6.9", "/boot/initramfs-6.9.img", "/boot/vmlinuz-6.10", "/boot/initramfs-6.10.img"}
)


def test_the_table_names_type_start_and_size() -> None:
    script = sfdisk_script(plain().disks[0], identity)

    assert "label: gpt" in script
    assert "start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649" in script
    assert f"start={18 * 2048}, size={512 * 2048}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709" in script
    assert script.count(identity("partition root")) == 1


@given(st.binary(min_size=SECTOR, max_size=20 * SECTOR), st.integers(min_value=34, max_value=2**40))
def test_boot_sectors_say_where_the_core_is(core: bytes, sector: int) -> None:
    patched, first = patch_boot_sectors(core, bytes(range(256)) * 2, sector)

    assert len(first) == 440
    assert struct.unpack("<Q", first[0x5C:0x64]) == (sector,)
    rest, sectors, segment = struct.unpack("<QHH", patched[0x1F4:0x200])
    assert (rest, segment) == (sector + 1, 0x820)
    assert len(patched) == (sectors + 1) * SECTOR
    assert patched[SECTOR : len(core)] == core[SECTOR:]


def test_the_menu_is_on_the_serial_port_when_the_kernel_is() -> None:
    entries = [MenuEntry("this", "/vmlinuz", ("/initrd.img", "/boot/more"))]

    assert "terminal_output console serial" in menu(entries, "console=tty0 console=ttyS0,115200", 1)
    alone = menu(entries, "quiet", 7)
    assert "serial" not in alone
    assert "set timeout=7" in alone
    assert '"this" {\n  linux /vmlinuz quiet\n  initrd /initrd.img /boot/more\n}' in alone


def test_grub_looks_for_the_file_system_and_not_for_a_disk() -> None:
    assert early_config(ROOT) == "search.fs_uuid uuid root\nset prefix=($root)/boot/grub\n"
    assert early_config(OWN).endswith("set prefix=($root)/grub\n")


def test_the_links_of_debian_stay_right_after_updates() -> None:
    first, second = menu_entries(DEBIAN, "debian", ROOT, own_boot=False)

    assert (first.kernel, first.initrds) == ("/vmlinuz", ("/initrd.img",))
    assert second.kernel == "/vmlinuz.old"


def test_so_do_those_of_ubuntu() -> None:
    names = {
        f"/boot/{name}{version}" for name in ("vmlinuz", "initrd.img") for version in ("", "-6.8.0-1-generic")
    }

    assert menu_entries(names, "ubuntu", ROOT, own_boot=False)[0] == MenuEntry(
        "ubuntu", "/boot/vmlinuz", ("/boot/initrd.img",)
    )
    assert menu_entries(names, "ubuntu", OWN, own_boot=True)[0].kernel == "/vmlinuz"


def test_paths_are_those_of_the_file_system_that_has_them() -> None:
    own = menu_entries(DEBIAN, "debian", OWN, own_boot=True)
    sub = menu_entries(DEBIAN, "debian", BootFolder("uuid", "/@/boot", ("btrfs",)), own_boot=False)

    assert own[0].kernel == "/vmlinuz"
    assert sub[0].kernel == "/@/vmlinuz"
    assert [each.kernel for each in menu_entries(FEDORA, "f", OWN, own_boot=True)] == [
        "/vmlinuz-6.10",
        "/vmlinuz-6.9",
    ]


def test_a_separate_boot_gets_the_links() -> None:
    files, links = link_files(
        {"/vmlinuz": "boot/vmlinuz-6.12.1", "/initrd.img": "boot/initrd.img-6.12.1", "/x": "y"}
    )

    assert links == {"/boot/vmlinuz": "vmlinuz-6.12.1", "/boot/initrd.img": "initrd.img-6.12.1"}
    assert b"link_in_boot = yes" in files["/etc/kernel-img.conf"]
    assert link_files({}) == ({}, {})


@pytest.mark.parametrize(
    ("names", "what"),
    [([], "no kernel"), (["/boot/vmlinuz-1"], "no initial RAM disk for its kernel 1")],
    ids=["nothing", "a kernel alone"],
)
def test_a_root_that_could_not_boot_is_refused(names: list[str], what: str) -> None:
    with pytest.raises(BadRecipe, match=what) as caught:
        menu_entries(names, "debian", ROOT, own_boot=False)

    assert "%packages" in str(caught.value.hint)
