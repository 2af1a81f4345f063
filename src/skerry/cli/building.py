"""Runs the image builder on this machine, with a bar on a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from skerry.cli import output
from skerry.cli.client import Json
from skerry.cli.program import is_terminal
from skerry.commands import CommandRunner, run_on_terminal
from skerry.images.answers import ANSWERS, Answers
from skerry.images.build import Order, begin, build, build_image
from skerry.images.locking import lock_recipe
from skerry.images.looking import clean, look_ahead, open_shell
from skerry.images.manifest.reading import About, read_about
from skerry.images.recipe import read_recipe
from skerry.images.results import Built
from skerry.images.sandbox import whole_end
from skerry.images.settings import load_settings
from skerry.images.verify import verify
from skerry.images.words import check as understand_all
from skerry.progress import Progress

T = TypeVar("T")


class _Lines:
    """Progress for a log: one line a step."""

    def step(self, name: str) -> None:
        """Say the step."""
        output.say(name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """A log has no bar."""

    def log(self, line: str) -> None:
        """Only notes are said; the output of programs stays out, as an error repeats its last lines."""
        if line.startswith("note: "):
            output.say(line)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run the builder. A person's umask would get into images, and keep users of a namespace out of folders."""
    os.umask(0o022)
    return asyncio.run(work)


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Progress]:
    if not is_terminal(2):
        yield _Lines()
        return
    from skerry.cli.bars import build_bar  # noqa: PLC0415 - Rich, for terminals only

    with build_bar(title) as bar:
        yield bar


def build_file(order: Order, out: Path) -> Json:
    """Build the one disk of an order into a file; returns what was made."""
    disk_format: Literal["raw", "qcow2"] = "raw" if order.outputs == ("disk",) else "qcow2"
    with _progress(f"Build {order.recipe.name}") as progress:
        made = _run(
            build_image(
                order.recipe,
                out,
                format=disk_format,
                progress=progress,
                commands=CommandRunner(),
                settings=load_settings(),
                max_size=order.max_size,
                lock=order.lock,
                pool=order.pool,
                syntax=order.syntax,
                lenient=order.lenient,
                fresh=order.fresh,
            )
        )
    return {**asdict(made), "path": str(made.path), "seconds": round(made.seconds, 3)}


def build_folder(order: Order, out: Path) -> Json:
    """Build outputs of the recipe into a folder; returns what was made."""
    with _progress(f"Build {order.recipe.name}") as progress:
        made = _run(build(order, out, progress=progress, commands=CommandRunner(), settings=load_settings()))
    return built_json(made)


def verify_here(order: Order) -> str:
    """Build a second time, and compare; what was compared by its files and not by its bytes.

    Raises:
        NotReproducible: with what differs.
    """
    with _progress(f"Verify {order.recipe.name}") as progress:
        return ", ".join(
            _run(verify(order, settings=load_settings(), progress=progress, commands=CommandRunner()))
        )


def built_json(built: Built) -> Json:
    """What was made, for programs."""
    return {
        "name": built.name,
        "outputs": [
            {
                "name": each.name,
                "files": [asdict(file) | {"path": str(file.path)} for file in each.files],
                "folders": [asdict(made) | {"path": str(made.path)} for made in each.folders],
                "from_cache": each.from_cache,
            }
            for each in built.outputs
        ],
        "steps": [asdict(step) | {"seconds": round(step.seconds, 3)} for step in built.steps],
        "manifests": str(built.manifests) if built.manifests else None,
        "minimized": [asdict(rule) for rule in built.minimized],
        "heaviest": [{"package": package, "size": size} for package, size in built.heaviest],
        "seconds": round(built.seconds, 3),
    }


def plan_here(order: Order) -> list[dict[str, Any]]:
    """The steps of a build, which would run, and why."""
    steps = _run(look_ahead(order, load_settings(), CommandRunner()))
    return [asdict(step) for step in steps]


def check_here(recipe: Path, *, syntax: str = "", lenient: bool = False) -> list[str]:
    """Read and understand a recipe; returns what is worth telling.

    Raises:
        BadRecipe: with every mistake.
    """
    answers = Answers(load_settings().cache / ANSWERS, CommandRunner())
    read = _run(read_recipe(recipe, answers, version=syntax))
    return [str(remark) for remark in understand_all(read, lenient=lenient).remarks]


def shell_here(order: Order, command: Sequence[str]) -> int:
    """Run a shell, or a command, in a copy of the root of an order's recipe; returns its status."""

    async def run() -> int:
        async with contextlib.AsyncExitStack() as stack:
            with _progress(f"Build {order.recipe.name}") as progress:
                opening = open_shell(order, load_settings(), CommandRunner(), progress)
                session = await stack.enter_async_context(opening)
            term = {"TERM": os.environ.get("TERM", "dumb")}
            info_fd = await stack.enter_async_context(whole_end())
            argv = session.argv([*command] or ["/bin/sh"], info_fd, chroot=True, env=term, terminal=True)
            return run_on_terminal(argv, pass_fds=[info_fd])

    return _run(run())


def lock_here(order: Order, file: Path | None, pool: Path | None, *, keep: bool) -> Json:
    """Write the lock of a recipe, and fill a pool."""
    with _progress(f"Lock {order.recipe.name}") as progress:
        made = _run(
            lock_recipe(
                order,
                file,
                pool,
                keep=keep,
                settings=load_settings(),
                progress=progress,
                commands=CommandRunner(),
            )
        )
    return {
        "lock": str(made.file),
        "packages": len(made.lock.packages),
        "tools": len(made.lock.tools),
        "snapshot": datetime.fromtimestamp(made.lock.epoch, UTC).isoformat(),
        "changes": list(made.changes),
        "pool": str(made.pool) if made.pool else None,
        "fetched": made.fetched,
    }


def about_here(order: Order) -> About:
    """The manifests of the root of an order's recipe, which is built for it."""

    async def run() -> About:
        with _progress(f"Build {order.recipe.name}") as progress:
            _, builder = await begin(replace(order, outputs=()), load_settings(), CommandRunner(), progress)
            async with builder.about() as folder:
                return read_about(folder)

    return _run(run())


def clean_here(days: float | None) -> Json:
    """Bring the cache to its limit, or delete what was not used for so many days."""
    return _run(clean(load_settings(), CommandRunner(), days))
