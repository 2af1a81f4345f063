"""What several verbs of `skerry image` take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from skerry.cli.program import typer

RECIPES = frozenset({".ks", ".cfg", ".kickstart"})  # endings of recipes, where images may be named, too

Recipe = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe: a kickstart file.")]
Syntax = Annotated[
    str,
    typer.Option(
        metavar="VERSION",
        help="Version of kickstart's syntax, such as F40; otherwise as the recipe says, or newest.",
    ),
]
Lenient = Annotated[bool, typer.Option("--lenient", help="Pass over lines that are wrong, and tell them.")]
