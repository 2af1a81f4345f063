"""The arithmetic from what a recipe wants on its disks to where everything is: no files and no devices.

Sizes are settled from the inside out (a partition that may grow becomes large enough for the volumes that shall be
in it), then from the outside in: what a disk has left goes to the partitions that grow, and so on inside groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skerry.errors import BadInput
from skerry.images.layout import (
    ARRAY_HEAD,
    HEAD,
    PV_HEAD,
    SECTOR,
    TAIL,
    Array,
    ArraySpec,
    Disk,
    GroupSpec,
    Layout,
    LogicalVolume,
    Partition,
    PartitionSpec,
    PhysicalVolume,
    Segment,
    Storage,
    VolumeGroup,
)
from skerry.sizes import MIB, format_size

_LEAST_MEMBERS = {"linear": 1, "raid0": 2, "raid1": 2, "raid4": 3, "raid5": 3, "raid6": 4, "raid10": 2}


def lay_out(storage: Storage, disk_sizes: Mapping[str, int] | None = None) -> Layout:
    """Decide where everything is; the same wishes always give the same answer.

    `disk_sizes` are bytes, rounded down to whole MiB. On a disk without one, nothing grows: it is as small as it
    can be, and grows when it boots.

    Raises:
        BadInput: it does not fit.
    """
    known = {name: size // MIB * MIB for name, size in (disk_sizes or {}).items()}
    if unknown := sorted(known.keys() - set(storage.disks)):
        raise BadInput(f"there is no disk {unknown[0]}; the recipe has {', '.join(storage.disks)}")
    for spec in storage.arrays:
        _check_members(spec)
    least = _least_sizes(storage)
    disks = tuple(_disk(name, storage, least, known.get(name)) for name in storage.disks)
    sizes = {part.name: part.size for disk in disks for part in disk.partitions}
    arrays = []
    for spec in storage.arrays:
        arrays.append(_array(spec, sizes))
        sizes[spec.name] = arrays[-1].size
    groups = tuple(_group(spec, sizes) for spec in storage.groups)
    return Layout(disks, tuple(arrays), groups, storage.btrfs)


def share(space: int, sizes: Sequence[int], limits: Sequence[int | None], *, unit: int = MIB) -> tuple[int, ...]:
    """Let things grow from `sizes` (each more than 0) into `space`, in whole units, in proportion to their sizes.

    Nothing shrinks and nothing passes its limit; more than a unit is left only if all are at their limits. A limit
    below the size counts as the size.
    """
    result = list(sizes)
    pairs = zip(sizes, limits, strict=True)
    room = [None if limit is None else max(limit - size, 0) // unit for size, limit in pairs]
    left = max(space - sum(sizes), 0) // unit
    while left and (active := [number for number, most in enumerate(room) if most != 0]):
        weight = sum(sizes[number] for number in active)
        now = left
        for number in active:
            # What rounding leaves goes to the first.
            more = max(now * sizes[number] // weight, 1 if number == active[0] else 0)
            most = room[number]
            more = min(more, left, more if most is None else most)
            result[number] += more * unit
            left -= more
            if most is not None:
                room[number] = most - more
    return tuple(result)


def _least_sizes(storage: Storage) -> dict[str, int]:
    """The size of each partition before it grows: as wanted, or what the volumes in it need if it may grow."""
    least = {part.name: part.size for part in storage.partitions}
    growing = {part.name: part for part in storage.partitions if part.grow}
    for group in storage.groups:
        sizes = dict(least)
        for array in storage.arrays:
            sizes[array.name] = _array_size(array, sizes)
        wanted = _needed(group)
        lacking = wanted - sum(_whole_extents(sizes[member], group) for member in group.members)
        if lacking > 0:
            _enlarge(group.members, lacking * group.extent_size, least, growing, storage)
    return least


def _enlarge(
    devices: Sequence[str],
    more: int,
    least: dict[str, int],
    growing: Mapping[str, PartitionSpec],
    storage: Storage,
) -> None:
    """Make the last of these devices that may grow larger by `more` bytes; if none may, the group tells of it."""
    arrays = {array.name: array for array in storage.arrays}
    for name in reversed(devices):
        if name in growing:
            wanted = -(-(least[name] + more) // MIB) * MIB
            limit = growing[name].max_size
            least[name] = max(least[name], wanted if limit is None else min(wanted, limit))
            return
        array = arrays.get(name)
        if array and all(member in growing for member in array.members):
            if array.level == "linear":
                _enlarge(array.members, more, least, growing, storage)
                return
            each = -(-more // _data_members(array)) + array.chunk_size
            for member in array.members:
                _enlarge([member], each, least, growing, storage)
            return


def _disk(name: str, storage: Storage, least: Mapping[str, int], size: int | None) -> Disk:
    wanted = [part for part in storage.partitions if part.disk == name]
    ordered = [part for part in wanted if not part.grow] + [part for part in wanted if part.grow]
    if size is None:
        sizes = tuple(least[part.name] for part in ordered)
        size = HEAD + sum(sizes) + TAIL
    else:
        sizes = _fitted(name, ordered, least, size - HEAD - TAIL)
    placed = []
    start = HEAD // SECTOR
    for part, length in zip(ordered, sizes, strict=True):
        made = Partition(part.name, part.role, start, length // SECTOR, part.content, part.grow, part.max_size)
        placed.append(made)
        start = made.end
    return Disk(name, size, tuple(placed))


def _fitted(name: str, parts: Sequence[PartitionSpec], least: Mapping[str, int], space: int) -> tuple[int, ...]:
    """The sizes of partitions on a disk of known size."""
    sizes = [least[part.name] for part in parts]
    if sum(sizes) > space:
        raise BadInput(
            f"the partitions of the disk {name} need {format_size(sum(sizes) + HEAD + TAIL)}, "
            f"and it has {format_size(space + HEAD + TAIL)}",
            hint="make the disk larger, or its partitions smaller",
        )
    return share(
        space, sizes, [part.max_size if part.grow else size for part, size in zip(parts, sizes, strict=True)]
    )


def _data_members(array: ArraySpec) -> int:
    """How many members' worth of data an array with equal members holds; at least one."""
    count = len(array.members) - array.spares
    return {
        "raid1": 1,
        "raid4": count - 1,
        "raid5": count - 1,
        "raid6": count - 2,
        "raid10": max(count // 2, 1),
    }.get(array.level, count)


def _array_size(array: ArraySpec, sizes: Mapping[str, int]) -> int:
    room = [sizes[name] - ARRAY_HEAD for name in array.members[: len(array.members) - array.spares]]
    if array.level == "linear":
        return sum(room)
    whole = [size // array.chunk_size * array.chunk_size for size in room]
    return sum(whole) if array.level == "raid0" else min(whole) * _data_members(array)


def _check_members(spec: ArraySpec) -> None:
    active, least = len(spec.members) - spec.spares, _LEAST_MEMBERS[spec.level]
    if active < least:
        raise BadInput(f"{spec.name}: {spec.level} needs at least {least} members, not {active}")


def _array(spec: ArraySpec, sizes: Mapping[str, int]) -> Array:
    size = _array_size(spec, sizes)
    if size <= 0:
        raise BadInput(f"{spec.name}: its members are too small")
    smallest = (min(sizes[name] for name in spec.members) - ARRAY_HEAD) // spec.chunk_size * spec.chunk_size
    return Array(spec.name, spec.level, spec.members, spec.spares, spec.chunk_size, smallest, size, spec.content)


def _needed(group: GroupSpec) -> int:
    """How many extents a group must have for its volumes and its reserve."""
    fixed = sum(_extents(volume.size, group) for volume in group.volumes if volume.percent is None)
    shares = [(volume.percent, _extents(volume.size, group)) for volume in group.volumes if volume.percent]
    left = 100 - sum(percent for percent, _ in shares)
    space = max(
        [-(-fixed * 100 // left) if left > 0 else fixed, *(-(-size * 100 // each) for each, size in shares)]
    )
    return max(space + _extents(group.reserved, group), -(-space * 100 // (100 - group.reserved_percent)))


def _extents(size: int, group: GroupSpec) -> int:
    return -(-size // group.extent_size)


def _whole_extents(size: int, group: GroupSpec) -> int:
    return max(size - PV_HEAD, 0) // group.extent_size


def _group(spec: GroupSpec, sizes: Mapping[str, int]) -> VolumeGroup:
    members = tuple(PhysicalVolume(name, _whole_extents(sizes[name], spec)) for name in spec.members)
    total = sum(member.extents for member in members)
    reserved = max(_extents(spec.reserved, spec), total * spec.reserved_percent // 100)
    space = total - reserved
    counts = [max(space * (volume.percent or 0) // 100, _extents(volume.size, spec)) for volume in spec.volumes]
    if sum(counts) > space:
        raise BadInput(
            f"the volumes of the group {spec.name} need {format_size(sum(counts) * spec.extent_size)}, and "
            f"{format_size(max(space, 0) * spec.extent_size)} are there",
            hint="make its physical volumes larger, or let one of them --grow",
        )
    limits = [
        (None if volume.max_size is None else volume.max_size // spec.extent_size) if volume.grow else count
        for volume, count in zip(spec.volumes, counts, strict=True)
    ]
    grown = share(space, counts, limits, unit=1)
    volumes = tuple(
        LogicalVolume(f"{spec.name}/{volume.name}", count * spec.extent_size, segments, volume.content)
        for volume, count, segments in zip(spec.volumes, grown, _segments(members, grown), strict=True)
    )
    return VolumeGroup(spec.name, spec.extent_size, members, volumes)


def _segments(members: Sequence[PhysicalVolume], counts: Sequence[int]) -> list[tuple[Segment, ...]]:
    """Fill the physical volumes one after the other."""
    found = []
    free = [(member.device, 0, member.extents) for member in members]
    for count in counts:
        segments = []
        wanted = count
        while wanted:
            device, start, left = free.pop(0)
            taken = min(wanted, left)
            if taken:
                segments.append(Segment(device, start, taken))
            if left > taken:
                free.insert(0, (device, start + taken, left - taken))
            wanted -= taken
        found.append(tuple(segments))
    return found
