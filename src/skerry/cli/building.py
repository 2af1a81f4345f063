"""Runs the image builder on this machine, with a bar on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from skerry.cli import output
from skerry.cli.client import Json
from skerry.cli.program import is_terminal
from skerry.commands import CommandRunner
from skerry.errors import BadInput
from skerry.images.build import build_image
from skerry.images.settings import load_settings
from skerry.progress import Progress

FORMATS: Mapping[str, Literal["qcow2", "raw"]] = {"qcow2": "qcow2", "raw": "raw"}


class _Lines:
    """Progress for a log: one line a step."""

    def step(self, name: str) -> None:
        """Say the step."""
        output.say(name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """A log has no bar."""

    def log(self, line: str) -> None:
        """The output of programs stays out of the log; an error repeats its last lines."""


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Progress]:
    if not is_terminal(2):
        yield _Lines()
        return
    from skerry.cli.bars import build_bar  # noqa: PLC0415 - Rich, for terminals only

    with build_bar(title) as bar:
        yield bar


def build_here(recipe: Path, out: Path, disk_format: str) -> Json:
    """Build the recipe's disk; returns what was made.

    Raises:
        BadInput: there is no such format.
        BadSettings: a setting of the builder is wrong.
    """
    if disk_format not in FORMATS:
        raise BadInput(f"{disk_format!r} is not a format of disk images", hint=f"choose {' or '.join(FORMATS)}")
    settings = load_settings()
    with _progress(f"Build {recipe.name}") as progress:
        making = build_image(
            recipe,
            out,
            format=FORMATS[disk_format],
            progress=progress,
            commands=CommandRunner(),
            settings=settings,
        )
        built = asyncio.run(making)
    return {
        "path": str(built.path),
        "format": built.format,
        "size": built.size,
        "virtual_size": built.virtual_size,
        "sha256": built.sha256,
        "from_cache": built.from_cache,
        "seconds": round(built.seconds, 3),
    }
