"""Disks: what partitions, volumes, arrays and file systems a recipe wants.

Lines name each other (`pv.01`, groups, arrays), in any order, so all of them are read before any is connected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from skerry.errors import BadInput
from skerry.images.layout import (
    BOOT_SIZE,
    BtrfsSpec,
    FileSystem,
    GroupSpec,
    Member,
    PartitionSpec,
    Role,
    Storage,
    Subvolume,
    VolumeSpec,
)
from skerry.images.recipe import Mistake, Place
from skerry.images.words.line import Line
from skerry.images.words.meaning import DEFAULT_DISK, ROOT_SIZE, boot_partitions
from skerry.images.words.volumes import TYPES, Devices, disk_name, read_line
from skerry.sizes import MIB

# What GRUB reads a kernel from.
_LOADER_READS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs"})
_AUTOMATIC = "system"  # name of the group or btrfs that autopart makes
WORDS = frozenset({"part", "partition", "volgroup", "logvol", "raid", "btrfs", "autopart", "reqpart"})


class Unconnected(BadInput):
    """Lines about disks do not fit together."""

    def __init__(self, place: Place | None, reason: str) -> None:
        super().__init__(reason)
        self.place = place


@dataclass
class StorageLines:
    """The lines of a recipe that are about disks."""

    lines: list[Line] = field(default_factory=list)
    boot_disk: str = ""

    def take_loader(self, line: Line) -> None:
        """Note the disk that `bootloader` boots from.

        Raises:
            BadInput: it is no name of a disk.
        """
        order = line.words("driveorder")
        name = line.text("bootDrive") or (order[0] if order else "")
        self.boot_disk = disk_name(name) if name else self.boot_disk


def assemble(found: StorageLines, mistakes: list[Mistake]) -> Storage | None:
    """Connect all lines to one storage; None if there are none, or mistakes."""
    devices = Devices()
    before = len(mistakes)
    for line in found.lines:
        try:
            read_line(devices, line)
        except BadInput as exc:
            mistakes.append(Mistake(line.command.place, f"{line.command.name}: {exc.message}"))
    if len(mistakes) > before or not found.lines:
        return None
    try:
        if devices.automatic or not devices.places:
            _make_automatic(devices)
        return _connected(devices, found)
    except Unconnected as exc:
        mistakes.append(Mistake(exc.place or found.lines[0].command.place, exc.message))
        return None


def _make_automatic(devices: Devices) -> None:
    line = devices.automatic
    kind, system = "plain", "ext4"
    if line:
        kinds = ("plain", "btrfs", "lvm", "thinp", "stratis")
        wanted = line.value("type")
        kind = kinds[int(wanted)] if wanted is not None and line.used("--type", "--nolvm") else "plain"
        system = line.text("fstype") or "ext4"
        if kind in {"thinp", "stratis"}:
            raise Unconnected(line.command.place, f"autopart: --type={kind} needs device mapper to be made")
        if system not in TYPES or system in {"vfat", "swap"}:
            raise Unconnected(line.command.place, f"autopart: {system[:40]!r} is no file system for a root")
    root = FileSystem(system, "/", "root")
    devices.mounts["/"] = "root"
    if kind == "plain":
        devices.partitions["root"] = PartitionSpec("root", Role.ROOT, "", ROOT_SIZE, root, grow=True)
    elif kind == "btrfs":
        devices.partitions["btrfs.01"] = PartitionSpec("btrfs.01", Role.DATA, "", ROOT_SIZE, grow=True)
        devices.tokens["btrfs.01"] = "btrfs.01"
        name = f"btrfs/{_AUTOMATIC}"
        devices.btrfs[name] = BtrfsSpec(name, ("btrfs.01",), FileSystem("btrfs", "", _AUTOMATIC))
        devices.subvolumes.append((_AUTOMATIC, Subvolume("root", "/")))
    else:
        devices.partitions["pv.01"] = PartitionSpec("pv.01", Role.LVM, "", 16 * MIB, grow=True)
        devices.tokens["pv.01"] = "pv.01"
        devices.groups[_AUTOMATIC] = GroupSpec(_AUTOMATIC, ("pv.01",))
        devices.volumes[f"{_AUTOMATIC}/root"] = VolumeSpec("root", ROOT_SIZE, root, grow=True)
        devices.mounts["/"] = f"{_AUTOMATIC}/root"


def _connected(devices: Devices, found: StorageLines) -> Storage:
    members = _members(devices)
    groups = tuple(_group(each, devices) for each in devices.groups.values())
    for whole in devices.volumes:
        if whole.split("/")[0] not in devices.groups:
            raise Unconnected(devices.places.get(whole), f"there is no volume group {whole.split('/')[0]}")
    trees = tuple(_tree(each, devices) for each in devices.btrfs.values())
    for label, sub in devices.subvolumes:
        if f"btrfs/{label}" not in devices.btrfs:
            place = devices.places.get(f"btrfs/{label}/{sub.name}")
            raise Unconnected(place, f"there is no btrfs with the label {label}")
    arrays = tuple(
        replace(
            each,
            content=members.get(each.name, each.content),
            members=tuple(devices.tokens[name] for name in each.members),
        )
        for each in devices.arrays.values()
    )
    if "/" not in devices.mounts:
        place = found.lines[0].command.place
        raise Unconnected(place, "nothing is mounted at /: add `part /`")
    partitions = [
        replace(part, content=members.get(part.name, part.content)) for part in devices.partitions.values()
    ]
    disks = _disks(partitions, found.boot_disk)
    partitions = [replace(part, disk=part.disk or disks[0]) for part in partitions]
    return Storage(disks, _with_boot(partitions, devices, disks[0], found), arrays, groups, trees)


def _members(devices: Devices) -> Mapping[str, Member]:
    """What each device is a part of."""
    found: dict[str, Member] = {}

    def take(owner: str, names: Sequence[str], kind: str, member: Member) -> None:
        for name in names:
            device = devices.tokens.get(name)
            if device is None or not name.startswith(f"{kind}."):
                raise Unconnected(
                    devices.places.get(owner), f"{owner}: there is no {name}; its parts are {kind}.01 …"
                )
            if device in found:
                raise Unconnected(
                    devices.places.get(owner), f"{owner}: {name} is a part of {found[device].of} already"
                )
            found[device] = member

    for array in devices.arrays.values():
        take(array.name, array.members, "raid", Member("raid", array.name))
    for group in devices.groups.values():
        take(group.name, group.members, "pv", Member("lvm", group.name))
    for tree in devices.btrfs.values():
        take(tree.name, tree.members, "btrfs", Member("btrfs", tree.name))
    for token, device in devices.tokens.items():
        if device not in found:
            raise Unconnected(devices.places.get(device), f"{token} is a part of nothing")
    return found


def _group(group: GroupSpec, devices: Devices) -> GroupSpec:
    volumes = tuple(spec for whole, spec in devices.volumes.items() if whole.split("/")[0] == group.name)
    percent = sum(volume.percent or 0 for volume in volumes)
    if percent > 100:
        raise Unconnected(devices.places.get(group.name), f"{group.name}: its volumes want {percent} % of it")
    return replace(group, members=tuple(devices.tokens[name] for name in group.members), volumes=volumes)


def _tree(tree: BtrfsSpec, devices: Devices) -> BtrfsSpec:
    label = tree.name.removeprefix("btrfs/")
    subvolumes = tuple(sub for owner, sub in devices.subvolumes if owner == label)
    return replace(tree, members=tuple(devices.tokens[name] for name in tree.members), subvolumes=subvolumes)


def _disks(partitions: Sequence[PartitionSpec], boot_disk: str) -> tuple[str, ...]:
    """The disk that is booted from, then the others as they are named."""
    named = [part.disk for part in partitions if part.disk]
    loaders = [part.disk for part in partitions if part.disk and part.role in {Role.BIOS, Role.ESP}]
    first = boot_disk or (loaders or named or [DEFAULT_DISK])[0]
    return tuple(dict.fromkeys([first, *named]))


def _with_boot(
    partitions: list[PartitionSpec], devices: Devices, disk: str, found: StorageLines
) -> tuple[PartitionSpec, ...]:
    """The partitions with those that loaders need in front."""
    there = {part.role for part in partitions}
    made: list[PartitionSpec] = [each for each in boot_partitions(disk) if each.role not in there]
    if "/boot" not in devices.mounts and (devices.boot or not _loader_reads_root(devices)):
        if not devices.boot and found.lines:
            found.lines[-1].remark("a /boot is made, because the boot loader cannot read such a root")
        made.append(PartitionSpec("boot", Role.DATA, disk, BOOT_SIZE, FileSystem("ext4", "/boot", "boot")))
    return (*made, *partitions)


def _loader_reads_root(devices: Devices) -> bool:
    root = devices.partitions.get(devices.mounts["/"])
    if root and isinstance(root.content, FileSystem):
        return root.content.type in _LOADER_READS
    # A btrfs over one partition is as good as that partition.
    return any(len(tree.members) == 1 and tree.members[0] in devices.partitions for tree in devices.btrfs.values())
