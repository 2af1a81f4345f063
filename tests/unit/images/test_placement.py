"""Where everything is on the disks: what always holds, and a few cases by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.errors import BadInput
from skerry.images.layout import (
    ArraySpec,
    BtrfsSpec,
    FileSystem,
    GroupSpec,
    Layout,
    LogicalVolume,
    Member,
    PartitionSpec,
    Role,
    Segment,
    Storage,
    Subvolume,
    VolumeSpec,
)
from skerry.images.placement import lay_out, share
from skerry.sizes import GIB, MIB

ROOT = FileSystem("ext4", "/", "root")
BIOS = PartitionSpec("bios", Role.BIOS, "sda", MIB)
ESP = PartitionSpec("esp", Role.ESP, "sda", 16 * MIB, FileSystem("vfat", "/boot/efi"))


def data(name: str, size: int, **more: object) -> PartitionSpec:
    content = FileSystem("ext4", f"/{name}")
    return replace(PartitionSpec(name, Role.DATA, "sda", size * MIB, content), **more)  # type: ignore[arg-type]


# -- What always holds --

sizes_in_mib = st.integers(1, 5000)


@st.composite
def specs(draw: st.DrawFn) -> Storage:
    disks = tuple(f"vd{letter}" for letter in "abc"[: draw(st.integers(1, 3))])
    count = draw(st.integers(0, 12))
    parts = tuple(
        PartitionSpec(
            f"p{number}",
            Role.DATA,
            draw(st.sampled_from(disks)),
            draw(sizes_in_mib) * MIB,
            FileSystem("ext4", f"/p{number}"),
            grow=draw(st.booleans()),
            max_size=draw(st.none() | sizes_in_mib.map(lambda size: size * MIB)),
        )
        for number in range(count)
    )
    return Storage(disks, parts)


def check_partitions(layout: Layout, storage: Storage) -> None:
    wanted = {part.name: part for part in storage.partitions}
    assert sorted(part.name for disk in layout.disks for part in disk.partitions) == sorted(wanted)
    for disk in layout.disks:
        end = MIB
        for part in disk.partitions:
            assert wanted[part.name].disk == disk.name
            assert part.offset % MIB == 0
            assert part.size % MIB == 0
            assert part.size > 0
            assert part.offset >= end
            assert part.size >= wanted[part.name].size
            end = part.offset + part.size
        assert end + 34 * 512 <= disk.size


@given(specs())
def test_partitions_never_overlap_and_are_aligned_inside_their_disk(storage: Storage) -> None:
    layout = lay_out(storage)

    check_partitions(layout, storage)
    assert {part.name: part.size for disk in layout.disks for part in disk.partitions} == {
        part.name: part.size for part in storage.partitions
    }
    assert lay_out(storage) == layout


@given(specs(), st.lists(sizes_in_mib, min_size=3, max_size=3))
def test_all_space_of_a_disk_is_given_to_those_that_grow(storage: Storage, extra: list[int]) -> None:
    least = lay_out(storage)
    sizes = {disk.name: disk.size + more * MIB for disk, more in zip(least.disks, extra, strict=False)}

    layout = lay_out(storage, sizes)

    check_partitions(layout, storage)
    wanted = {part.name: part for part in storage.partitions}
    for disk in layout.disks:
        assert disk.size == sizes[disk.name]
        free = disk.size - 2 * MIB - sum(part.size for part in disk.partitions)
        for part in disk.partitions:
            spec = wanted[part.name]
            if not spec.grow:
                assert part.size == spec.size
            elif spec.max_size is None:
                assert free == 0
            else:
                assert part.size <= max(spec.max_size, spec.size)
                assert free == 0 or part.size == max(spec.max_size, spec.size)
    assert lay_out(storage, sizes) == layout


@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(1, 10**4), st.none() | st.integers(1, 10**5)), max_size=10),
    st.integers(1, 64),
)
def test_sharing_shrinks_nothing_and_leaves_nothing(
    space: int, wants: list[tuple[int, int | None]], unit: int
) -> None:
    sizes = [size for size, _ in wants]
    limits = [limit for _, limit in wants]

    shared = share(space, sizes, limits, unit=unit)

    assert all(now >= before for now, before in zip(shared, sizes, strict=True))
    assert all((now - before) % unit == 0 for now, before in zip(shared, sizes, strict=True))
    assert sum(shared) <= max(space, sum(sizes))
    assert all(limit is None or now <= max(limit, size) for now, (size, limit) in zip(shared, wants, strict=True))
    if any(limit is None or limit - now >= unit for now, (_, limit) in zip(shared, wants, strict=True)):
        assert space - sum(shared) < unit


@st.composite
def groups(draw: st.DrawFn) -> Storage:
    members = tuple(
        PartitionSpec(f"pv.{number}", Role.LVM, "sda", draw(sizes_in_mib) * MIB, Member("lvm", "vg"), grow=True)
        for number in range(draw(st.integers(1, 4)))
    )
    volumes = tuple(
        VolumeSpec(f"v{number}", draw(sizes_in_mib) * MIB, ROOT, grow=draw(st.booleans()))
        for number in range(draw(st.integers(0, 6)))
    )
    extent_size = draw(st.sampled_from([MIB, 4 * MIB, 32 * MIB]))
    group = GroupSpec("vg", tuple(part.name for part in members), volumes, extent_size)
    return Storage(("sda",), members, groups=(group,))


@given(groups())
def test_volumes_have_their_extents_and_share_none(storage: Storage) -> None:
    (group,) = lay_out(storage).groups

    room = {member.device: member.extents for member in group.members}
    for volume, wanted in zip(group.volumes, storage.groups[0].volumes, strict=True):
        assert volume.size >= wanted.size
        assert volume.size == sum(each.extents for each in volume.segments) * group.extent_size
    used = sorted(segment_range(each) for volume in group.volumes for each in volume.segments)
    assert all(end <= room[device] for device, _, end in used)
    for (device, _, end), (other, start, _) in itertools.pairwise(used):
        assert device != other or end <= start
    if any(volume.grow for volume in storage.groups[0].volumes):
        assert sum(end - start for _, start, end in used) == sum(room.values())


def segment_range(segment: Segment) -> tuple[str, int, int]:
    return segment.device, segment.start, segment.start + segment.extents


# -- By hand --


def test_the_usual_disk_begins_with_its_boot_loaders() -> None:
    layout = lay_out(Storage(("sda",), (BIOS, ESP, PartitionSpec("root", Role.ROOT, "sda", 2 * GIB, ROOT))))

    (disk,) = layout.disks
    assert [(part.name, part.start, part.sectors) for part in disk.partitions] == [
        ("bios", 2048, 2048),
        ("esp", 4096, 32768),
        ("root", 36864, 4194304),
    ]
    assert disk.size == 2067 * MIB
    assert disk.find(Role.ESP) == disk.partitions[1]
    assert disk.find(Role.SWAP) is None


def test_what_grows_comes_last() -> None:
    layout = lay_out(Storage(("sda",), (data("a", 10, grow=True), data("b", 10))))

    assert [part.name for part in layout.disks[0].partitions] == ["b", "a"]


def test_what_grows_does_so_in_proportion_and_up_to_its_limit() -> None:
    parts = (data("a", 100, grow=True), data("b", 300, grow=True), data("c", 100, grow=True, max_size=150 * MIB))

    layout = lay_out(Storage(("sda",), parts), {"sda": 1002 * MIB})

    assert [part.size // MIB for part in layout.disks[0].partitions] == [213, 637, 150]


def test_what_does_not_fit_on_its_disk_is_told_with_both_sizes() -> None:
    with pytest.raises(BadInput, match=r"need 102 MiB, and it has 101 MiB"):
        lay_out(Storage(("sda",), (data("a", 100),)), {"sda": 101 * MIB})


def test_a_size_for_a_disk_that_is_not_there_is_told() -> None:
    with pytest.raises(BadInput, match="no disk sdb; the recipe has sda"):
        lay_out(Storage(("sda",), ()), {"sdb": GIB})


def pv(size: int, *, grow: bool, name: str = "pv.01") -> PartitionSpec:
    return PartitionSpec(name, Role.LVM, "sda", size * MIB, Member("lvm", "vg"), grow=grow)


def test_a_growing_physical_volume_becomes_large_enough_for_its_volumes() -> None:
    group = GroupSpec("vg", ("pv.01",), (VolumeSpec("root", 2 * GIB, ROOT), VolumeSpec("swap", 6 * MIB, None)))

    layout = lay_out(Storage(("sda",), (pv(1, grow=True),), groups=(group,)))

    assert layout.disks[0].partitions[0].size == 2048 * MIB + 8 * MIB + MIB
    assert layout.groups[0].volumes == (
        LogicalVolume("vg/root", 2 * GIB, (Segment("pv.01", 0, 512),), ROOT),
        LogicalVolume("vg/swap", 8 * MIB, (Segment("pv.01", 512, 2),), None),
    )


def test_one_that_does_not_grow_is_told_to_be_too_small() -> None:
    group = GroupSpec("vg", ("pv.01",), (VolumeSpec("root", 2 * GIB, ROOT),))

    with pytest.raises(BadInput, match="group vg need 2 GiB, and 96 MiB are there"):
        lay_out(Storage(("sda",), (pv(100, grow=False),), groups=(group,)))


def test_a_volume_can_have_a_share_of_its_group_and_the_rest_can_be_reserved() -> None:
    volumes = (VolumeSpec("a", 0, ROOT, percent=50), VolumeSpec("b", 4 * MIB, ROOT, grow=True))
    group = GroupSpec("vg", ("pv.01",), volumes, reserved_percent=20)

    (made,) = lay_out(Storage(("sda",), (pv(401, grow=False),), groups=(group,))).groups

    assert [volume.size // MIB for volume in made.volumes] == [160, 160]


def array(level: str, members: int, **more: object) -> Storage:
    names = tuple(f"raid.{number}" for number in range(members))
    parts = tuple(PartitionSpec(name, Role.RAID, "sda", 101 * MIB, Member("raid", "md/x")) for name in names)
    spec = replace(ArraySpec("md/x", "raid1", names, ROOT), level=level, **more)  # type: ignore[arg-type]
    return Storage(("sda",), parts, arrays=(spec,))


@pytest.mark.parametrize(
    ("level", "members", "size"),
    [
        ("linear", 2, 200),
        ("raid0", 2, 200),
        ("raid1", 2, 100),
        ("raid4", 3, 200),
        ("raid5", 4, 300),
        ("raid6", 4, 200),
        ("raid10", 4, 200),
    ],
)
def test_an_array_has_the_size_of_its_level(level: str, members: int, size: int) -> None:
    layout = lay_out(array(level, members))

    assert layout.arrays[0].size == size * MIB
    assert layout.sizes["md/x"] == size * MIB


def test_spares_hold_nothing() -> None:
    assert lay_out(array("raid5", 4, spares=1)).arrays[0].size == 200 * MIB


@pytest.mark.parametrize(("level", "members", "spares"), [("raid1", 1, 0), ("raid5", 3, 1), ("raid0", 2, 2)])
def test_too_few_members_are_told(level: str, members: int, spares: int) -> None:
    with pytest.raises(BadInput, match="needs at least"):
        lay_out(array(level, members, spares=spares))


def test_members_of_an_array_grow_for_the_group_that_is_on_it() -> None:
    names = ("raid.1", "raid.2")
    parts = tuple(
        PartitionSpec(name, Role.RAID, disk, MIB, Member("raid", "md/pv"), grow=True)
        for name, disk in zip(names, ("sda", "sdb"), strict=True)
    )
    group = GroupSpec("vg", ("md/pv",), (VolumeSpec("root", GIB, ROOT),))
    on_array = ArraySpec("md/pv", "raid1", names, Member("lvm", "vg"))

    layout = lay_out(Storage(("sda", "sdb"), parts, (on_array,), (group,)))

    assert layout.groups[0].volumes[0].size == GIB
    assert layout.disks[0].size == layout.disks[1].size


def test_folders_are_mounted_before_what_is_in_them_and_swap_comes_last() -> None:
    parts = (
        PartitionSpec("swap", Role.SWAP, "sda", GIB, FileSystem("swap")),
        PartitionSpec("var-log", Role.DATA, "sda", GIB, FileSystem("xfs", "/var/log")),
        PartitionSpec("btrfs.01", Role.DATA, "sda", GIB, Member("btrfs", "btrfs/top")),
    )
    tree = BtrfsSpec(
        "btrfs/top", ("btrfs.01",), FileSystem("btrfs"), (Subvolume("root", "/"), Subvolume("var", "/var"))
    )

    layout = lay_out(Storage(("sda",), parts, btrfs=(tree,)))

    assert [(each.mountpoint, each.device, each.subvolume) for each in layout.mounts()] == [
        ("/", "btrfs/top", "root"),
        ("/var", "btrfs/top", "var"),
        ("/var/log", "var-log", ""),
        ("", "swap", ""),
    ]
    assert layout.root.subvolume == "root"
    assert layout.sizes["btrfs/top"] == GIB
