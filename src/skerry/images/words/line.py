"""One line of a recipe on its way to a meaning, and checks of what it says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from skerry.errors import BadInput
from skerry.images.recipe import Command, Remark

PLAIN = re.compile(r"[A-Za-z0-9_.@/+-]{1,100}")
HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*")
UNIT = re.compile(r"[A-Za-z0-9@:_.\\-]{1,255}")
LABEL = re.compile(r"[A-Za-z0-9_.-]{1,32}")
OPTIONS = re.compile(r"[A-Za-z0-9_.,:=/@+^-]{1,500}")  # of mount; no blanks, for fstab


@dataclass(frozen=True)
class Line:
    """A command with its values; what is worth telling goes to `remarks`."""

    command: Command
    remarks: list[Remark] = field(default_factory=list)

    def used(self, *options: str) -> bool:
        """Whether the line has one of these options."""
        return any(option in self.command.options for option in options)

    def value(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - whatever pykickstart reads
        """What pykickstart read, or the default where its version of the syntax does not know it."""
        found = self.command.values.get(name)
        return default if found is None else found

    def text(self, *names: str) -> str:
        """The first of these values that is not empty, as text."""
        return next((str(found) for name in names if (found := self.command.values.get(name))), "")

    def words(self, name: str) -> tuple[str, ...]:
        """A list of words, however pykickstart gives it: as a list, or separated by commas."""
        found = self.value(name, ())
        parts = found.split(",") if isinstance(found, str) else found
        return tuple(word for part in parts if (word := str(part).strip()))

    def remark(self, reason: str) -> None:
        """Tell something about this line."""
        self.remarks.append(Remark(self.command.place, f"{self.command.name}: {reason}"))


def matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    """The text, if all of it matches.

    Raises:
        BadInput: it does not.
    """
    if not pattern.fullmatch(text):
        raise BadInput(f"{text[:80]!r} is not {'an' if what[0] in 'aeiou' else 'a'} {what}")
    return text


def no_climbing(path: str, what: str) -> str:
    """A path without `..`.

    Raises:
        BadInput: it has one.
    """
    if ".." in path.split("/"):
        raise BadInput(f"{path!r} is not a {what}")
    return path
