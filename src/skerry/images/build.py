"""Builds images: what a plan says and the cache does not have yet, then every file in its place."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Commands
from skerry.errors import BadInput
from skerry.images.builder import FILES, Builder, read_facts
from skerry.images.cache import Cache
from skerry.images.history import remember
from skerry.images.lock_file import read_lock
from skerry.images.minimize.run import RuleWon
from skerry.images.outputs.describe import Medium, describe
from skerry.images.outputs.disk import FORMATS, DiskFormat
from skerry.images.placing import Placed, Source, alone_in, check_folder, check_replaced, place
from skerry.images.plan import Plan, make_plan
from skerry.images.results import Built, BuiltFile, BuiltFolder, BuiltOutput
from skerry.images.settings import BuildSettings, load_settings
from skerry.images.sizes import check_size
from skerry.images.sums import sums_text
from skerry.progress import Progress, Quiet

SUMS = "SHA256SUMS"
_BLOCK = 512  # bytes, of stat; holes of a disk take none
_HEAVIEST = 10  # packages that a report names
_SIZES = "sizes.json"  # of the manifests
_NAME = re.compile(r"[\w][\w.+ -]{0,99}")  # no folders, and no hidden files


@dataclass(frozen=True)
class BuiltImage:
    """A finished disk."""

    path: Path
    format: DiskFormat
    size: int  # bytes of the file
    virtual_size: int  # bytes of the disk
    sha256: str
    from_cache: bool  # nothing had to be made
    seconds: float


@dataclass(frozen=True)
class Order:
    """What is wanted of a recipe."""

    recipe: Path
    outputs: tuple[str, ...] = ("qcow2",)
    name: str = ""  # of the files; otherwise as the recipe
    max_size: int | None = None  # bytes that the files of each output may have
    lock: Path | None = None  # the lock file whose packages, and no others, are installed
    pool: Path | None = None  # a folder of packages of the lock
    syntax: str = ""  # version of kickstart's; otherwise as the recipe says, or the newest
    lenient: bool = False  # pass over lines that are wrong, and tell them
    fresh: bool = False  # install the packages anew, whatever the cache has


async def build(
    order: Order,
    folder: Path,
    *,
    settings: BuildSettings | None = None,
    progress: Progress | None = None,
    commands: Commands,
) -> Built:
    """Build the outputs of a recipe in `folder`, with their manifests and checksums.

    Whatever the cache has is not made again. Every file appears whole, or stays as it was.

    Raises:
        BadRecipe, ScriptFailed: the recipe is wrong; the message has file and line.
        BadInput: there is no such output, or it is asked for twice.
        BadLock, LockBroken: the lock is of another recipe; its packages can no longer be had.
        NotFound: there is no recipe, lock or pool, or no folder for the output.
        Denied: the folder cannot be written.
        Conflict: a folder that no build made has the name of an output.
        TooLarge: an output is larger than `max_size`; nothing is placed.
        NoSpace, Unavailable, CommandFailed, TimedOut: as they say.
    """
    began = time.monotonic()
    settings, progress = settings or load_settings(), progress or Quiet()
    check_folder(folder)
    placed = Placed(settings.cache / "placed")
    planned, builder = await begin(order, settings, commands, progress)
    check_replaced(folder, _folders_of(planned), placed)
    if order.fresh:
        await builder.renew()
    known = {each.step.name for each in planned.outputs if builder.has(each.step)}
    async with builder.cache.removing_beside(), AsyncExitStack() as stack:
        entries = {
            each.output.name: await stack.enter_async_context(builder.output(each)) for each in planned.outputs
        }
        about = await stack.enter_async_context(builder.about())
        heaviest = _heaviest(about)
        for name, entry in entries.items():
            await _check_size(order, name, entry, builder)
        made = tuple(
            _built(name, entry, folder, from_cache=f"output {name}" in known) for name, entry in entries.items()
        )
        manifests = f"{planned.name}.manifests"
        machines = describe(planned.name, planned.meaning, _media(entries), folder)
        await asyncio.to_thread(_place, entries, about, folder / manifests, placed, machines)
    remember(builder.cache.root, order.recipe, planned)
    if builder.seconds:
        await builder.trim()
    return Built(
        name=planned.name,
        outputs=made,
        steps=builder.times(),
        manifests=folder / manifests,
        heaviest=heaviest,
        minimized=await _minimized(planned, builder),
        seconds=time.monotonic() - began,
    )


async def build_image(
    recipe: Path,
    output: Path,
    *,
    format: DiskFormat = "qcow2",  # noqa: A002 - what it is called everywhere
    settings: BuildSettings | None = None,
    progress: Progress | None = None,
    commands: Commands,
    max_size: int | None = None,
    lock: Path | None = None,
    pool: Path | None = None,
    syntax: str = "",
    lenient: bool = False,
    fresh: bool = False,
) -> BuiltImage:
    """Build a recipe's disk, and nothing else, at `output`, with its checksum in `output`.sha256 beside it.

    Raises:
        As `build`.
    """
    began = time.monotonic()
    settings, progress = settings or load_settings(), progress or Quiet()
    if format not in FORMATS:
        raise BadInput(f"{format!r} is not a format of disk images", hint=f"choose {' or '.join(FORMATS)}")
    check_folder(output.absolute().parent)
    kind = "disk" if format == "raw" else format
    order = Order(recipe, (kind,), max_size=max_size, lock=lock, pool=pool, syntax=syntax, lenient=lenient)
    planned, builder = await begin(order, settings, commands, progress)
    wanted = planned.outputs[0]
    if fresh:
        await builder.renew()
    async with builder.cache.removing_beside(), builder.output(wanted) as entry:
        await _check_size(order, format, entry, builder)
        facts = _only_file(entry, recipe)
        virtual_size = _virtual_size(facts.path)
        sums = {f"{output.name}.sha256": f"{facts.sha256}  {output.name}\n"}
        sources = {output.name: Source(facts.path, facts.sha256)}
        placed = Placed(settings.cache / "placed")
        await asyncio.to_thread(place, sources, output.absolute().parent, placed, sums)
    remember(builder.cache.root, recipe, planned)
    if builder.seconds:
        await builder.trim()
    return BuiltImage(
        path=output,
        format=format,
        size=facts.size,
        virtual_size=virtual_size,
        sha256=facts.sha256,
        from_cache=wanted.step.name not in builder.seconds,
        seconds=time.monotonic() - began,
    )


def _only_file(entry: Path, recipe: Path) -> BuiltFile:
    """The one file of an output, where it is in the cache.

    Raises:
        BadInput: the recipe has several disks.
    """
    files = read_facts(entry)["files"]
    if len(files) > 1:
        raise BadInput(
            f"{recipe} has several disks: {', '.join(sorted(files))}", hint="give a folder instead of a file"
        )
    ((name, facts),) = files.items()
    return BuiltFile(entry / FILES / name, facts["size"], facts["sha256"])


async def begin(
    order: Order, settings: BuildSettings, commands: Commands, progress: Progress, *, salt: str = ""
) -> tuple[Plan, Builder]:
    """What would be built, and what builds it; leftovers of killed builds are gone.

    With a salt, everything but the tools is made anew, under names of its own in the cache.

    Raises:
        As `build`.
    """
    if order.name and not _NAME.fullmatch(order.name):
        raise BadInput(
            f"{order.name!r} cannot be the name of files",
            hint="a letter, digit or _ first, then also . + - and blanks; folders are chosen with -o",
        )
    planned = await make_plan(
        order.recipe,
        order.outputs,
        settings,
        commands,
        order.name,
        lock=read_lock(order.lock) if order.lock else None,
        pool=order.pool,
        salt=salt,
        syntax=order.syntax,
        lenient=order.lenient,
    )
    for remark in planned.remarks:
        progress.log(f"note: {remark}")
    cache = Cache(settings.cache, settings.image_cache_size, commands)
    builder = Builder(planned, cache, commands, progress, script_timeout_s=settings.image_script_timeout)
    await builder.cache.prepare()
    return planned, builder


def _folders_of(planned: Plan) -> list[str]:
    """The folders that a build may place: those that outputs are, and the manifests."""
    return [
        f"{planned.name}.{ending}" for ending in (*(each.output.name for each in planned.outputs), "manifests")
    ]


def _built(name: str, entry: Path, folder: Path, *, from_cache: bool) -> BuiltOutput:
    facts = read_facts(entry)
    files = tuple(BuiltFile(folder / file, each["size"], each["sha256"]) for file, each in facts["files"].items())
    folders = tuple(BuiltFolder(folder / each, size) for each, size in facts["folders"].items())
    return BuiltOutput(name, files, folders, from_cache)


async def _check_size(order: Order, name: str, entry: Path, builder: Builder) -> None:
    facts = read_facts(entry)
    files = [(entry / FILES / name).stat() for name in facts["files"]]
    size = sum(min(file.st_size, file.st_blocks * _BLOCK) for file in files) + sum(facts["folders"].values())
    if order.max_size is not None and size > order.max_size:
        async with builder.about() as about:
            check_size(about, size, order.max_size, what=f"{name} of {order.recipe}")


def _heaviest(about: Path) -> tuple[tuple[str, int], ...]:
    """Packages by the bytes that they have in the root, as the manifests say."""
    sizes = about / _SIZES
    if not sizes.exists():
        return ()
    packages: dict[str, int] = json.loads(sizes.read_text())["packages"]
    return tuple(sorted(packages.items(), key=lambda each: -each[1])[:_HEAVIEST])


async def _minimized(planned: Plan, builder: Builder) -> tuple[RuleWon, ...]:
    """What minimizers won in the root; nothing when the cache has given it up."""
    if not builder.has(planned.root):
        return ()
    async with builder.root() as root:
        reports = read_facts(root)["minimized"]
    return tuple(RuleWon(**rule) for report in reports for rule in report["rules"])


def _media(entries: dict[str, Path]) -> dict[str, list[Medium]]:
    """What machines could start from, by output."""
    return {
        output: [
            Medium(name, _virtual_size(entry / FILES / name), each["sha256"])
            for name, each in read_facts(entry)["files"].items()
        ]
        for output, entry in entries.items()
    }


def _place(
    entries: dict[str, Path], about: Path, manifests: Path, placed: Placed, machines: dict[str, str]
) -> None:
    sums = {
        name: each["sha256"] for entry in entries.values() for name, each in read_facts(entry)["files"].items()
    }
    sources = {
        path.name: Source(path, sums.get(path.name, ""))
        for entry in entries.values()
        for path in sorted((entry / FILES).iterdir())
    } | {manifests.name: Source(about)}
    folder = manifests.parent
    with alone_in(folder):  # nobody else's sums come between reading and writing
        before = (folder / SUMS).read_text(errors="replace") if (folder / SUMS).is_file() else ""
        text = sums_text(before, sums, {path.name for path in folder.iterdir()})
        place(sources, folder, placed, {SUMS: text} | machines)


def _virtual_size(disk: Path) -> int:
    """How large a disk is for its machine; a qcow2 file says it in bytes 24 to 31 of its header."""
    with disk.open("rb") as file:
        header = file.read(32)
    return int.from_bytes(header[24:32], "big") if header.startswith(b"QFI\xfb") else disk.stat().st_size
