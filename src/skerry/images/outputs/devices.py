"""Which bytes of which disk a device is made of: a partition, a logical volume, a mirror."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from skerry.errors import BadInput
from skerry.images.layout import (
    ARRAY_HEAD,
    PV_HEAD,
    Array,
    Disk,
    Layout,
    LogicalVolume,
    Partition,
    VolumeGroup,
)


@dataclass(frozen=True)
class Extent:
    """A range of a device, and where it is on a disk."""

    disk: str
    offset: int  # bytes, on the disk
    begin: int  # bytes, in the range that was asked for
    size: int  # bytes


def check_devices(layout: Layout) -> None:
    """Refuse what cannot be written.

    Raises:
        BadInput: see `unwritable`.
    """
    for _, error in unwritable(layout):
        raise error


def unwritable(layout: Layout) -> Iterator[tuple[str, BadInput]]:
    """The devices that cannot be written without device-mapper and md, or that nothing would start, and why."""
    for array in layout.arrays:
        if array.level != "raid1":
            reason = f"{array.name}: a RAID of level {array.level} cannot be written into an image, only raid1 can"
            hint = "use --level=RAID1, or build without `raid` and make the array on the machine"
            yield array.name, BadInput(reason, hint=hint)
    for btrfs in layout.btrfs:
        if len(btrfs.members) > 1:
            reason = f"{btrfs.name}: a btrfs over {len(btrfs.members)} partitions cannot be written into an image"
            hint = "give it one partition; `btrfs device add` and `btrfs balance` spread it on the machine"
            yield btrfs.name, BadInput(reason, hint=hint)
    # Our initial RAM disk, which lays a layer over a read-only root, starts neither volumes nor arrays.
    root = layout.root
    if root.file_system.type == "erofs" and not find_partition(layout, root.device):
        reason = f"an erofs root cannot be in {root.device}"
        yield root.device, BadInput(reason, hint="give it a partition of its own: `part /`")


def extents(layout: Layout, device: str, begin: int = 0, size: int | None = None) -> list[Extent]:
    """Where a range of a device is, in its order; what is mirrored comes once for each copy."""
    return list(_range(layout, device, begin, layout.sizes[device] - begin if size is None else size, 0))


def find_partition(layout: Layout, name: str) -> tuple[Disk, Partition] | None:
    """The partition of this name, with its disk."""
    return next(((disk, part) for disk in layout.disks for part in disk.partitions if part.name == name), None)


def find_array(layout: Layout, name: str) -> Array | None:
    """The array of this name."""
    return next((array for array in layout.arrays if array.name == name), None)


def find_volume(layout: Layout, name: str) -> tuple[VolumeGroup, LogicalVolume] | None:
    """The logical volume of this name, with its group."""
    return next(
        ((group, volume) for group in layout.groups for volume in group.volumes if volume.name == name), None
    )


def below(layout: Layout, device: str) -> set[str]:
    """What a device is made of, down to partitions, and itself."""
    found = {device}
    if volume := find_volume(layout, device):
        found |= {name for segment in volume[1].segments for name in below(layout, segment.device)}
    if array := find_array(layout, device):
        found |= {name for member in array.members for name in below(layout, member)}
    for btrfs in layout.btrfs:
        if btrfs.name == device:
            found |= {name for member in btrfs.members for name in below(layout, member)}
    return found


def _range(layout: Layout, device: str, begin: int, size: int, at: int) -> Iterator[Extent]:
    """`size` bytes of a device from `begin`; `at` is where they are in what was asked for."""
    if place := find_partition(layout, device):
        disk, part = place
        yield Extent(disk.name, part.offset + begin, at, size)
    elif volume := find_volume(layout, device):
        yield from _volume_range(layout, *volume, begin, size, at)
    elif array := find_array(layout, device):
        for member in array.members[: len(array.members) - array.spares]:
            yield from _range(layout, member, ARRAY_HEAD + begin, size, at)
    else:
        members = next(each.members for each in layout.btrfs if each.name == device)
        yield from _range(layout, members[0], begin, size, at)


def _volume_range(
    layout: Layout, group: VolumeGroup, volume: LogicalVolume, begin: int, size: int, at: int
) -> Iterator[Extent]:
    here = 0  # where the segment begins in the volume
    for segment in volume.segments:
        length = segment.extents * group.extent_size
        first, last = max(begin, here), min(begin + size, here + length)
        if first < last:
            start = PV_HEAD + segment.start * group.extent_size + first - here
            yield from _range(layout, segment.device, start, last - first, at + first - begin)
        here += length
