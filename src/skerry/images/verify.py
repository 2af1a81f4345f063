"""Builds a recipe a second time, without what the cache has of it, and says what came out different."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import tarfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO

from skerry.commands import Commands
from skerry.errors import SkerryError
from skerry.images.build import Order, begin
from skerry.images.builder import FILES, ROOT_TAR, Builder, read_facts
from skerry.images.plan import Plan
from skerry.images.settings import BuildSettings
from skerry.progress import Progress

_SHOWN = 20  # files of the root, or places in an output, that are named
_PIECE = 1024 * 1024
_BLOCK = 4096  # bytes; places are told by blocks


class NotReproducible(SkerryError):
    """Two builds of one recipe gave different bytes."""

    code, http_status = "not-reproducible", 409


async def verify(order: Order, *, settings: BuildSettings, progress: Progress, commands: Commands) -> None:
    """Build all outputs of an order again, and compare them with the first ones, which are made if need be.

    Raises:
        NotReproducible: they differ; the message says in what, by output and by file of the root.
        As `build`.
    """
    planned, builder = await begin(order, settings, commands, progress)
    again, second = await begin(order, settings, commands, progress, salt=secrets.token_hex(8))
    try:
        async with AsyncExitStack() as stack:
            one = await _entries(stack, planned, builder)
            progress.step("Building a second time")
            other = await _entries(stack, again, second)
            lines = await asyncio.to_thread(_compare, one, other)
    finally:
        for step in (again.base, again.root, again.about, *(each.step for each in again.outputs)):
            await second.cache.forget(step.kind, step.key)
    if lines:
        raise NotReproducible(
            f"two builds of {order.recipe} differ:\n" + "\n".join(lines),
            hint="a %post that writes the time, random numbers or the machine's name is the usual reason; "
            "$SOURCE_DATE_EPOCH has the time that the image claims",
        )


async def _entries(stack: AsyncExitStack, planned: Plan, builder: Builder) -> dict[str, Path]:
    found = {"root": await stack.enter_async_context(builder.root())}
    for each in planned.outputs:
        found[each.output.name] = await stack.enter_async_context(builder.output(each))
    found["manifests"] = await stack.enter_async_context(builder.about())
    return found


def _compare(one: dict[str, Path], other: dict[str, Path]) -> list[str]:
    lines = []
    if read_facts(one["root"])["sha256"] != read_facts(other["root"])["sha256"]:
        lines += ["root:", *_indented(differing_files(one["root"] / ROOT_TAR, other["root"] / ROOT_TAR))]
    for name in one.keys() - {"root", "manifests"}:
        first, second = read_facts(one[name])["files"], read_facts(other[name])["files"]
        for file in sorted(first.keys() | second.keys()):
            if file not in first or file not in second:
                lines.append(f"{name}: only one build made {file}")
            elif first[file] != second[file]:
                places = differing_places(one[name] / FILES / file, other[name] / FILES / file)
                lines.append(f"{name}: {file} differs {', '.join(places)}")
    for path in sorted(one["manifests"].iterdir()):
        if path.read_bytes() != (other["manifests"] / path.name).read_bytes():
            lines.append(f"manifests: {path.name}")
    return lines


def _indented(lines: Iterator[str]) -> list[str]:
    found = list(lines)
    more = [f"… and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return [f"  {line}" for line in [*found[:_SHOWN], *more]]


def differing_files(one: Path, other: Path) -> Iterator[str]:
    """The members in which two tars differ, and how: one line each."""
    first, second = _members(one), _members(other)
    same = True
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second:
            yield f"{name}: only in the {'first' if name in first else 'second'} build"
            same = False
        elif first[name] != second[name]:
            differ = [
                what if what == "content" else f"{what} {first[name][what]} and {second[name][what]}"
                for what in first[name]
                if first[name][what] != second[name][what]
            ]
            yield f"{name}: {', '.join(differ)}"
            same = False
    if same and list(first) != list(second):
        yield "the same files in another order"


def _members(tar: Path) -> dict[str, dict[str, str]]:
    found = {}
    with tarfile.open(tar, "r|") as archive:
        for each in archive:
            content = archive.extractfile(each) if each.isreg() else None
            found[each.name] = {
                "kind": str(each.type),
                "mode": f"{each.mode:o}",
                "owner": f"{each.uid}:{each.gid}",
                "time": f"{each.mtime}",
                "target": each.linkname,
                "attributes": str(sorted(each.pax_headers.items())),
                "content": _digest(content) if content else "",
            }
    return found


def _digest(content: IO[bytes]) -> str:
    found = hashlib.sha256()
    while piece := content.read(_PIECE):
        found.update(piece)
    return found.hexdigest()


def differing_places(one: Path, other: Path) -> list[str]:
    """Where two files differ, as ranges of bytes; the first ones."""
    with one.open("rb") as first, other.open("rb") as second:
        blocks = list(_differing_blocks(first, second))
    found: list[tuple[int, int]] = []
    for block in blocks:
        if found and found[-1][1] == block:
            found[-1] = (found[-1][0], block + 1)
        else:
            found.append((block, block + 1))
    places = [f"at {begin * _BLOCK} to {end * _BLOCK}" for begin, end in found[:_SHOWN]]
    return [*places, f"and at {len(found) - _SHOWN} more places"] if len(found) > _SHOWN else places


def _differing_blocks(first: IO[bytes], second: IO[bytes]) -> Iterator[int]:
    """The numbers of blocks that differ; where one file ends, the rest of the other does."""
    begin = 0
    while True:
        left, right = first.read(_PIECE), second.read(_PIECE)
        if not left and not right:
            return
        if left != right:
            for offset in range(0, max(len(left), len(right)), _BLOCK):
                if left[offset : offset + _BLOCK] != right[offset : offset + _BLOCK]:
                    yield (begin + offset) // _BLOCK
        begin += _PIECE
