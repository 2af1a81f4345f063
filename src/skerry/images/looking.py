"""What is done with a recipe or the cache without building an image: look ahead, look inside, clean up."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from skerry.commands import Commands
from skerry.images.answers import NOTES
from skerry.images.build import Order, begin
from skerry.images.builder import ROOT_TAR, read_facts
from skerry.images.cache import Cache
from skerry.images.configure import open_root
from skerry.images.folders import tree_size
from skerry.images.history import PlannedStep, explain
from skerry.images.session import Session, open_session
from skerry.images.settings import BuildSettings
from skerry.progress import Progress, Quiet

_DAY_S = 86400.0


async def look_ahead(order: Order, settings: BuildSettings, commands: Commands) -> list[PlannedStep]:
    """The steps of a build, which would run, and which input changed since the last one.

    Raises:
        As `build`.
    """
    planned, builder = await begin(order, settings, commands, Quiet())
    there = {each.name: builder.has(each) for each in planned.steps}
    return explain(settings.cache, order.recipe, planned, there)


@asynccontextmanager
async def open_shell(
    order: Order, settings: BuildSettings, commands: Commands, progress: Progress
) -> AsyncIterator[Session]:
    """A session in a copy of the recipe's finished root; the copy goes with the context.

    Raises:
        As `build`.
    """
    _, builder = await begin(order, settings, commands, progress)
    async with builder.root() as root, builder.cache.workspace() as workspace:
        progress.step("Unpacking the root")
        environment = {"SOURCE_DATE_EPOCH": str(read_facts(root)["epoch"])}
        async with open_session(workspace, commands, root / ROOT_TAR, environment=environment) as session:
            await open_root(session)
            yield session


async def clean(settings: BuildSettings, commands: Commands, days: float | None) -> dict[str, Any]:
    """Delete what was not used for so many days, or with None what is beyond the limit; what is in use stays.

    Raises:
        Unavailable: the cache cannot be written.
    """
    cache = Cache(settings.cache, settings.image_cache_size, commands)
    await cache.prepare()
    before = tree_size(cache.root)
    if days is None:
        await cache.trim()
    else:
        await cache.trim(limit=0, unused_since=time.time() - days * _DAY_S)
        _old_packages(cache, time.time() - days * _DAY_S)
    if days == 0:
        for name in ("packages", *NOTES):
            shutil.rmtree(cache.root / name, ignore_errors=True)
    left = tree_size(cache.root)
    return {"cache": str(cache.root), "won": max(before - left, 0), "left": left}


def _old_packages(cache: Cache, before: float) -> None:
    for package in (cache.root / "packages").rglob("*.*"):
        with suppress(FileNotFoundError):
            if package.is_file() and package.stat().st_mtime < before:
                package.unlink()
