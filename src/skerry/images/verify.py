"""Builds a recipe a second time, without what the cache has of it, and says what came out different."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Commands
from skerry.errors import SkerryError
from skerry.images.build import Order, begin
from skerry.images.builder import ROOT_TAR, Builder, read_facts
from skerry.images.differences import differing_files, first_lines
from skerry.images.plan import Plan
from skerry.images.settings import BuildSettings
from skerry.images.verify_outputs import Comparison, drawn
from skerry.progress import Progress


class NotReproducible(SkerryError):
    """Two builds of one recipe gave different bytes."""

    code, http_status = "not-reproducible", 409


async def verify(
    order: Order, *, settings: BuildSettings, progress: Progress, commands: Commands
) -> tuple[str, ...]:
    """Build all outputs of an order again, and compare them with the first ones, which are made if need be.

    Returns the file systems that are the same by their files: their bytes are others every time.

    Raises:
        NotReproducible: they differ; the message says in what, by output and by file of the root.
        As `build`.
    """
    planned, builder = await begin(order, settings, commands, progress)
    again, second = await begin(order, settings, commands, progress, salt=secrets.token_hex(8))
    try:
        async with AsyncExitStack() as stack:
            one = await _made(stack, planned, builder)
            progress.step("Building a second time")
            other = await _made(stack, again, second)
            lines = await _compare(one, other, progress)
    finally:
        for step in (again.base, again.root, again.about, *(each.step for each in again.outputs)):
            await second.cache.forget(step.kind, step.key)
    if lines:
        raise NotReproducible(
            f"two builds of {order.recipe} differ:\n" + "\n".join(lines),
            hint="a %post that writes the time, random numbers or the machine's name is the usual reason; "
            "$SOURCE_DATE_EPOCH has the time that the image claims",
        )
    return tuple(dict.fromkeys(name for each in planned.outputs for name in drawn(each.output, planned.meaning)))


@dataclass(frozen=True)
class _Made:
    """A build's entries of the cache, by output; `root` and `manifests` are among them."""

    planned: Plan
    builder: Builder
    entries: dict[str, Path]


async def _made(stack: AsyncExitStack, planned: Plan, builder: Builder) -> _Made:
    found = {"root": await stack.enter_async_context(builder.root())}
    for each in planned.outputs:
        found[each.output.name] = await stack.enter_async_context(builder.output(each))
    found["manifests"] = await stack.enter_async_context(builder.about())
    return _Made(planned, builder, found)


async def _compare(made: _Made, again: _Made, progress: Progress) -> list[str]:
    one, other = made.entries, again.entries
    lines = []
    facts = read_facts(one["root"])
    if facts["sha256"] != read_facts(other["root"])["sha256"]:
        unlike = await asyncio.to_thread(_unlike_roots, one["root"] / ROOT_TAR, other["root"] / ROOT_TAR)
        lines += ["root:", *unlike]
    for wanted in made.planned.outputs:
        progress.update(0.0, f"comparing {wanted.output.name}")
        async with made.builder.tools(wanted) as tools, made.builder.cache.workspace() as workspace:
            comparison = Comparison(
                output=wanted.output,
                meaning=made.planned.meaning,
                name=made.planned.name,
                epoch=facts["epoch"],
                tools=tools,
                workspace=workspace,
                commands=tools.commands,
            )
            name = wanted.output.name
            lines += await comparison.differences(one[name], other[name])
    for path in sorted(one["manifests"].iterdir()):
        if path.read_bytes() != (other["manifests"] / path.name).read_bytes():
            lines.append(f"manifests: {path.name}")
    return lines


def _unlike_roots(one: Path, other: Path) -> list[str]:
    return first_lines(differing_files(one, other))
