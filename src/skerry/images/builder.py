"""Makes the steps of a plan that the cache does not have yet."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from skerry.commands import Commands
from skerry.images.about import AboutBuild, write_about
from skerry.images.answers import NOTES, trim_notes
from skerry.images.cache import Cache, Workspace, key_of
from skerry.images.configure import Scripts, before_packages, configure
from skerry.images.folders import tree_size
from skerry.images.installers.deb import deb_archive, trim_packages
from skerry.images.installers.installer import BASE_TAR, PACKAGES_JSON, BaseBuild
from skerry.images.outputs.output import OutputBuild, Shared, tools_of
from skerry.images.package_files import Stock
from skerry.images.plan import OutputPlan, Plan
from skerry.images.results import StepTime
from skerry.images.session import open_session, tree_of
from skerry.images.steps import Step
from skerry.images.sums import sha256_of
from skerry.images.toolbox import Tools
from skerry.images.tools import TOOLS_SOURCE, tools_tree
from skerry.progress import Progress

ROOT_TAR = "root.tar"
LIVE_TAR = "live.tar"  # what scripts put in $LIVE_ROOT, if anything
FILES = "files"  # the folder of an output's entry that a person gets
_FACTS = "facts.json"
_ARCHIVE_SHARE = 3  # the packages kept may take one third of the cache's limit


def read_facts(entry: Path) -> dict[str, Any]:
    """What a step wrote down about what it made."""
    facts: dict[str, Any] = json.loads((entry / _FACTS).read_text())
    return facts


def _write_facts(entry: Path, facts: Mapping[str, object]) -> None:
    (entry / _FACTS).write_text(json.dumps(facts))


class Builder:
    """Does what a plan says; each method gives a step's entry, which is made when it is not there."""

    def __init__(
        self, planned: Plan, cache: Cache, commands: Commands, progress: Progress, *, script_timeout_s: float
    ) -> None:
        self.cache = cache
        self.seconds: dict[str, float] = {}  # of the steps that ran
        self._plan = planned
        self._commands = commands
        self._progress = progress
        self._script_timeout_s = script_timeout_s
        self._archive = cache.root / "packages"

    def has(self, step: Step) -> bool:
        """Whether a step need not run."""
        return self.cache.has(step.kind, step.key)

    def times(self) -> tuple[StepTime, ...]:
        """What ran, and what did not have to."""
        return tuple(
            StepTime(each.name, self.seconds.get(each.name, 0.0), each.name not in self.seconds)
            for each in self._plan.steps
        )

    async def trim(self) -> None:
        """Bring the cache back to its limit."""
        trim_packages(self._archive, self.cache.limit // _ARCHIVE_SHARE)
        for notes in NOTES:
            trim_notes(self.cache.root / notes)
        await self.cache.trim()

    async def forget_before(self, moment: float) -> None:
        """Let what was installed before a moment (seconds since 1970) be made anew, and all that stands on it."""
        base, root = (self.cache.made(step.kind, step.key) for step in (self._plan.base, self._plan.root))
        if (made := base or root) and made < moment:
            for step in (self._plan.base, self._plan.root):
                await self.cache.forget(step.kind, step.key)

    async def renew(self) -> None:
        """Let everything but the tools be made anew, from the packages that the mirrors have now."""
        await self.forget_before(math.inf)
        for step in (self._plan.about, *(each.step for each in self._plan.outputs)):
            await self.cache.forget(step.kind, step.key)

    @contextmanager
    def _running(self, step: Step) -> Iterator[None]:
        """Say that a step begins, and note how long it takes."""
        self._progress.step(step.title)
        began = time.monotonic()
        yield
        self.seconds[step.name] = time.monotonic() - began

    @asynccontextmanager
    async def base(self, tree: Path | None = None) -> AsyncIterator[Path]:
        """The packages: base.tar, packages.json, and the epoch among the facts.

        A base that is made now may be left unpacked at `tree`, too.
        """
        step = self._plan.base

        async def make(workspace: Workspace, folder: Path) -> None:
            with self._running(step):
                await self._check()
                build = BaseBuild(
                    folder,
                    workspace,
                    self._archive,
                    self._commands,
                    self._progress,
                    self._plan.lock,
                    self._plan.pool,
                    tree,
                )
                epoch = await self._plan.installer.install(build)
                _write_facts(folder, {"epoch": epoch})

        async with self.cache.use(step.kind, step.key, make) as entry:
            yield entry

    @asynccontextmanager
    async def root(self) -> AsyncIterator[Path]:
        """The base with the recipe's words and scripts: root.tar, and its hash among the facts."""
        step = self._plan.root

        async def make(workspace: Workspace, folder: Path) -> None:
            async with self.base(tree_of(workspace)) as base:
                with self._running(step):
                    await self._configure(workspace, base, folder)

        async with self.cache.use(step.kind, step.key, make) as entry:
            yield entry

    async def _configure(self, workspace: Workspace, base: Path, folder: Path) -> None:
        epoch = read_facts(base)["epoch"]
        tar = base / BASE_TAR
        async with self._session(workspace, tar, epoch) as scripts:
            reports = await configure(scripts, self._plan.meaning)
            self._progress.update(0.9, "packing")
            await scripts.session.pack(folder / ROOT_TAR, epoch)
            if any(scripts.live.iterdir()):
                await scripts.session.pack(folder / LIVE_TAR, epoch, root=scripts.live)
        digest = await asyncio.to_thread(sha256_of, folder / ROOT_TAR)
        _write_facts(folder, {"epoch": epoch, "sha256": digest, "minimized": reports})

    @asynccontextmanager
    async def _session(self, workspace: Workspace, tar: Path | None, epoch: int | None) -> AsyncIterator[Scripts]:
        texts, live = workspace.scratch / "scripts", workspace.scratch / "live"
        texts.mkdir()
        live.mkdir()
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        if epoch is not None:
            environment["SOURCE_DATE_EPOCH"] = str(epoch)
        async with open_session(workspace, self._commands, tar, environment=environment) as session:
            home = self._plan.recipe.absolute().parent
            yield Scripts(session, texts, live, home, self._script_timeout_s, self._progress)

    async def _check(self) -> None:
        """Run the %pre scripts, which can only say no."""
        if before := before_packages(self._plan.meaning):
            async with self.cache.workspace() as workspace, self._session(workspace, None, None) as scripts:
                for script in before:
                    await scripts.run(replace(script, chroot=False))

    @asynccontextmanager
    async def about(self) -> AsyncIterator[Path]:
        """The manifests of the root."""
        step = self._plan.about

        async def make(workspace: Workspace, folder: Path) -> None:
            async with self.root() as root, self.base() as base:
                with self._running(step):
                    build = AboutBuild(
                        meaning=self._plan.meaning,
                        root_tar=root / ROOT_TAR,
                        packages=base / PACKAGES_JSON,
                        workspace=workspace,
                        commands=self._commands,
                        epoch=read_facts(root)["epoch"],
                        progress=self._progress,
                        name=self._plan.name,
                    )
                    await write_about(build, folder)

        async with self.cache.use(step.kind, step.key, make) as entry:
            yield entry

    def _stock(self) -> Stock | None:
        """With a lock, where the packages of its tools may be."""
        planned = self._plan
        if planned.lock is None:
            return None
        archive = deb_archive(self._archive, TOOLS_SOURCE)
        return Stock(planned.lock, archive, planned.pool, planned.facts.tools_lines)

    @asynccontextmanager
    async def tools(self, wanted: OutputPlan) -> AsyncIterator[Tools]:
        """The programs that write an output."""
        lines, more = self._plan.facts.tools_lines, tools_of(wanted.output, self._plan.meaning)
        had = self.has(wanted.tools)
        began = time.monotonic()
        if not had:
            self._progress.step(wanted.tools.title)
        async with tools_tree(self.cache, self._commands, lines, more, self._stock()) as tools:
            if not had:
                self.seconds[wanted.tools.name] = time.monotonic() - began
            yield tools

    def _shared_by(self, root: str) -> Shared:
        """What outputs of roots of this content share."""
        return lambda kind, inputs, make: self.cache.use(kind, key_of(root, inputs), make)

    @asynccontextmanager
    async def output(self, wanted: OutputPlan) -> AsyncIterator[Path]:
        """The folder `files` with what a person gets, and facts about them."""
        step = wanted.step

        async def make(workspace: Workspace, folder: Path) -> None:
            async with self.tools(wanted) as tools, self.root() as root, self.about() as about:
                with self._running(step):
                    facts = read_facts(root)
                    files = folder / FILES
                    files.mkdir()
                    build = OutputBuild(
                        meaning=self._plan.meaning,
                        key=_seed(facts["sha256"], step),
                        root_tar=root / ROOT_TAR,
                        about=about,
                        tools=tools,
                        workspace=workspace,
                        commands=self._commands,
                        epoch=facts["epoch"],
                        progress=self._progress,
                        name=self._plan.name,
                        live_tar=root / LIVE_TAR if (root / LIVE_TAR).exists() else None,
                        shared=None if self._plan.salted else self._shared_by(facts["sha256"]),
                    )
                    await wanted.output.make(build, files)
                    _write_facts(folder, await asyncio.to_thread(_measure, files))

        async with self.cache.use(step.kind, step.key, make) as entry:
            yield entry


def _seed(root: str, step: Step) -> str:
    """What identities follow from: the content, and not the programs or mirrors that it came by."""
    return key_of(root, {name: value for name, value in step.inputs.items() if name != "qemu-img"})


def _measure(folder: Path) -> dict[str, object]:
    files = {}
    folders = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            folders[path.name] = tree_size(path)
        else:
            files[path.name] = {"sha256": sha256_of(path), "size": path.stat().st_size}
    return {"files": files, "folders": folders}
