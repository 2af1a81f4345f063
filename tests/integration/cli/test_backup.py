"""`skerry backup` and `skerry restore` on a data folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Skerry

from skerry.cli.running import only_one


@pytest.fixture
def data(home: Path) -> Path:
    """A data folder with the word `before` in its database."""
    folder = home / "data"
    folder.mkdir()
    (folder / "executor-id").write_text("an-executor")
    with closing(sqlite3.connect(folder / "tasks.db")) as database, database:
        database.execute("CREATE TABLE steps (id)")
    with closing(sqlite3.connect(folder / "skerry.db")) as database, database:
        database.execute("CREATE TABLE cloud (epoch)")
        database.execute("CREATE TABLE words (word)")
    write(folder, "before")
    return folder


def write(data: Path, word: str) -> None:
    with closing(sqlite3.connect(data / "skerry.db")) as database, database:
        database.execute("DELETE FROM words")
        database.execute("INSERT INTO words VALUES (?)", (word,))


def read(data: Path) -> str:
    with closing(sqlite3.connect(data / "skerry.db")) as database:
        return str(database.execute("SELECT word FROM words").fetchone()[0])


def test_what_was_saved_comes_back_and_what_was_there_is_kept(nobody: Skerry, data: Path, home: Path) -> None:
    assert nobody("backup", home / "file").status == 0
    write(data, "after")

    result = nobody("restore", home / "file", "--yes", "--json")

    assert result.status == 0
    assert read(data) == "before"
    assert read(Path(result.json["kept"])) == "after"


def test_a_restore_must_be_confirmed(nobody: Skerry, data: Path, home: Path) -> None:
    nobody("backup", home / "file")
    write(data, "after")

    result = nobody("restore", home / "file")

    assert result.status == 2
    assert "say so with --yes" in result.err
    assert read(data) == "after"


def test_nothing_is_restored_under_a_running_manager(nobody: Skerry, data: Path, home: Path) -> None:
    nobody("backup", home / "file")
    write(data, "after")

    with only_one(data):
        result = nobody("restore", home / "file", "--yes")

    assert "another Skerry already works on" in result.err
    assert read(data) == "after"


def test_a_backup_that_is_not_there_is_named(nobody: Skerry, data: Path, home: Path) -> None:
    result = nobody("restore", home / "none", "--yes")

    assert result.status == 3
    assert f"there is no file {home / 'none'}" in result.err
    assert read(data) == "before"
