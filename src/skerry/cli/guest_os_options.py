"""Arguments and options that the verbs of `skerry guest-os` share, and the names that a shell completes there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from skerry.cli.program import typer

SearchPath = Annotated[
    list[Path] | None,
    typer.Option(
        "--path", metavar="DIR", help="Look here instead of where Ganeti looks; may be given more than once."
    ),
]
# Plain texts: to make paths of them, Typer loads pydantic, a tenth of a second of every call by Ganeti.
Sysconfdir = Annotated[str, typer.Option(metavar="DIR", help="Where the settings are; as told to install.")]
Localstatedir = Annotated[
    str, typer.Option(metavar="DIR", help="Where the cache of prepared tars is; as told to install.")
]


def search_folders(path: Sequence[Path] | None) -> tuple[Path, ...]:
    """Where to look for definitions: as told, or where Ganeti looks."""
    from skerry.guestos.search import search_path  # noqa: PLC0415 - nothing that other nouns need

    return tuple(path) if path else search_path()


def definitions(incomplete: str) -> list[str]:
    """Definitions of this machine."""
    from skerry.guestos.search import every  # noqa: PLC0415

    return [each.name for each, wins in every(search_folders(None)) if wins and each.name.startswith(incomplete)]


def definitions_with_variants(incomplete: str) -> list[str]:
    """Definitions of this machine, each with its variants."""
    from skerry.guestos.search import every  # noqa: PLC0415

    found: list[str] = []
    for each, wins in every(search_folders(None)):
        if wins and each.definition:
            found += [f"{each.name}+{variant}" for variant in each.definition.variants] or [each.name]
    return [name for name in found if name.startswith(incomplete)]
