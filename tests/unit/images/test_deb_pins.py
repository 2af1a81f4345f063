"""Apt's preferences follow from %packages and `repo`."""

from __future__ import annotations

import pytest

from skerry.images.installers.deb_pins import preferences
from skerry.images.recipe import Packages
from skerry.images.words import Repository, Source

BACKPORTS = Source("debian", "trixie-backports")


def pins(repository: Repository) -> list[str]:
    return preferences(Packages(), [repository]).split("\n\n")[:-1]


def test_unwanted_packages_are_pinned_away() -> None:
    assert preferences(Packages(excluded=("nano",))) == "Package: nano\nPin: version *\nPin-Priority: -1\n\n"


def test_a_repository_without_wishes_is_as_apt_has_it() -> None:
    assert pins(Repository("b", BACKPORTS)) == []


def test_only_some_packages_come_from_a_suite() -> None:
    assert pins(Repository("b", BACKPORTS, include=("nano", "vim*"), exclude=("vim-gtk3",))) == [
        "Package: vim-gtk3\nPin: release n=trixie-backports\nPin-Priority: -1",
        "Package: nano vim*\nPin: release n=trixie-backports\nPin-Priority: 500",
        "Package: *\nPin: release n=trixie-backports\nPin-Priority: -1",
    ]


@pytest.mark.parametrize(("cost", "priority"), [(500, 550), (1000, 500), (2000, 400), (0, 600), (100_000, 101)])
def test_less_cost_is_more_priority(cost: int, priority: int) -> None:
    (pin,) = pins(Repository("b", BACKPORTS, cost=cost))

    assert pin == f"Package: *\nPin: release n=trixie-backports\nPin-Priority: {priority}"


@pytest.mark.parametrize(
    ("source", "release"),
    [
        (Source("debian", "sid"), "n=sid"),
        (Source("debian", "unstable"), "a=unstable"),
        (Source("debian", "stable-backports"), "a=stable-backports"),
        (Source("ubuntu", "noble-proposed"), "a=noble-proposed"),
    ],
)
def test_suites_are_named_as_their_release_files_do(source: Source, release: str) -> None:
    assert f"Pin: release {release}\n" in preferences(Packages(), [Repository("x", source, cost=1)])
