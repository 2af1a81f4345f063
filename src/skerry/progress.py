"""How long work tells how far it is, without knowing who listens.

A `Progress` is given to whatever takes longer than a blink. The command line draws it with Rich, the manager
writes it to the task's row and event stream, tests collect it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Receives what long work says of itself. Calls are cheap and may come from any thread."""

    def step(self, name: str) -> None:
        """A new step begins; the last one is done."""

    def update(self, fraction: float | None, detail: str = "") -> None:
        """How much of the current step is done, 0.0 to 1.0, or None where that cannot be known."""

    def log(self, line: str) -> None:
        """One line for the log of the work, such as the output of a program."""


class Quiet:
    """Progress that nobody looks at; lines go to the debug log."""

    def step(self, name: str) -> None:
        """Note the step in the debug log."""
        _log.debug("step: %s", name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """Drop it."""

    def log(self, line: str) -> None:
        """Note the line in the debug log."""
        _log.debug("%s", line)


@dataclass
class Collected:
    """Progress that remembers everything, for tests and for reports at the end."""

    steps: list[str] = field(default_factory=list)
    fractions: list[float | None] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        """Remember the step."""
        self.steps.append(name)

    def update(self, fraction: float | None, detail: str = "") -> None:  # noqa: ARG002 - only fractions are kept
        """Remember the fraction."""
        self.fractions.append(fraction)

    def log(self, line: str) -> None:
        """Remember the line."""
        self.lines.append(line)
