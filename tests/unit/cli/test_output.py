"""Words, tables and exit statuses."""

from __future__ import annotations

import pytest

from skerry.cli.certificates import CannotReach
from skerry.cli.client import Refused
from skerry.cli.options import boot_order, disk_size, memory, shown_duration
from skerry.cli.output import STATUS_WORDS, Column, Interrupted, Status, plain_table, safe, status_of
from skerry.cli.vm.console import escape_key
from skerry.errors import BadInput, Cancelled, SkerryError, every_error

COLUMNS = (Column("NAME", lambda row: row["name"]), Column("SIZE", lambda row: row["size"], right=True))


def test_columns_are_as_wide_as_they_must_be() -> None:
    assert plain_table([["a", "1 GiB"], ["longer", "-"]], COLUMNS) == (
        "NAME     SIZE\n" + "a       1 GiB\n" + "longer      -\n"
    )


def test_wide_and_combining_characters_count_as_they_are_drawn() -> None:
    rows = plain_table([["日本", "1"], ["e\u0301", "2"], ["ab", "3"]], COLUMNS).splitlines()

    assert rows[1:] == ["日本     1", "e\u0301        2", "ab       3"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[31m", "�[31m"), ("a\nb", "a�b"), ("a\u202eb", "a�b"), ("\x9b", "�"), ("grüße", "grüße")],
)
def test_nothing_that_a_terminal_obeys_is_let_through(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_lines_stay_lines_where_they_are_meant() -> None:
    assert safe("a\r\n\tb\x1b", lines=True) == "a\n\tb�"


def test_every_error_has_an_exit_status() -> None:
    for cls in [cls for cls in every_error() if cls.__module__ == "skerry.errors"]:
        assert status_of(cls("x")) in STATUS_WORDS


def test_every_status_is_explained() -> None:
    assert set(STATUS_WORDS) == set(Status)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SkerryError("x"), Status.FAILED),
        (BadInput("x"), Status.USAGE),
        (CannotReach("x"), Status.UNREACHABLE),
        (Interrupted("x"), Status.INTERRUPTED),
        (Cancelled("x"), Status.FAILED),
        (Refused.of({"code": "cancelled", "status": 409, "detail": "x"}), Status.FAILED),
        (Refused.of({"code": "of-the-future", "status": 404, "detail": "x"}), Status.NOT_FOUND),
        (Refused.of({"code": "of-the-future", "detail": "x"}), Status.FAILED),
    ],
    ids=str,
)
def test_the_exit_status_follows_the_error(error: SkerryError, status: Status) -> None:
    assert status_of(error) is status


def test_bare_numbers_mean_what_virt_install_means() -> None:
    assert memory("512") == 512 * 1024**2
    assert memory("1G") == 1024**3
    assert memory(None) is None
    assert disk_size("10") == 10 * 1024**3


@pytest.mark.parametrize("text", ["", ",", "hd,disk", "HD"])
def test_what_is_no_boot_order_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        boot_order(text)


def test_a_boot_order_is_a_list_of_words() -> None:
    assert boot_order("cdrom, hd") == ["cdrom", "hd"]


@pytest.mark.parametrize(
    ("ended", "shown"),
    [("00:00:01.500000", "1.5 s"), ("00:01:05", "1 min 5 s"), ("02:03:00", "2 h 3 min")],
)
def test_durations_are_short(ended: str, shown: str) -> None:
    day = "2026-01-01T"

    assert shown_duration(f"{day}00:00:00Z", f"{day}{ended}Z") == shown


@pytest.mark.parametrize(("word", "key"), [("^]", b"\x1d"), ("^a", b"\x01"), ("^_", b"\x1f")])
def test_escape_keys(word: str, key: bytes) -> None:
    assert escape_key(word) == key


@pytest.mark.parametrize("word", ["", "^", "a", "^1", "^]]", "^é", "^@"])
def test_what_is_no_escape_key_is_refused(word: str) -> None:
    with pytest.raises(BadInput):
        escape_key(word)
