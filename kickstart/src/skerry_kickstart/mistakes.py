# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with a recipe, and what is odd in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_MISTAKES = 100  # a file with more of them is not a recipe


@dataclass
class Mistake(Exception):
    """What is wrong, and where.

    A mistake of a `line` leaves the rest of the recipe readable without that line; any other does not.
    """

    file: str
    line: int
    reason: str
    kind: str = "line"  # line, include, version, file
    word: str = ""  # of the command part

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {"file": self.file, "line": self.line, "reason": self.reason, "kind": self.kind, "word": self.word}


class TooManyMistakes(Exception):
    """It is not worth to read on."""


@dataclass
class Notes:
    """Mistakes and warnings as they are found."""

    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)

    def add(self, mistake: Mistake) -> None:
        """Note a mistake.

        Raises:
            TooManyMistakes: there were too many.
        """
        self.mistakes.append(mistake)
        if len(self.mistakes) >= MAX_MISTAKES:
            reason = f"there are {MAX_MISTAKES} mistakes or more; the rest was not read"
            self.mistakes.append(Mistake(mistake.file, mistake.line, reason, kind="file"))
            raise TooManyMistakes

    def warn(self, file: str, line: int, reason: str) -> None:
        """Note something odd; the same is told once."""
        warning = {"file": file, "line": line, "reason": " ".join(reason.split())}
        if warning not in self.warnings[-3:]:
            self.warnings.append(warning)
