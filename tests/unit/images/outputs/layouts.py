"""Disks that the tests of outputs share."""

from __future__ import annotations

import uuid

from skerry.images.layout import (
    ArraySpec,
    BtrfsSpec,
    FileSystem,
    GroupSpec,
    Layout,
    Member,
    PartitionSpec,
    Role,
    Storage,
    Subvolume,
    VolumeSpec,
)
from skerry.images.placement import lay_out
from skerry.sizes import MIB

BOOT = (
    PartitionSpec("bios", Role.BIOS, "sda", MIB),
    PartitionSpec("esp", Role.ESP, "sda", 16 * MIB, FileSystem("vfat", "", "ESP")),
)


def identity(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def root(kind: str = "ext4", *, grow: bool = True, size: int = 512 * MIB) -> PartitionSpec:
    return PartitionSpec("root", Role.ROOT, "sda", size, FileSystem(kind, "/", "root"), grow=grow)


def plain(kind: str = "ext4", *more: PartitionSpec, grow: bool = True, size: int = 512 * MIB) -> Layout:
    return lay_out(Storage(("sda",), (*BOOT, root(kind, grow=grow, size=size), *more)))


def with_volumes() -> Layout:
    """Two physical volumes on two disks; the root is on both."""
    parts = (
        PartitionSpec("pv.01", Role.LVM, "sda", 65 * MIB, Member("lvm", "vg-a")),
        PartitionSpec("pv.02", Role.LVM, "sdb", 129 * MIB, Member("lvm", "vg-a")),
    )
    volumes = (
        VolumeSpec("root", 128 * MIB, FileSystem("ext4", "/", "root")),
        VolumeSpec("home", 32 * MIB, FileSystem("ext4", "/home")),
    )
    return lay_out(
        Storage(("sda", "sdb"), (*BOOT, *parts), groups=(GroupSpec("vg-a", ("pv.01", "pv.02"), volumes),))
    )


def mirrored() -> Layout:
    parts = tuple(
        PartitionSpec(f"raid.0{number}", Role.RAID, disk, 101 * MIB, Member("raid", "md/root"))
        for number, disk in ((1, "sda"), (2, "sdb"))
    )
    array = ArraySpec("md/root", "raid1", ("raid.01", "raid.02"), FileSystem("ext4", "/", "root"))
    return lay_out(Storage(("sda", "sdb"), (*BOOT, *parts), arrays=(array,)))


def with_subvolumes() -> Layout:
    return lay_out(subvolumes())


def subvolumes() -> Storage:
    part = PartitionSpec("btrfs.01", Role.DATA, "sda", 512 * MIB, Member("btrfs", "btrfs/all"), grow=True)
    subvolumes = (Subvolume("@", "/"), Subvolume("@home", "/home"))
    tree = BtrfsSpec("btrfs/all", ("btrfs.01",), FileSystem("btrfs", "", "all"), subvolumes)
    return Storage(("sda",), (*BOOT, part), btrfs=(tree,))
