"""One measured figure beside its goal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What was measured, as words; its goal; and whether it was met."""

    what: str
    text: str
    goal: str
    holds: bool

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
