"""From a recipe to a disk image: decide by a pure plan, then do what the cache does not have yet."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Commands
from skerry.errors import BadInput, NotFound, Unavailable
from skerry.images import mirrors as mirror
from skerry.images.cache import Cache, Workspace, full_disk_explained, key_of, remove_tree
from skerry.images.installers import deb
from skerry.images.outputs import disk
from skerry.images.outputs.disk import DiskFormat
from skerry.images.recipe import read_recipe
from skerry.images.settings import BuildSettings, settings_file
from skerry.images.tools import TOOLS_SOURCE, tools_key, tools_tree
from skerry.images.words import Meaning, understand
from skerry.progress import Progress, Quiet
from skerry.settings import load

_ARCHIVE_SHARE = 3  # the packages kept may take one third of the cache's limit


@dataclass(frozen=True)
class BuiltImage:
    """A finished image."""

    path: Path
    format: DiskFormat
    size: int  # bytes of the file
    virtual_size: int  # bytes of the disk
    sha256: str
    from_cache: bool  # nothing had to be made
    seconds: float


@dataclass(frozen=True)
class Facts:
    """What a plan is made from, beside the recipe."""

    deb_lines: tuple[str, ...]
    tools_lines: tuple[str, ...]
    mmdebstrap: str  # version
    qemu_img: str  # version


@dataclass(frozen=True)
class Step:
    """One thing to make, named by the hash of all that goes into it."""

    kind: str
    key: str
    title: str


@dataclass(frozen=True)
class Plan:
    """The steps from a recipe to an image; each needs those before it."""

    meaning: Meaning
    facts: Facts
    tools: Step
    root: Step
    image: Step
    format: DiskFormat

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return self.tools, self.root, self.image


def plan(meaning: Meaning, facts: Facts, disk_format: DiskFormat) -> Plan:
    """Decide what must be there, without looking whether it is."""
    root = deb.DebRoot(meaning, facts.deb_lines)
    tools_id = tools_key()
    root_id = key_of(root.inputs, facts.mmdebstrap)
    partition = vars(meaning.root)
    loader = (meaning.kernel_arguments, meaning.loader_timeout_s)
    image_id = key_of(disk.FORMAT, root_id, tools_id, partition, loader, disk_format, facts.qemu_img)
    return Plan(
        meaning=meaning,
        facts=facts,
        tools=Step("tools", tools_id, "Fetching the tools that write disks"),
        root=Step("root", root_id, f"Installing {meaning.source}"),
        image=Step("image", image_id, f"Writing the {disk_format} disk"),
        format=disk_format,
    )


async def build_image(
    recipe: Path,
    output: Path,
    *,
    format: DiskFormat = "qcow2",  # noqa: A002 - what it is called everywhere
    settings: BuildSettings | None = None,
    progress: Progress | None = None,
    commands: Commands,
) -> BuiltImage:
    """Build a recipe's disk at `output`, with its checksum in `output`.sha256 beside it.

    Whatever the cache has is not made again. `output` appears whole, or stays as it was. Without `settings`, they
    are read from the file and the environment.

    Raises:
        BadRecipe, ScriptFailed: the recipe is wrong; the message has file and line.
        NotFound: there is no recipe, or no folder for the output.
        NoSpace, Unavailable, CommandFailed, TimedOut: as they say.
    """
    began = time.monotonic()
    settings = settings or load(BuildSettings, file=settings_file())
    progress = progress or Quiet()
    if format not in disk.FORMATS:
        raise BadInput(f"{format!r} is not a format of disk images", hint=f"choose {' or '.join(disk.FORMATS)}")
    if not output.absolute().parent.is_dir():
        raise NotFound(f"there is no folder {output.absolute().parent} for the image")
    planned = await make_plan(recipe, format, settings, commands, progress)
    cache = Cache(settings.cache, settings.image_cache_size, commands)
    await cache.prepare()
    builder = _Builder(planned, cache, commands, progress)
    known = cache.has(planned.image.kind, planned.image.key)
    async with cache.use(planned.image.kind, planned.image.key, builder.make_image) as entry:
        facts = json.loads((entry / "facts.json").read_text())
        with full_disk_explained(output.absolute().parent):
            await asyncio.to_thread(_place, entry / "disk", output, facts["sha256"])
    if not known:
        await builder.trim()
    return BuiltImage(
        path=output,
        format=format,
        size=facts["size"],
        virtual_size=facts["virtual_size"],
        sha256=facts["sha256"],
        from_cache=known,
        seconds=time.monotonic() - began,
    )


async def make_plan(
    recipe: Path, disk_format: DiskFormat, settings: BuildSettings, commands: Commands, progress: Progress
) -> Plan:
    """Read the recipe, look at the machine, and decide.

    Raises:
        BadRecipe, NotFound, Unavailable: as `build_image`.
    """
    understood = understand(await read_recipe(recipe, commands))
    for remark in understood.remarks:
        progress.log(f"note: {remark}")
    meaning = understood.meaning
    release, sources = mirror.machine_release(), mirror.machine_sources()

    def find(distribution: str) -> mirror.Mirrors:
        chosen = settings.mirrors(distribution)
        return mirror.find_mirrors(distribution, release=release, sources=sources, chosen=chosen)

    own = find(meaning.source.distribution)
    if meaning.more_sources and own.main is None:
        name = meaning.source.distribution
        raise Unavailable(
            f"{recipe} adds suites with `repo`, and the mirror of {name} is not known",
            hint=f"set SKERRY_{name.upper()}_MIRROR to its address",
        )
    versions = await asyncio.gather(
        commands.run(["mmdebstrap", "--version"]), commands.run(["qemu-img", "--version"])
    )
    facts = Facts(
        deb_lines=tuple(mirror.deb_lines(meaning.source, own, meaning.more_sources)),
        tools_lines=tuple(mirror.deb_lines(TOOLS_SOURCE, find(TOOLS_SOURCE.distribution))),
        mmdebstrap=_first_line(versions[0].stdout),
        qemu_img=_first_line(versions[1].stdout),
    )
    return plan(meaning, facts, disk_format)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


class _Builder:
    """Does what the plan says; one method a step."""

    def __init__(self, planned: Plan, cache: Cache, commands: Commands, progress: Progress) -> None:
        self._plan = planned
        self._cache = cache
        self._commands = commands
        self._progress = progress
        self._archive = cache.root / "packages"

    async def trim(self) -> None:
        deb.trim_packages(self._archive, self._cache.limit // _ARCHIVE_SHARE)
        await self._cache.trim()

    async def make_root(self, workspace: Workspace, folder: Path) -> None:
        self._progress.step(self._plan.root.title)
        await deb.install(
            deb.DebRoot(self._plan.meaning, self._plan.facts.deb_lines),
            workspace.path / "root.tar",
            workspace=workspace,
            archive=self._archive,
            commands=self._commands,
            progress=self._progress,
        )
        (workspace.path / "root.tar").rename(folder / "root.tar")

    async def make_image(self, workspace: Workspace, folder: Path) -> None:
        planned = self._plan
        if not self._cache.has(planned.tools.kind, planned.tools.key):
            self._progress.step(planned.tools.title)
        async with (
            tools_tree(self._cache, self._commands, planned.facts.tools_lines) as tools,
            self._cache.use(planned.root.kind, planned.root.key, self.make_root) as root,
        ):
            self._progress.step(planned.image.title)
            layout = disk.layout_for(planned.meaning.root)
            build = disk.DiskBuild(planned.meaning, planned.image.key, layout, tools, workspace)
            raw = workspace.path / "disk.raw"
            await disk.write_raw(build, root / "root.tar", raw, self._progress)
        await disk.convert(raw, folder / "disk", planned.format, self._commands, self._progress)
        size = (folder / "disk").stat().st_size
        facts = {
            "sha256": await asyncio.to_thread(_sha256, folder / "disk"),
            "size": size,
            "virtual_size": layout.size,
        }
        (folder / "facts.json").write_text(json.dumps(facts))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(source: Path, output: Path, sha256: str) -> None:
    """Copy the finished disk to its place; the name appears when all of it is there."""
    output = output.absolute()
    for left in output.parent.glob(f".{glob.escape(output.name)}.*.part"):
        _remove_if_abandoned(left)
    part = output.parent / f".{output.name}.{secrets.token_hex(4)}.part"
    part.mkdir()
    lock = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with (part / "disk").open("wb") as file:
            file.truncate(source.stat().st_size)
            disk.copy_sparse(source, file.fileno(), 0)
            os.fsync(file.fileno())
        (part / "sums").write_text(f"{sha256}  {output.name}\n")
        (part / "disk").rename(output)
        (part / "sums").rename(output.with_name(output.name + ".sha256"))
    finally:
        remove_tree(part)
        os.close(lock)


def _remove_if_abandoned(part: Path) -> None:
    """Remove what a killed build left; one that is at work holds a lock."""
    with contextlib.suppress(FileNotFoundError):
        lock = os.open(part, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(part)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
