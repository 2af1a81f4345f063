"""Definitions of a plain user, on a machine where some folders and files are closed to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.fixtures.little_definition import write_definition

from skerry.errors import BadDefinition, NotFound
from skerry.guestos.check import check
from skerry.guestos.debians_own import is_debians_own
from skerry.guestos.needs import needs_of
from skerry.guestos.search import every, find, folder_of
from skerry.guestos.settings import Places

_NOBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of a plain user, who we are for as long as the test lasts: nothing is closed to root."""
    with TemporaryDirectory() as name:
        root = os.geteuid() == 0
        if root:
            os.chown(name, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)


@pytest.mark.parametrize("mode", [0o444, 0o000], ids=["listed", "closed"])
def test_a_folder_that_may_not_be_entered_does_not_hide_the_next_one(mode: int, folder: Path) -> None:
    closed, shared = folder / "srv", folder / "usr"
    write_definition(closed)
    write_definition(shared)
    closed.chmod(mode)

    assert find("little+calm", [closed, shared]).definition.path == shared / "little"
    assert folder_of("little", [closed, shared]) == shared / "little"
    assert [checked.path for checked, wins in every([closed, shared]) if wins and checked.valid] == [
        shared / "little"
    ]


def test_where_only_such_a_folder_could_have_it_this_is_told(folder: Path) -> None:
    write_definition(folder / "srv")
    (folder / "srv").chmod(0o444)

    with pytest.raises(NotFound, match=r"srv \(which this user may not enter\)"):
        find("little+calm", [folder / "srv"])
    assert [problem.what for problem in check(folder / "srv/little").problems] == [
        "cannot be looked at: Permission denied"
    ]


@pytest.mark.parametrize("mode", [0o444, 0o000], ids=["listed", "closed"])
def test_a_definition_that_may_not_be_entered_is_invalid(mode: int, folder: Path) -> None:
    write_definition(folder).chmod(mode)

    assert [f"{each.where} {each.what}" for each in check(folder / "little").problems] == [
        "ganeti_api_version cannot be looked at: Permission denied"
    ]
    with pytest.raises(BadDefinition, match="cannot be looked at: Permission denied"):
        find("little+calm", [folder])


def test_a_name_longer_than_any_folders_is_that_of_none(folder: Path) -> None:
    with pytest.raises(NotFound):
        find("a" * 300, [folder])


def test_scripts_that_may_not_be_read_are_named(folder: Path) -> None:
    write_definition(folder)
    definition = find("little+calm", [folder]).definition
    (definition.path / "common.sh").touch(mode=0o000)

    with pytest.raises(
        BadDefinition, match=r"common\.sh belongs to .* little, and cannot be read: Permission denied"
    ):
        needs_of(definition)
    with pytest.raises(BadDefinition, match=r"common\.sh belongs to .* little"):
        is_debians_own(definition, Places())
