"""What is on the disks of an image, and where.

A recipe asks for partitions, arrays, volume groups and file systems (the `…Spec` classes, together a `Storage`);
`placement.lay_out` answers where each of them is, in sectors, extents and bytes (a `Layout`). Devices form a tree
and name each other by `name`, which is unique in the whole:

    partition       its role or mount point: bios, esp, root, boot, home, var-log, swap, or pv.01, raid.01 …
    array           md/NAME
    logical volume  GROUP/NAME
    btrfs           btrfs/LABEL

Sizes are bytes and whole MiB; partitions begin at whole MiB, those that grow come last on their disk. A disk whose
size nobody said is as small as what is on it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from skerry.sizes import MIB

SECTOR = 512  # bytes
HEAD = MIB  # in front of the first partition: MBR, first table, and alignment
TAIL = MIB  # behind the last one: the second table, rounded up
BIOS_BOOT_SIZE = MIB
ESP_SIZE = 16 * MIB  # for one boot loader; kernels are on the root or on /boot
BOOT_SIZE = 512 * MIB
EXTENT_SIZE = 4 * MIB  # of volume groups, unless the recipe says otherwise
PV_HEAD = MIB  # of a physical volume: label and metadata, then its first extent
ARRAY_HEAD = MIB  # of an array's member: superblock 1.2 at 4 KiB, then its data
CHUNK_SIZE = 512 * 1024  # bytes of a stripe on one member


class Role(enum.StrEnum):
    """What a partition is for; its type in the GPT follows from it."""

    BIOS = "bios"
    ESP = "esp"
    ROOT = "root"
    SWAP = "swap"
    HOME = "home"
    SRV = "srv"
    LVM = "lvm"
    RAID = "raid"
    DATA = "data"


# https://uapi-group.org/specifications/specs/discoverable_partitions_specification/
GPT_TYPES: Mapping[Role, str] = {
    Role.BIOS: "21686148-6449-6E6F-744E-656564454649",
    Role.ESP: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    Role.ROOT: "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",  # x86-64
    Role.SWAP: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
    Role.HOME: "933AC7E1-2EB4-4F13-B844-0E14E2AEF915",
    Role.SRV: "3B8F8425-20E0-4F3B-907F-1A25A76F98E8",
    Role.LVM: "E6D6D379-F507-44C2-A23C-238F2A3DF928",
    Role.RAID: "A19D880F-05FC-4D3B-A006-743F0F84911E",
    Role.DATA: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
}


@dataclass(frozen=True)
class FileSystem:
    """What is written into a device. `swap` is one too, without a place."""

    type: str  # ext2, ext3, ext4, xfs, btrfs, vfat, erofs, swap
    mountpoint: str = ""  # "": not mounted
    label: str = ""
    mount_options: str = ""  # as in fstab; "": defaults
    mkfs_options: str = ""


@dataclass(frozen=True)
class Member:
    """The device is a part of something larger."""

    kind: Literal["lvm", "raid", "btrfs"]
    of: str  # name of the volume group, array (md/…) or btrfs (btrfs/…)


Content = FileSystem | Member | None  # None: not a file system, such as GRUB's core


@dataclass(frozen=True)
class PartitionSpec:
    """A partition that is wanted."""

    name: str
    role: Role
    disk: str
    size: int  # bytes at least
    content: Content = None
    grow: bool = False
    max_size: int | None = None  # when it grows


@dataclass(frozen=True)
class VolumeSpec:
    """A logical volume that is wanted."""

    name: str
    size: int  # bytes at least
    content: Content
    grow: bool = False
    max_size: int | None = None
    percent: int | None = None  # of the volume group, instead of size


@dataclass(frozen=True)
class GroupSpec:
    """A volume group that is wanted; the order of `members` is that in which they are filled."""

    name: str
    members: tuple[str, ...]
    volumes: tuple[VolumeSpec, ...] = ()
    extent_size: int = EXTENT_SIZE
    reserved: int = 0  # bytes that no volume grows into
    reserved_percent: int = 0


@dataclass(frozen=True)
class ArraySpec:
    """A software RAID that is wanted; the last `spares` members hold nothing yet."""

    name: str
    level: Literal["linear", "raid0", "raid1", "raid4", "raid5", "raid6", "raid10"]
    members: tuple[str, ...]
    content: Content
    spares: int = 0
    chunk_size: int = CHUNK_SIZE


@dataclass(frozen=True)
class Subvolume:
    """A subvolume of a btrfs."""

    name: str
    mountpoint: str
    mount_options: str = ""


@dataclass(frozen=True)
class BtrfsSpec:
    """A btrfs over one or more devices."""

    name: str
    members: tuple[str, ...]
    content: FileSystem  # of its top; `mountpoint` may be ""
    subvolumes: tuple[Subvolume, ...] = ()
    data_level: str = ""  # single, raid0, raid1, raid10 …; "": as btrfs itself decides
    metadata_level: str = ""


@dataclass(frozen=True)
class Storage:
    """All that a recipe wants; the machine boots from the first disk."""

    disks: tuple[str, ...]
    partitions: tuple[PartitionSpec, ...]
    arrays: tuple[ArraySpec, ...] = ()
    groups: tuple[GroupSpec, ...] = ()
    btrfs: tuple[BtrfsSpec, ...] = ()


@dataclass(frozen=True)
class Partition:
    """A range of a disk."""

    name: str
    role: Role
    start: int  # sectors
    sectors: int
    content: Content = None
    grow: bool = False  # when it boots on a larger disk
    max_size: int | None = None

    @property
    def end(self) -> int:
        """The first sector behind it."""
        return self.start + self.sectors

    @property
    def offset(self) -> int:
        """Its first byte."""
        return self.start * SECTOR

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.sectors * SECTOR


@dataclass(frozen=True)
class Disk:
    """One disk, which becomes one raw file."""

    name: str
    size: int  # bytes, whole MiB
    partitions: tuple[Partition, ...]

    def find(self, role: Role) -> Partition | None:
        """Its first partition of this role."""
        return next((part for part in self.partitions if part.role is role), None)


@dataclass(frozen=True)
class Array:
    """A software RAID with its size."""

    name: str
    level: str
    members: tuple[str, ...]
    spares: int
    chunk_size: int
    member_size: int  # bytes of data on each member, behind ARRAY_HEAD; for linear and raid0, of the smallest
    size: int
    content: Content


@dataclass(frozen=True)
class PhysicalVolume:
    """A member of a volume group."""

    device: str
    extents: int


@dataclass(frozen=True)
class Segment:
    """A range of extents on one physical volume."""

    device: str
    start: int  # extents
    extents: int


@dataclass(frozen=True)
class LogicalVolume:
    """A volume and where its extents are, in order."""

    name: str  # GROUP/NAME
    size: int
    segments: tuple[Segment, ...]
    content: Content


@dataclass(frozen=True)
class VolumeGroup:
    """A volume group with its volumes."""

    name: str
    extent_size: int
    members: tuple[PhysicalVolume, ...]
    volumes: tuple[LogicalVolume, ...]


@dataclass(frozen=True)
class Mount:
    """A line of fstab: what is mounted where. For swap, the place is ""."""

    device: str
    file_system: FileSystem
    mountpoint: str
    options: str
    subvolume: str = ""


@dataclass(frozen=True)
class Layout:
    """Where everything is."""

    disks: tuple[Disk, ...]
    arrays: tuple[Array, ...] = ()
    groups: tuple[VolumeGroup, ...] = ()
    btrfs: tuple[BtrfsSpec, ...] = ()

    @property
    def sizes(self) -> Mapping[str, int]:
        """The size of each device, in bytes, by its name."""
        found = {part.name: part.size for disk in self.disks for part in disk.partitions}
        found |= {array.name: array.size for array in self.arrays}
        found |= {volume.name: volume.size for group in self.groups for volume in group.volumes}
        return found | {each.name: sum(found[member] for member in each.members) for each in self.btrfs}

    @property
    def contents(self) -> Mapping[str, Content]:
        """What is in each device, by its name."""
        found: dict[str, Content] = {part.name: part.content for disk in self.disks for part in disk.partitions}
        found |= {array.name: array.content for array in self.arrays}
        found |= {volume.name: volume.content for group in self.groups for volume in group.volumes}
        return found | {each.name: each.content for each in self.btrfs}

    def mounts(self) -> tuple[Mount, ...]:
        """The lines of fstab: a folder before what is mounted in it, swap last."""
        return tuple(sorted(self._mounts(), key=lambda each: (not each.mountpoint, each.mountpoint, each.device)))

    def _mounts(self) -> Iterator[Mount]:
        for device, content in self.contents.items():
            if isinstance(content, FileSystem) and (content.mountpoint or content.type == "swap"):
                yield Mount(device, content, content.mountpoint, content.mount_options)
        for each in self.btrfs:
            for sub in each.subvolumes:
                yield Mount(each.name, each.content, sub.mountpoint, sub.mount_options, sub.name)

    @property
    def root(self) -> Mount:
        """What is mounted at /."""
        return next(each for each in self.mounts() if each.mountpoint == "/")
