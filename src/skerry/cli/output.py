"""What people and programs see: data on stdout, words on stderr, and the one place where errors become text.

Tables are drawn by Rich on a terminal and are plain aligned columns elsewhere. What comes from guests and other
people is never let through to the terminal with control characters in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus
from typing import Any

from skerry.cli.certificates import CannotReach
from skerry.cli.client import Refused, http_status_of
from skerry.errors import Cancelled, SkerryError


class ReaderGone(Exception):
    """Whoever read our output went away. No OSError: Typer would take that one for itself."""


class Interrupted(SkerryError):
    """A person pressed Ctrl-C; what was followed goes on."""

    code = "interrupted"


class Status(IntEnum):
    """The exit statuses of `skerry`, all of them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    DENIED = 4
    UNREACHABLE = 5
    CONFLICT = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141


STATUS_WORDS: Mapping[Status, str] = {
    Status.DONE: "done",
    Status.FAILED: "it failed, or its task failed or was cancelled",
    Status.USAGE: "the command line, or a value in it, is wrong",
    Status.NOT_FOUND: "there is no such thing",
    Status.DENIED: "not signed in, or not allowed",
    Status.UNREACHABLE: "the server cannot be reached, or its certificate is not the trusted one",
    Status.CONFLICT: "not with things as they are: name taken, in use, wrong state, changed meanwhile",
    Status.INTERRUPTED: "Ctrl-C; a task that was followed goes on",
    Status.BROKEN_PIPE: "whoever read the output went away",
}

_OF_HTTP: Mapping[int, Status] = {
    HTTPStatus.BAD_REQUEST: Status.USAGE,
    HTTPStatus.UNAUTHORIZED: Status.DENIED,
    HTTPStatus.FORBIDDEN: Status.DENIED,
    HTTPStatus.NOT_FOUND: Status.NOT_FOUND,
    HTTPStatus.CONFLICT: Status.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED: Status.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Status.USAGE,
    HTTPStatus.UNPROCESSABLE_ENTITY: Status.USAGE,
}


def status_of(error: SkerryError) -> Status:
    """The exit status that an error ends the program with."""
    if isinstance(error, CannotReach):
        return Status.UNREACHABLE
    if isinstance(error, Interrupted):
        return Status.INTERRUPTED
    if isinstance(error, Cancelled) or (
        isinstance(error, Refused) and error.problem.get("code") == Cancelled.code
    ):
        return Status.FAILED
    return _OF_HTTP.get(http_status_of(error), Status.FAILED)


def safe(text: object, *, lines: bool = False) -> str:
    """Text without anything that a terminal would obey; line breaks and tabs stay only with `lines`."""
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(
        character
        if character in kept or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else ("�" if not lines or character != "\r" else "")
        for character in text
    )


def say(*words: object) -> None:
    """Tell a person something that is no data."""
    _to_stderr(safe(" ".join(str(word) for word in words), lines=True))


def _to_stderr(line: str) -> None:
    with contextlib.suppress(OSError):  # words that nobody reads are no loss, also where a terminal went away
        print(line, file=sys.stderr, flush=True)


def put(text: str) -> None:
    """Write data, as it is, to stdout.

    Raises:
        ReaderGone: nobody reads it any more.
    """
    try:
        sys.stdout.write(text)
    except BrokenPipeError as exc:
        raise ReaderGone from exc


def put_line(text: object = "") -> None:
    """Write one line of data for a person to read."""
    put(safe(text) + "\n")


def put_json(value: object, *, one_line: bool = False) -> None:
    """Write data for programs."""
    put(json.dumps(value, indent=None if one_line else 2, ensure_ascii=False) + "\n")


def flush() -> None:
    """Let whoever waits see what was written so far.

    Raises:
        ReaderGone: nobody waits any more.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError as exc:
        raise ReaderGone from exc


def show_error(error: SkerryError, *, as_json: bool) -> Status:
    """Say what failed and what to do next, and tell the exit status."""
    if as_json:
        _to_stderr(json.dumps(problem_of(error), ensure_ascii=False))
    else:
        say(f"error: {error.message}")
        if error.hint:
            say(f"hint: {error.hint}")
    return status_of(error)


def problem_of(error: SkerryError) -> dict[str, Any]:
    """The error as programs get it, with the same fields as the API's."""
    if isinstance(error, Refused):
        return error.problem | {"detail": error.message, "hint": error.hint}
    return {
        "type": f"urn:skerry:problem:{error.code}",
        "title": error.code.replace("-", " ").capitalize(),
        "status": error.http_status,
        "detail": error.message,
        "code": error.code,
        "hint": error.hint,
        "errors": [],
    }


# ---- tables


@dataclass(frozen=True)
class Column:
    """One column: its heading, what stands in it, and which words are good or bad news."""

    heading: str
    cell: Callable[[Mapping[str, Any]], object]
    right: bool = False


_STYLES: Mapping[str, str] = {
    **dict.fromkeys(("running", "online", "ready", "succeeded", "active"), "green"),
    **dict.fromkeys(("failed", "crashed", "unreachable", "offline"), "red"),
    **dict.fromkeys(("queued", "creating", "importing", "deleting", "stopping", "paused", "cancelled"), "yellow"),
}


def put_table(items: Iterable[Mapping[str, Any]], columns: Sequence[Column], *, empty: str) -> None:
    """Write a table; `empty` tells the next step where there is nothing to show."""
    rows = [[_cell(column.cell(item)) for column in columns] for item in items]
    if not rows:
        say(empty)
    elif sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _draw(rows, columns)
    else:
        put(plain_table(rows, columns))


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return safe(value)


def plain_table(rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> str:
    """Aligned columns, two blanks apart, no line longer than it must be."""
    lines = [[column.heading for column in columns], *rows]
    widths = [max(_width(line[number]) for line in lines) for number in range(len(columns))]
    return "".join(
        "  ".join(
            _padded(cell, width, right=column.right)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def _width(text: str) -> int:
    """Cells of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _padded(text: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if right else text + blanks


def _draw(rows: Sequence[Sequence[str]], columns: Sequence[Column]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only terminals need it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console(file=sys.stdout, highlight=False).print(table)


def put_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Write what there is to say about one thing, one fact a line; empty ones are left out."""
    told = [(name, str(value)) for name, value in facts if value not in (None, "", ())]
    width = max((len(name) for name, _ in told), default=0)
    for name, value in told:
        first, *more = value.splitlines() or [""]
        put_line(f"{name + ':':{width + 2}}{first}")
        for line in more:
            put_line(" " * (width + 2) + line)
