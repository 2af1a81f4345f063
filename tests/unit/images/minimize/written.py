"""Rules of a minimizer, written down."""

from __future__ import annotations

from pathlib import Path

from skerry.images.minimize.rules import Rule, understand_minimizer
from skerry.images.recipe import Place, Script


def parse_rules(text: str, file: str) -> tuple[Rule, ...]:
    """The rules of a section whose first line is the first of a file."""
    script = Script("%post", text.encode(), "image-minimizer", False, False, None, Place(Path(file), 0))
    return understand_minimizer(script).rules
