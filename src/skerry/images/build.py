"""Builds what a plan says and the cache does not have yet."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skerry.commands import Commands
from skerry.errors import BadInput, NotFound
from skerry.images import about as manifests
from skerry.images.cache import Cache, Workspace, full_disk_explained
from skerry.images.configure import configure
from skerry.images.installers import deb
from skerry.images.outputs.disk import FORMATS, DiskFormat
from skerry.images.outputs.output import OutputBuild
from skerry.images.placing import place_file
from skerry.images.plan import OutputPlan, Plan, make_plan
from skerry.images.session import open_session
from skerry.images.settings import BuildSettings, settings_file
from skerry.images.steps import Step
from skerry.images.tools import tools_tree
from skerry.progress import Progress, Quiet
from skerry.settings import load

_ARCHIVE_SHARE = 3  # the packages kept may take one third of the cache's limit
_FACTS = "facts.json"
_FILES = "files"  # of an output's entry


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
    if format not in FORMATS:
        raise BadInput(f"{format!r} is not a format of disk images", hint=f"choose {' or '.join(FORMATS)}")
    if not output.absolute().parent.is_dir():
        raise NotFound(f"there is no folder {output.absolute().parent} for the image")
    planned = await make_plan(recipe, ["disk" if format == "raw" else format], settings, commands)
    for remark in planned.remarks:
        progress.log(f"note: {remark}")
    builder = Builder(planned, Cache(settings.cache, settings.image_cache_size, commands), commands, progress)
    await builder.cache.prepare()
    wanted = planned.outputs[0]
    known = builder.has(wanted.step)
    async with builder.output(wanted) as entry:
        facts = read_facts(entry)
        (name,) = facts["files"]
        with full_disk_explained(output.absolute().parent):
            virtual_size = _virtual_size(entry / _FILES / name)
            await asyncio.to_thread(place_file, entry / _FILES / name, output, facts["files"][name]["sha256"])
    if not known:
        await builder.trim()
    return BuiltImage(
        path=output,
        format=format,
        size=facts["files"][name]["size"],
        virtual_size=virtual_size,
        sha256=facts["files"][name]["sha256"],
        from_cache=known,
        seconds=time.monotonic() - began,
    )


def read_facts(entry: Path) -> dict[str, Any]:
    """What a step wrote down about what it made."""
    facts: dict[str, Any] = json.loads((entry / _FACTS).read_text())
    return facts


def _write_facts(entry: Path, facts: Mapping[str, object]) -> None:
    (entry / _FACTS).write_text(json.dumps(facts))


class Builder:
    """Does what a plan says; each method gives a step's entry, which is made when it is not there."""

    def __init__(self, planned: Plan, cache: Cache, commands: Commands, progress: Progress) -> None:
        self.cache = cache
        self._plan = planned
        self._commands = commands
        self._progress = progress
        self._archive = cache.root / "packages"

    def has(self, step: Step) -> bool:
        """Whether a step need not run."""
        return self.cache.has(step.kind, step.key)

    async def trim(self) -> None:
        """Bring the cache back to its limit."""
        deb.trim_packages(self._archive, self.cache.limit // _ARCHIVE_SHARE)
        await self.cache.trim()

    @asynccontextmanager
    async def base(self) -> AsyncIterator[Path]:
        """base.tar, packages.json and facts.json with the epoch."""

        async def make(workspace: Workspace, folder: Path) -> None:
            self._progress.step(self._plan.base.title)
            epoch = 1767225600
            await deb.install(
                deb.DebBase(self._plan.meaning, self._plan.facts.deb_lines),
                workspace.path / "base.tar",
                workspace=workspace,
                archive=self._archive,
                commands=self._commands,
                progress=self._progress,
                epoch=epoch,
            )
            (workspace.path / "base.tar").rename(folder / "base.tar")
            (folder / "packages.json").write_text("[]\n")
            _write_facts(folder, {"epoch": epoch})

        async with self.cache.use("base", self._plan.base.key, make) as entry:
            yield entry

    @asynccontextmanager
    async def root(self) -> AsyncIterator[Path]:
        """root.tar and facts.json."""

        async def make(workspace: Workspace, folder: Path) -> None:
            async with self.base() as base:
                self._progress.step(self._plan.root.title)
                scripts = workspace.path / "scripts"
                scripts.mkdir()
                epoch = read_facts(base)["epoch"]
                async with open_session(
                    workspace,
                    self._commands,
                    base / "base.tar",
                    environment={"SOURCE_DATE_EPOCH": str(epoch), "DEBIAN_FRONTEND": "noninteractive"},
                ) as session:
                    await configure(session, self._plan.meaning, scripts, self._progress)
                    await session.pack(folder / "root.tar", epoch)
                _write_facts(folder, {"epoch": epoch})

        async with self.cache.use("root", self._plan.root.key, make) as entry:
            yield entry

    @asynccontextmanager
    async def about(self) -> AsyncIterator[Path]:
        """The manifests of the root."""

        async def make(workspace: Workspace, folder: Path) -> None:
            async with self.root() as root, self.base() as base:
                self._progress.step(self._plan.about.title)
                build = manifests.AboutBuild(
                    self._plan.meaning,
                    root / "root.tar",
                    base / "packages.json",
                    workspace,
                    self._commands,
                    read_facts(root)["epoch"],
                    self._progress,
                    self._plan.name,
                )
                await manifests.write_about(build, folder)

        async with self.cache.use("about", self._plan.about.key, make) as entry:
            yield entry

    @asynccontextmanager
    async def output(self, wanted: OutputPlan) -> AsyncIterator[Path]:
        """The folder `files` with what a person gets, and facts.json about them."""

        async def make(workspace: Workspace, folder: Path) -> None:
            if not self.has(wanted.tools):
                self._progress.step(wanted.tools.title)
            lines = self._plan.facts.tools_lines
            async with (
                tools_tree(self.cache, self._commands, lines, wanted.output.tools) as tools,
                self.root() as root,
                self.about() as about,
            ):
                self._progress.step(wanted.step.title)
                files = folder / _FILES
                files.mkdir()
                build = OutputBuild(
                    meaning=self._plan.meaning,
                    key=wanted.step.key,
                    root_tar=root / "root.tar",
                    about=about,
                    tools=tools,
                    workspace=workspace,
                    commands=self._commands,
                    epoch=read_facts(root)["epoch"],
                    progress=self._progress,
                    name=self._plan.name,
                )
                await wanted.output.make(build, files)
            _write_facts(folder, await asyncio.to_thread(_measure, files))

        async with self.cache.use(wanted.step.kind, wanted.step.key, make) as entry:
            yield entry


def _measure(folder: Path) -> dict[str, object]:
    files = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            files[path.name] = {"sha256": digest, "size": path.stat().st_size}
    return {"files": files}


def _virtual_size(disk: Path) -> int:
    """How large a disk is for its machine; a qcow2 file says it in bytes 24 to 31 of its header."""
    with disk.open("rb") as file:
        header = file.read(32)
    return int.from_bytes(header[24:32], "big") if header.startswith(b"QFI\xfb") else disk.stat().st_size
