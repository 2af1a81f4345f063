"""Pages of lists, found by key: the cursor holds the sort value and the id of the last row.

No page is missed or shown twice for rows that stay, however far one has paged, and each page costs the same.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import BadInput

MOST = 500


@dataclass(frozen=True)
class Order:
    """The order of a list: by a column, then by one whose values are all different."""

    by: sa.ColumnElement[Any]
    unique: sa.ColumnElement[Any]
    descending: bool = False

    def apply(self, statement: sa.Select[Any], cursor: str | None) -> sa.Select[Any]:
        """Sort, and begin after the cursor."""
        columns = [self.by, self.unique]
        if cursor is not None:
            last = [
                sa.literal(_value(column, word), column.type)
                for column, word in zip(columns, _words(cursor), strict=True)
            ]
            after = (
                sa.tuple_(*columns) < sa.tuple_(*last)
                if self.descending
                else sa.tuple_(*columns) > sa.tuple_(*last)
            )
            statement = statement.where(after)
        return statement.order_by(*(column.desc() if self.descending else column.asc() for column in columns))


def checked_limit(limit: int) -> int:
    """How many rows a page may have."""
    if not 1 <= limit <= MOST:
        raise BadInput(f"a page has between 1 and {MOST} entries, not {limit}")
    return limit


def cursor_after(by: object, unique: object) -> str:
    """The cursor that goes on after a row with these two values."""
    words = [_word(by), _word(unique)]
    return base64.urlsafe_b64encode(json.dumps(words).encode()).decode().rstrip("=")


def next_cursor(rows: Sequence[sa.Row[Any]], limit: int, by: str, unique: str) -> str | None:
    """The cursor after a page, if there is a row more than the page shows."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]._mapping  # noqa: SLF001 - the public name of a row's columns by name
    return cursor_after(last[by], last[unique])


def _word(value: object) -> str | int:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)


def _words(cursor: str) -> list[str | int]:
    try:
        words = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        words = None
    if not isinstance(words, list) or len(words) != 2 or not all(isinstance(word, str | int) for word in words):
        raise BadInput("this cursor is not one that a list gave", hint="begin again without it")
    return words


def _value(column: sa.ColumnElement[Any], word: str | int) -> object:
    kind = column.type.python_type
    try:
        if kind is datetime:
            return datetime.fromisoformat(str(word))
        if kind is UUID:
            return UUID(str(word))
        return kind(word)
    except ValueError:
        raise BadInput("this cursor belongs to another list", hint="begin again without it") from None


def part_of_name(column: sa.ColumnElement[str], part: str) -> sa.ColumnElement[bool]:
    """Only names that have this part in them, large or small letters."""
    if "\x00" in part:  # no name has one, and PostgreSQL takes none
        return sa.false()
    return sa.func.lower(column).contains(part.lower(), autoescape=True)


def position_after(cursor: str | None) -> tuple[str, str] | None:
    """The two values that a cursor holds, for lists that are not in the database."""
    if cursor is None:
        return None
    by, unique = _words(cursor)
    return str(by), str(unique)
