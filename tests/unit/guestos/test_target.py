"""Where things go on an instance's disk."""

from dataclasses import replace

import pytest

from skerry.errors import BadInput
from skerry.guestos.settings import settings_of
from skerry.guestos.target import SECTOR, Area, DiskPlan, firmwares, fresh_identities, plan_disk, table_script
from skerry.sizes import GIB, MIB

NONE = frozenset[str]()
BOTH = frozenset({"bios", "uefi"})


def planned(style: str, size: int, firmware: frozenset[str] = NONE, alignment: int = 2048) -> DiskPlan:
    settings = replace(settings_of(), partition_style=style, partition_alignment=alignment)  # type: ignore[arg-type]
    return plan_disk(settings, size, firmware)


def test_without_a_table_the_root_is_the_whole_disk() -> None:
    plan = planned("none", GIB)

    assert plan.root == Area("root", 0, GIB // SECTOR)
    assert plan.partitions == ()


def test_a_root_is_whole_blocks_of_a_file_system() -> None:
    assert planned("none", GIB + 3 * SECTOR).root.size == GIB


def test_msdos_has_one_partition_and_the_boot_loader_in_front_of_it() -> None:
    plan = planned("msdos", GIB, frozenset({"bios"}))

    assert plan.partitions == (plan.root,)
    assert (plan.root.start, plan.root.number) == (2048, 1)
    assert plan.bios == Area("bios", 1, 2047)


def test_gpt_for_both_firmwares_leaves_room_for_its_second_table() -> None:
    plan = planned("gpt", GIB, BOTH)

    assert [area.role for area in plan.partitions] == ["bios", "esp", "root"]
    assert [area.number for area in plan.partitions] == [1, 2, 3]
    assert plan.root.start + plan.root.sectors <= GIB // SECTOR - 33


@pytest.mark.parametrize("style", ["msdos", "gpt"])
@pytest.mark.parametrize("alignment", [1, 63, 2048, 8192])
def test_no_two_areas_touch_and_all_are_aligned(style: str, alignment: int) -> None:
    plan = planned(style, GIB, BOTH, alignment)

    end = 0
    for area in plan.partitions:
        assert area.start >= end
        assert area.start % alignment == 0
        end = area.start + area.sectors
    assert end * SECTOR <= GIB


def test_a_disk_that_is_too_small_is_refused() -> None:
    with pytest.raises(BadInput, match="too little"):
        planned("gpt", MIB, BOTH)


def test_an_msdos_table_does_not_hold_three_tebibytes() -> None:
    with pytest.raises(BadInput, match="msdos"):
        planned("msdos", 3 * 1024 * GIB)


@pytest.mark.parametrize(
    ("style", "firmware", "loader", "kernel", "expected"),
    [
        ("msdos", "auto", "auto", True, {"bios"}),
        ("gpt", "auto", "auto", True, {"bios", "uefi"}),
        ("gpt", "uefi", "auto", True, {"uefi"}),
        ("msdos", "both", "yes", True, {"bios", "uefi"}),
        ("gpt", "auto", "no", True, set()),
        ("gpt", "auto", "auto", False, set()),
        ("none", "auto", "auto", True, set()),
    ],
)
def test_what_the_disk_starts_from(
    style: str, firmware: str, loader: str, kernel: bool, expected: set[str]
) -> None:
    settings = replace(settings_of(), partition_style=style, firmware=firmware, boot_loader=loader)  # type: ignore[arg-type]

    assert firmwares(settings, kernel=kernel) == expected


@pytest.mark.parametrize(("style", "kernel", "word"), [("none", True, "table"), ("gpt", False, "kernel")])
def test_a_boot_loader_that_cannot_be_is_refused(style: str, kernel: bool, word: str) -> None:
    settings = replace(settings_of(), partition_style=style, boot_loader="yes")  # type: ignore[arg-type]

    with pytest.raises(BadInput, match=word):
        firmwares(settings, kernel=kernel)


def test_tables_are_what_sfdisk_reads() -> None:
    identity = fresh_identities()

    dos = table_script(planned("msdos", GIB, frozenset({"bios"})), identity)
    gpt = table_script(planned("gpt", GIB, BOTH), identity)

    assert "label: dos" in dos
    assert "start=2048, size=2095104, type=83, bootable" in dos
    assert gpt.count("start=") == 3
    assert identity("disk disk") in gpt


def test_no_two_disks_have_the_same_identities() -> None:
    one, other = fresh_identities(), fresh_identities()

    assert one("root") == one("root")
    assert len({one("root"), one("esp"), other("root"), other("esp")}) == 4
