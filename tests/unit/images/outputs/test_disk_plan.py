"""What is decided about a disk before anything is written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.images.outputs.layouts import BOOT, identity, mirrored, plain, root, with_subvolumes, with_volumes

from skerry.errors import BadInput
from skerry.images.kernels import Kernel
from skerry.images.layout import FileSystem, Layout, PartitionSpec, Role, Storage
from skerry.images.outputs.disk import file_names
from skerry.images.outputs.disk_plan import DiskPlan, Overlay
from skerry.images.outputs.fstab import fstab, repart_files
from skerry.images.outputs.trees import Contents
from skerry.images.placement import lay_out
from skerry.images.recipe import Packages
from skerry.images.words import Meaning, Source
from skerry.sizes import MIB

MEANING = Meaning(Source("debian", "trixie"), Packages(), (), kernel_arguments="quiet")
CONTENTS = Contents(frozenset({"/vmlinuz", "/initrd.img"}), {"/vmlinuz": "boot/vmlinuz-1"}, 0)


def plan_of(layout: Layout) -> DiskPlan:
    return DiskPlan(MEANING, layout, identity)


def fstab_of(layout: Layout) -> list[str]:
    return fstab(layout, plan_of(layout).uuids).splitlines()


def test_a_root_that_grows_says_so_in_two_places() -> None:
    assert fstab_of(plain())[0].endswith(" / ext4 defaults,errors=remount-ro,x-systemd.growfs 0 1")
    assert repart_files(plain()) == {"/etc/repart.d/50-root.conf": b"[Partition]\nType=root\n"}
    stays = plain(grow=False)
    assert fstab_of(stays) == [f"UUID={identity('fs root')} / ext4 defaults,errors=remount-ro 0 1"]
    assert repart_files(stays) == {}


def test_what_is_in_front_of_the_last_partition_keeps_its_size() -> None:
    parts = (
        PartitionSpec("data-1", Role.DATA, "sda", 64 * MIB, FileSystem("ext4", "/one")),
        PartitionSpec("data-2", Role.DATA, "sda", 64 * MIB, FileSystem("ext4", "/two"), grow=True, max_size=MIB),
    )
    layout = lay_out(Storage(("sda",), (*BOOT, root(grow=False), *parts)))

    files = repart_files(layout)

    assert list(files) == ["/etc/repart.d/50-data-1.conf", "/etc/repart.d/51-data-2.conf"]
    assert f"SizeMaxBytes={64 * MIB}" in files["/etc/repart.d/50-data-1.conf"].decode()


def test_fstab_has_every_file_system_by_its_uuid() -> None:
    more = (
        PartitionSpec("swap", Role.SWAP, "sda", 64 * MIB, FileSystem("swap")),
        PartitionSpec("home", Role.HOME, "sda", 400 * MIB, FileSystem("xfs", "/home", "", "nodev,nosuid")),
    )
    lines = fstab_of(plain("ext4", *more, grow=False))

    assert [line.split()[1:4] for line in lines] == [
        ["/", "ext4", "defaults,errors=remount-ro"],
        ["/home", "xfs", "nodev,nosuid"],
        ["none", "swap", "sw"],
    ]


def test_a_fat_is_known_by_its_short_number() -> None:
    assert plan_of(plain()).uuids["esp"] == f"{identity('fs esp')[:4]}-{identity('fs esp')[4:8]}".upper()


def test_subvolumes_are_mounted_by_name() -> None:
    plan = plan_of(with_subvolumes())

    assert plan.arguments.split()[2:] == ["rootflags=subvol=@", "quiet"]
    assert plan.boot.path == "/@/boot"
    assert [line.split()[3] for line in fstab_of(plan.layout)] == [
        "defaults,subvol=@,x-systemd.growfs",
        "defaults,subvol=@home,x-systemd.growfs",
    ]


def test_a_read_only_root_is_no_line_of_fstab() -> None:
    boot = PartitionSpec("boot", Role.DATA, "sda", 64 * MIB, FileSystem("ext4", "/boot"))
    plan = plan_of(plain("erofs", boot))

    own = plan.own_files(CONTENTS, Overlay(Kernel("1", "/boot/vmlinuz-1", None), b"initrd"))
    assert plan.overlaid
    assert own.files["/boot/skerry-overlay.img"] == b"initrd"
    assert b"linux /vmlinuz-1 root=UUID=" in own.files["/boot/grub/grub.cfg"]
    assert b"initrd /skerry-overlay.img\n" in own.files["/boot/grub/grub.cfg"]
    assert [line.split()[1] for line in fstab_of(plan.layout)] == ["/boot"]


def test_grub_gets_the_modules_by_which_it_reads_its_menu() -> None:
    assert plan_of(plain("xfs")).boot.modules == ("xfs",)
    assert plan_of(with_volumes()).boot.modules == ("ext2", "lvm")
    assert plan_of(mirrored()).boot.modules == ("diskfilter", "ext2", "mdraid1x")
    with pytest.raises(BadInput, match="GRUB cannot read kernels from erofs"):
        _ = plan_of(plain("erofs")).boot


def test_a_root_in_a_volume_is_named_so_that_the_volume_is_started() -> None:
    assert plan_of(with_volumes()).arguments.startswith("root=/dev/mapper/vg--a-root ro")
    assert plan_of(mirrored()).arguments.startswith(f"root=UUID={identity('fs md/root')} ro")


def test_the_root_gets_fstab_and_menu() -> None:
    own = plan_of(plain()).own_files(CONTENTS)

    assert set(own.files) == {"/etc/fstab", "/boot/grub/grub.cfg", "/etc/repart.d/50-root.conf"}
    assert b"initrd /initrd.img\n" in own.files["/boot/grub/grub.cfg"]
    assert own.links == {}


def test_a_separate_boot_has_menu_and_links() -> None:
    boot = PartitionSpec("boot", Role.DATA, "sda", 64 * MIB, FileSystem("ext4", "/boot"))
    plan = plan_of(plain("ext4", boot))

    own = plan.own_files(CONTENTS)

    assert plan.own_boot
    assert own.links == {"/boot/vmlinuz": "vmlinuz-1"}
    assert b"linux /vmlinuz root=" in own.files["/boot/grub/grub.cfg"]


def test_two_file_systems_cannot_be_at_one_place() -> None:
    twice = plain("ext4", PartitionSpec("more", Role.DATA, "sda", 64 * MIB, FileSystem("ext4", "/")))

    with pytest.raises(BadInput, match="/ is on more and on root"):
        _ = plan_of(twice).places


def test_a_subvolume_cannot_be_outside() -> None:
    layout = with_subvolumes()
    subvolumes = (replace(layout.btrfs[0].subvolumes[0], name="../x"),)

    with pytest.raises(BadInput, match="cannot be the name of a subvolume"):
        _ = plan_of(replace(layout, btrfs=(replace(layout.btrfs[0], subvolumes=subvolumes),))).places


def test_several_disks_are_files_with_their_names() -> None:
    assert file_names("web", plain(), "raw") == {"sda": "web.raw"}
    assert file_names("web", mirrored(), "qcow2") == {"sda": "web-sda.qcow2", "sdb": "web-sdb.qcow2"}
