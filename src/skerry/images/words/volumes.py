"""What one line about disks wants: a partition, array, group, volume or btrfs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from skerry.errors import BadInput
from skerry.images.layout import (
    BIOS_BOOT_SIZE,
    CHUNK_SIZE,
    EXTENT_SIZE,
    ArraySpec,
    BtrfsSpec,
    FileSystem,
    GroupSpec,
    PartitionSpec,
    Role,
    Subvolume,
    VolumeSpec,
)
from skerry.images.recipe import Place
from skerry.images.words.line import OPTIONS, Line, matching, no_climbing
from skerry.images.words.meaning import ROOT_SIZE
from skerry.images.words.mkfs import mkfs_words
from skerry.sizes import GIB, KIB, MIB

MAX_SIZE = 1024 * 1024 * MIB
SWAP_SIZE = GIB  # where the recipe leaves it to the memory of a machine
# The least that tools make such a file system of, and how long its label may be.
_LEAST = {"xfs": 300 * MIB, "btrfs": 128 * MIB, "swap": 4 * MIB, "vfat": 4 * MIB, "erofs": 4 * MIB}
_LEAST_ELSE = 8 * MIB
_LEAST_MEMBER = 16 * MIB  # of a group, array or btrfs; it grows to what is in it
MIN_ROOT_SIZE = 64 * MIB
_LABELS = {"xfs": 12, "vfat": 11, "swap": 15, "btrfs": 200}
TYPES = ("ext4", "ext3", "ext2", "xfs", "btrfs", "vfat", "erofs", "swap")
_ALIASES = {"efi": "vfat", "fat": "vfat", "linux-swap": "swap", "": "ext4"}
_TOKEN = re.compile(r"(pv|raid|btrfs)\.[A-Za-z0-9_-]{1,30}")
DISK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,60}")  # of groups, volumes and arrays, as LVM has them
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,200}")
_MOUNT = re.compile(r"/[A-Za-z0-9_./+-]{0,200}")
_LEVELS = ("linear", "raid0", "raid1", "raid4", "raid5", "raid6", "raid10")
_BTRFS_LEVELS = ("single", "dup", "raid0", "raid1", "raid1c3", "raid1c4", "raid10", "raid5", "raid6")
_NOT_OF_DISKS = frozenset({"proc", "sys", "dev", "run"})
_NEEDED_AT_ONCE = frozenset({"etc", "bin", "sbin", "lib", "lib64"})  # before anything is mounted
_ELSEWHERE = {
    "prepboot": "a boot partition of POWER machines",
    "appleboot": "a boot partition of Apple's machines",
}


@dataclass
class Devices:
    """All that was read so far, by name; members of something do not know yet of what."""

    partitions: dict[str, PartitionSpec] = field(default_factory=dict)
    arrays: dict[str, ArraySpec] = field(default_factory=dict)
    groups: dict[str, GroupSpec] = field(default_factory=dict)
    volumes: dict[str, VolumeSpec] = field(default_factory=dict)  # GROUP/NAME
    btrfs: dict[str, BtrfsSpec] = field(default_factory=dict)
    subvolumes: list[tuple[str, Subvolume]] = field(default_factory=list)  # with the label of the btrfs
    tokens: dict[str, str] = field(default_factory=dict)  # pv.01 → the device that it stands for
    mounts: dict[str, str] = field(default_factory=dict)  # mount point → device
    places: dict[str, Place] = field(default_factory=dict)  # of devices
    automatic: Line | None = None  # autopart
    boot: bool = False  # a /boot is wanted

    def add(self, name: str, line: Line) -> str:
        """Note a new device; its name, made unique if it was made from a mount point."""
        if name in self.places:
            raise BadInput(f"there is a {name} already")
        self.places[name] = line.command.place
        return name

    def unique(self, name: str) -> str:
        """A name that nothing has."""
        return next(each for each in _numbered(name) if each not in self.places)

    def free(self, point: str, line: Line) -> None:
        """Make room at a mount point; of two lines, the later one holds, as with appliance-creator."""
        old = self.mounts.pop(point, "") if point else ""
        if not old:
            return
        if self.partitions.pop(old, None) is None and self.volumes.pop(old, None) is None:
            raise BadInput(f"{point} is mounted already")
        del self.places[old]
        line.remark(f"this line replaces an earlier one for {point}")

    def mount(self, point: str, device: str) -> None:
        """Note what is mounted where."""
        if point:
            self.mounts[point] = device


def _numbered(name: str) -> list[str]:
    return [name, *(f"{name}-{number}" for number in range(2, 1000))]


def read_line(devices: Devices, line: Line) -> None:
    """Note what a line wants.

    Raises:
        BadInput: it cannot be had.
    """
    _READERS[line.command.name](devices, line)


def disk_name(text: str) -> str:
    """The name of a disk; every other name is another disk.

    Raises:
        BadInput: it is none.
    """
    return matching(DISK, text.removeprefix("/dev/").replace("/", "-"), "name of a disk")


def _part(devices: Devices, line: Line) -> None:
    target = line.text("mountpoint")
    disk = disk_name(line.text("disk")) if line.text("disk") else ""
    kind = line.text("fstype").lower()
    if target in _ELSEWHERE or kind in _ELSEWHERE:
        raise BadInput(f"{_ELSEWHERE.get(target) or _ELSEWHERE[kind]} cannot be made")
    if match := _TOKEN.fullmatch(target):
        role = {"pv": Role.LVM, "raid": Role.RAID, "btrfs": Role.DATA}[match.group(1)]
        size, grow, most = _size(line, _LEAST_MEMBER, default=_LEAST_MEMBER)
        part = PartitionSpec(devices.add(target, line), role, disk, size, None, grow, most)
        devices.tokens[target] = target
    elif "biosboot" in (target, kind):
        part = PartitionSpec(devices.add("bios", line), Role.BIOS, disk, max(_mib(line, "size"), BIOS_BOOT_SIZE))
    else:
        part = _with_file_system(devices, line, target, disk)
    devices.partitions[part.name] = part


def _with_file_system(devices: Devices, line: Line, target: str, disk: str) -> PartitionSpec:
    system = _file_system(line, target)
    role = _role(line, system)
    size, grow, most = _size(line, _least(system), default=_default(system))
    devices.free(system.mountpoint, line)
    name = devices.add(devices.unique("esp" if role is Role.ESP else slug(system)), line)
    devices.mount(system.mountpoint, name)
    return PartitionSpec(name, role, disk, size, system, grow, most)


def slug(system: FileSystem) -> str:
    """The name of a device, from its place: `root`, `var-log`."""
    if system.type == "swap":
        return "swap"
    return system.mountpoint.strip("/").replace("/", "-") or ("root" if system.mountpoint else "data")


def _role(line: Line, system: FileSystem) -> Role:
    if system.mountpoint == "/boot/efi" or line.text("fstype").lower() == "efi":
        if system.type != "vfat":
            raise BadInput("what UEFI boots from is `part /boot/efi --fstype=efi`")
        return Role.ESP
    if system.type == "swap":
        return Role.SWAP
    return {"/": Role.ROOT, "/home": Role.HOME, "/srv": Role.SRV}.get(system.mountpoint, Role.DATA)


def _file_system(line: Line, target: str) -> FileSystem:
    """The file system that a line wants in its device."""
    kind = line.text("fstype").lower()
    if target == "swap" or kind in {"swap", "linux-swap"}:
        kind = "swap"
    kind = _ALIASES.get(kind, kind)
    if target == "/boot/efi" and not line.text("fstype"):
        kind = "vfat"
    if kind not in TYPES:
        raise BadInput(f"a file system is one of {', '.join(TYPES)}, not {kind[:40]!r}")
    point = "" if kind == "swap" or target.lower() == "none" else mount_point(target)
    if point == "/" and kind == "vfat":
        raise BadInput("the root cannot be vfat")
    label = line.text("label") or ("root" if point == "/" else "")
    longest = _LABELS.get(kind, 16)
    if label and (not _LABEL.fullmatch(label) or len(label) > longest):
        raise BadInput(
            f"{label[:80]!r} is not a label that {kind} can have: letters and digits, {longest} at most"
        )
    options = line.text("fsopts")
    return FileSystem(
        kind,
        point,
        label,
        matching(OPTIONS, options, "list of mount options") if options and options != "defaults" else "",
        _mkfs_options(line, kind),
    )


def mount_point(text: str) -> str:
    """A folder where something is mounted.

    Raises:
        BadInput: it is none, or climbs.
    """
    matching(_MOUNT, text, "mount point, swap, pv.01, raid.01, btrfs.01, biosboot")
    no_climbing(text, "mount point")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if parts and (parts[0] in _NOT_OF_DISKS or (parts[0] in _NEEDED_AT_ONCE and len(parts) == 1)):
        raise BadInput(f"{text} cannot be a file system of its own")
    return "/" + "/".join(parts)


def _mkfs_options(line: Line, kind: str) -> str:
    found = list(mkfs_words(kind, line.text("mkfsopts"))) if line.text("mkfsopts") else []
    bytes_per_inode = int(line.value("bytes_per_inode", 0) or line.value("bytesPerInode", 0) or 0)
    own = []  # of ext2, ext3 and ext4
    if line.used("--bytes-per-inode") and bytes_per_inode > 0:
        own.append(f"-i {bytes_per_inode}")
    if profile := line.text("fsprofile"):
        own.append(f"-T {matching(_NAME, profile, 'profile of mke2fs')}")
    if own and not kind.startswith("ext"):
        raise BadInput(f"only ext2, ext3 and ext4 know profiles and bytes per inode; this is {kind}")
    return " ".join([*found, *own])


def _least(system: FileSystem) -> int:
    return max(_LEAST.get(system.type, _LEAST_ELSE), MIN_ROOT_SIZE if system.mountpoint == "/" else 0)


def _default(system: FileSystem) -> int:
    return ROOT_SIZE if system.mountpoint == "/" else _least(system)


def _mib(line: Line, name: str) -> int:
    return int(line.value(name, 0) or 0) * MIB


def _size(line: Line, least: int, *, default: int) -> tuple[int, bool, int | None]:
    """Size, whether it grows, and up to what; what may grow need not say how large it is."""
    size, grow = _mib(line, "size"), bool(line.value("grow", default=False))
    if line.value("recommended", default=False) and not size:
        line.remark(f"the memory of the machine is not known: {SWAP_SIZE // MIB} MiB are taken")
        size = max(SWAP_SIZE, least)
    elif not size and default > least:
        size = default
    elif size < least and grow:
        if least != _LEAST_MEMBER:
            line.remark(f"it begins with {default // MIB} MiB, and grows on a larger disk")
        size = default
    elif not size:
        raise BadInput("it needs a --size, in MiB")
    if not least <= size <= MAX_SIZE:
        raise BadInput(f"--size is in MiB and must be between {least // MIB} and {MAX_SIZE // MIB}")
    most = _mib(line, "maxSizeMB") or None
    if most is not None and grow and most < size:
        raise BadInput(f"--maxsize is {most // MIB} MiB, and less than the {size // MIB} MiB that it begins with")
    return size, grow, most if grow else None


def _volgroup(devices: Devices, line: Line) -> None:
    name = matching(_NAME, line.text("vgname"), "name of a volume group")
    members = line.words("physvols")
    if not members:
        raise BadInput("a volume group needs physical volumes, such as pv.01")
    extent_size = int(line.value("pesize", 0) or 0) * KIB or EXTENT_SIZE
    if extent_size < 64 * KIB or extent_size & (extent_size - 1) or extent_size > 4 * GIB:
        raise BadInput("--pesize is in KiB, a power of two, and at least 64")
    percent = int(line.value("reserved_percent", 0) or 0)
    if not 0 <= percent < 100:
        raise BadInput(f"--reserved-percent is less than 100, not {percent}")
    reserved = max(_mib(line, "reserved_space"), 0)
    made = GroupSpec(name, members, (), extent_size, reserved, percent)
    devices.groups[devices.add(name, line)] = made


def _logvol(devices: Devices, line: Line) -> None:
    group = matching(_NAME, line.text("vgname"), "name of a volume group")
    name = matching(_NAME, line.value("name") if isinstance(line.value("name"), str) else "", "name of a volume")
    system = _file_system(line, line.text("mountpoint"))
    percent = int(line.value("percent", 0) or 0)
    if line.used("--percent") and not 1 <= percent <= 100:
        raise BadInput(f"--percent is between 1 and 100, not {percent}")
    if percent:
        size, grow, most = _least(system), bool(line.value("grow", default=False)), _mib(line, "maxSizeMB") or None
    else:
        size, grow, most = _size(line, _least(system), default=_default(system))
    devices.free(system.mountpoint, line)
    whole = devices.add(f"{group}/{name}", line)
    devices.mount(system.mountpoint, whole)
    devices.volumes[whole] = VolumeSpec(name, size, system, grow, most if grow else None, percent or None)


def _raid(devices: Devices, line: Line) -> None:
    level = line.text("level").lower()
    level = level if level.startswith("raid") or level == "linear" else f"raid{level}"
    level = "raid0" if level == "stripe" else level
    if level not in _LEVELS:
        raise BadInput(f"--level is one of {', '.join(_LEVELS)}, not {level[:40]!r}")
    # Old versions of the syntax keep only the number.
    device = str(line.value("device", "")).removeprefix("/dev/").removeprefix("md/")
    device = f"md{device}" if device.isdigit() else device
    name = f"md/{matching(_NAME, device, 'name of an array (--device)')}"
    target = line.text("mountpoint")
    content = None if _TOKEN.fullmatch(target) else _file_system(line, target)
    chunk = int(line.value("chunk_size", 0) or 0) * KIB or CHUNK_SIZE
    if chunk < 4 * KIB or chunk & (chunk - 1) or chunk > MIB * 64:
        raise BadInput("--chunksize is in KiB, a power of two, and at least 4")
    spares = int(line.value("spares", 0) or 0)
    if spares < 0:
        raise BadInput("--spares cannot be less than 0")
    if content:
        devices.free(content.mountpoint, line)
    typed = cast("Literal['linear', 'raid0', 'raid1', 'raid4', 'raid5', 'raid6', 'raid10']", level)
    devices.arrays[devices.add(name, line)] = ArraySpec(name, typed, line.words("members"), content, spares, chunk)
    if content is None:
        devices.tokens[target] = name
    else:
        devices.mount(content.mountpoint, name)


def _btrfs(devices: Devices, line: Line) -> None:
    target = line.text("mountpoint")
    point = "" if target.lower() == "none" else mount_point(target)
    members = line.words("devices")
    if line.value("subvol", default=False):
        name = matching(_MOUNT, "/" + str(line.value("name") or ""), "name of a subvolume")[1:]
        no_climbing(name, "name of a subvolume")
        if not name or len(members) != 1:
            raise BadInput("a subvolume needs --name, and the label of its btrfs")
        label = members[0].removeprefix("LABEL=")
        devices.free(point, line)
        devices.mount(point, devices.add(f"btrfs/{label}/{name}", line))
        devices.subvolumes.append((label, Subvolume(name, point)))
        return
    label = line.text("label") or devices.unique("btrfs")
    if not _LABEL.fullmatch(label):
        raise BadInput(f"{label[:80]!r} is not a label: letters and digits only")
    devices.free(point, line)
    name = devices.add(f"btrfs/{label}", line)
    system = FileSystem("btrfs", point, label, "", _mkfs_options(line, "btrfs"))
    data, metadata = (_btrfs_level(line.text(each)) for each in ("dataLevel", "metaDataLevel"))
    devices.btrfs[name] = BtrfsSpec(name, members, system, (), data, metadata)
    devices.mount(point, name)


def _btrfs_level(text: str) -> str:
    if text and text.lower() not in _BTRFS_LEVELS:
        raise BadInput(f"a level is one of {', '.join(_BTRFS_LEVELS)}, not {text[:40]!r}")
    return text.lower()


def _autopart(devices: Devices, line: Line) -> None:
    devices.automatic = line


def _reqpart(devices: Devices, line: Line) -> None:
    devices.boot = bool(line.value("addBoot", default=False))


_READERS: Mapping[str, Callable[[Devices, Line], None]] = {
    "part": _part,
    "partition": _part,
    "volgroup": _volgroup,
    "logvol": _logvol,
    "raid": _raid,
    "btrfs": _btrfs,
    "autopart": _autopart,
    "reqpart": _reqpart,
}
