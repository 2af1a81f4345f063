"""Disks: what partitions, volumes, arrays and file systems a recipe wants.

Lines name each other (`pv.01`, groups, arrays), in any order, so all of them are read before any is connected.
"""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass
class StorageLines:
    """The lines of a recipe that are about disks."""

    lines: list[Line] = field(default_factory=list)
    boot_disk: str = ""
    incomplete: bool = False  # there are more, which could not be read
    places: dict[str, Place] = field(default_factory=dict)  # of devices, once they are assembled

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
    wrong: list[Mistake] = []
    for line in found.lines:
        try:
            read_line(devices, line)
        except BadInput as exc:
            wrong.append(Mistake(line.command.place, f"{line.command.name}: {exc.message}"))
    found.places = devices.places
    # What could not be read would be missed everywhere else: telling that too would only hide the reason.
    storage = None if wrong or found.incomplete or not found.lines else _connected(devices, found, wrong)
    mistakes += wrong
    return None if wrong else storage


def _make_automatic(devices: Devices) -> None:
    line = devices.automatic
    kind, system = "plain", "ext4"
    if line:
        kinds = ("plain", "btrfs", "lvm", "thinp", "stratis")
        wanted = line.value("type")
        kind = kinds[int(wanted)] if wanted is not None and line.used("--type", "--nolvm") else "plain"
        system = line.text("fstype") or "ext4"
        if kind in {"thinp", "stratis"}:
            raise BadInput(f"--type={kind} needs device mapper to be made")
        if system not in TYPES or system in {"vfat", "swap"}:
            raise BadInput(f"{system[:40]!r} is no file system for a root")
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


def _connected(devices: Devices, found: StorageLines, wrong: list[Mistake]) -> Storage | None:
    first = found.lines[0].command.place
    if devices.automatic or not devices.places:
        try:
            _make_automatic(devices)
        except BadInput as exc:
            wrong.append(Mistake(first, f"autopart: {exc.message}"))
            return None
    members = _Members(devices, first)
    wrong += members.wrong
    if wrong:
        return None
    groups = tuple(_group(each, devices) for each in devices.groups.values())
    trees = tuple(_tree(each, devices) for each in devices.btrfs.values())
    arrays = tuple(
        replace(
            each,
            content=members.of.get(each.name, each.content),
            members=tuple(devices.tokens[name] for name in each.members),
        )
        for each in devices.arrays.values()
    )
    partitions = [
        replace(part, content=members.of.get(part.name, part.content)) for part in devices.partitions.values()
    ]
    disks = _disks(partitions, found.boot_disk)
    partitions = [replace(part, disk=part.disk or disks[0]) for part in partitions]
    return Storage(disks, _with_boot(partitions, devices, disks[0], found), arrays, groups, trees)


class _Members:
    """What each device is a part of, and what does not fit together."""

    def __init__(self, devices: Devices, first: Place) -> None:
        self.of: dict[str, Member] = {}
        self.wrong: list[Mistake] = []
        self._devices = devices
        self._first = first
        for array in devices.arrays.values():
            self._take(array.name, array.members, "raid", Member("raid", array.name))
        for group in devices.groups.values():
            self._take(group.name, group.members, "pv", Member("lvm", group.name))
        for tree in devices.btrfs.values():
            self._take(tree.name, tree.members, "btrfs", Member("btrfs", tree.name))
        self._check()

    def _tell(self, name: str, reason: str) -> None:
        self.wrong.append(Mistake(self._devices.places.get(name, self._first), reason))

    def _take(self, owner: str, names: Sequence[str], kind: str, member: Member) -> None:
        for name in names:
            device = self._devices.tokens.get(name)
            if device is None or not name.startswith(f"{kind}."):
                self._tell(owner, f"{owner}: there is no part {name}, such as {kind}.01")
            elif device in self.of:
                self._tell(owner, f"{owner}: {name} is a part of {self.of[device].of} already")
            else:
                self.of[device] = member

    def _check(self) -> None:
        devices = self._devices
        for token, device in devices.tokens.items():
            if device not in self.of:
                self._tell(device, f"{token} is a part of nothing")
        for whole in devices.volumes:
            if whole.split("/")[0] not in devices.groups:
                self._tell(whole, f"there is no volume group {whole.split('/')[0]}")
        for label, sub in devices.subvolumes:
            if f"btrfs/{label}" not in devices.btrfs:
                self._tell(f"btrfs/{label}/{sub.name}", f"there is no btrfs with the label {label}")
        for group in devices.groups:
            shares = (spec.percent or 0 for whole, spec in devices.volumes.items() if whole.split("/")[0] == group)
            if (percent := sum(shares)) > 100:
                self._tell(group, f"{group}: its volumes want {percent} % of it")
        if "/" not in devices.mounts:
            self._tell("", "nothing is mounted at /: add `part /`")


def _group(group: GroupSpec, devices: Devices) -> GroupSpec:
    volumes = tuple(spec for whole, spec in devices.volumes.items() if whole.split("/")[0] == group.name)
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
