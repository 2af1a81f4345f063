"""Where a definition's scripts run, by what they name and what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.little_definition import write_definition

from skerry.guestos.install import apply, folders_of, plan_install
from skerry.guestos.needs import Abilities, Helper, Needs, needs_of, needs_of_texts, wants_helper
from skerry.guestos.search import find

DEBIANS = Needs(device_mapper=True, root=True, network=True)
PLAIN = Needs()


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("dd if=/x of=$DISK_0_PATH", Needs()),
        ("kpartx -a -s -p- $blockdev", Needs(device_mapper=True, root=True)),
        ("dmsetup create x", Needs(device_mapper=True, root=True)),
        ("loop=$(losetup --find --show $DISK_0_PATH)", Needs(root=True)),
        ("  mount $dev /mnt", Needs(root=True)),
        ("debootstrap trixie $TARGET", Needs(network=True)),
        ("  # kpartx and debootstrap would be other ways", Needs()),
        ("echo remounted amount", Needs()),
    ],
)
def test_what_scripts_name_is_what_they_need(text: str, needs: Needs) -> None:
    assert needs_of_texts(["#!/bin/sh\n", text]) == needs


def test_all_files_of_a_definition_count(tmp_path: Path) -> None:
    write_definition(tmp_path)
    (tmp_path / "little/common.sh").write_text("kpartx -d $1\n")
    (tmp_path / "little/helper.bin").write_bytes(b"\0debootstrap")

    found = needs_of(find("little+calm", [tmp_path]).definition)

    assert found == Needs(device_mapper=True, root=True)


def test_our_own_definition_is_known(tmp_path: Path) -> None:
    folders = folders_of(tmp_path)
    apply(plan_install(folders, Path("/usr/bin/skerry")))

    assert needs_of(find("skerry+trixie", [folders.os_dir]).definition).ours


@pytest.mark.parametrize(
    ("helper", "needs", "mapper", "root", "wanted"),
    [
        ("auto", DEBIANS, True, True, False),
        ("auto", DEBIANS, False, True, True),
        ("auto", DEBIANS, True, False, True),
        ("auto", PLAIN, False, False, False),
        ("auto", Needs(network=True), False, False, False),
        ("always", PLAIN, True, True, True),
        ("always", Needs(ours=True), True, True, False),
        ("never", DEBIANS, False, False, False),
    ],
)
def test_scripts_go_to_the_helper_where_they_lack_something_here(
    helper: Helper, needs: Needs, *, mapper: bool, root: bool, wanted: bool
) -> None:
    assert wants_helper(helper, needs, Abilities(device_mapper=mapper, root=root)) is wanted
