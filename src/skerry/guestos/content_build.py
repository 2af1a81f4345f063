"""Makes what the cache does not have: roots by the builder, images and boot loaders of them by its writers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from skerry.errors import BadImage, BadInput
from skerry.guestos.content import BOOT, COPIED, CORE, ESP, FACTS, IMAGE, BootArea, Content, Store
from skerry.guestos.facts import KERNELS, READ, RootFacts, is_telling
from skerry.guestos.prepared import unpacked, unreadable
from skerry.images import mirrors
from skerry.images.builder import ROOT_TAR, Builder, read_facts
from skerry.images.cache import Workspace, key_of
from skerry.images.contents.tar import opened_tar
from skerry.images.installers.deb import DebInstaller
from skerry.images.layout import FileSystem
from skerry.images.outputs import grub
from skerry.images.outputs.disk import tools_for
from skerry.images.outputs.filesystems.registry import find_writer
from skerry.images.outputs.filesystems.writer import Job
from skerry.images.outputs.output import OutputBuild
from skerry.images.outputs.trees import Tree, tree_of
from skerry.images.plan import Facts, Plan, plan
from skerry.images.recipe import Packages
from skerry.images.settings import BuildSettings, load_settings
from skerry.images.toolbox import Tools
from skerry.images.tools import TOOLS_SOURCE, tools_key, tools_tree
from skerry.images.words import Meaning, Source
from skerry.sizes import MIB

_JOURNAL = 32 * MIB  # of images that grow; mke2fs would give a small one the smallest
_INODE_RATIO = 16384  # bytes of disk for each file, mke2fs' usual; it stays when the file system grows
_BLOCK = 4096
_SPARE = 48 * MIB  # of an image, for bitmaps and tables
_GRUB = ("part_msdos",)  # beside the builder's modules
_TRIES = 3
_EPOCH = 1_700_000_000  # the time that files of an ESP claim; any will do
_NO_CONTENT = Content("debian", TOOLS_SOURCE.suite, "amd64", (), (), "", "")


@asynccontextmanager
async def open_root(content: Content, store: Store) -> AsyncIterator[tuple[Path, RootFacts]]:
    """The tar of the content, and what is in it.

    Raises:
        BadInput: the packages cannot be installed.
        CommandFailed, NoSpace, TimedOut, Unavailable: as the builder.
    """
    if content.tar is not None:
        async with unpacked(content.tar, store) as tar:
            yield tar, await asyncio.to_thread(_look_at_prepared, content.tar, tar)
        return
    settings = load_settings()
    planned = await _plan(content, settings, store)
    builder = Builder(
        planned, store.cache, store.commands, store.progress, script_timeout_s=settings.image_script_timeout
    )
    await builder.forget_before(store.oldest)
    try:
        async with builder.root() as root:
            told = read_facts(root)
            yield root / ROOT_TAR, await asyncio.to_thread(_look, root / ROOT_TAR, told["sha256"], told["epoch"])
    finally:
        if not store.keep and builder.seconds:
            await builder.forget_before(float("inf"))
        if builder.seconds:
            await builder.trim()


async def _plan(content: Content, settings: BuildSettings, store: Store) -> Plan:
    source = Source(content.distribution, content.suite, content.components)
    meaning = Meaning(
        source=source,
        packages=Packages(names=content.packages, weak_dependencies=False, core=content.core),
        scripts=(),
        locale=content.locale,
    )
    lines = tuple(_deb_lines(content, source, settings))
    version = (await store.commands.run(["mmdebstrap", "--version"])).stdout.strip()
    installer = DebInstaller(meaning, lines, version, mirror_lines=lines, architecture=content.architecture)
    return plan(Path("/") / content.suite, meaning, Facts(_tools_lines(settings), ""), installer, ())


def _deb_lines(content: Content, source: Source, settings: BuildSettings) -> list[str]:
    """A MIRROR is taken at its word, as debootstrap does: the suite, and nothing beside it."""
    if content.mirror:
        return [f"deb {content.mirror} {source.suite} {' '.join(source.components)}"]
    return mirrors.deb_lines(source, _mirrors(source.distribution, settings))


def _mirrors(distribution: str, settings: BuildSettings) -> mirrors.Mirrors:
    release, sources = mirrors.machine_release(), mirrors.machine_sources()
    return mirrors.find_mirrors(
        distribution, release=release, sources=sources, chosen=settings.mirrors(distribution)
    )


def _tools_lines(settings: BuildSettings) -> tuple[str, ...]:
    return tuple(mirrors.deb_lines(TOOLS_SOURCE, _mirrors(TOOLS_SOURCE.distribution, settings)))


def _look_at_prepared(tar: Path, plain: Path) -> RootFacts:
    try:
        return _look(plain, "", int(tar.stat().st_mtime))
    except BadImage as exc:
        raise unreadable(tar, exc.message) from exc


def _look(tar: Path, sha256: str, epoch: int) -> RootFacts:
    with opened_tar(tar) as root:
        tree = root.tree
        entries = {"/" + path: entry for path, entry in tree.items()}
        links = {path: entry.target for path, entry in entries.items() if entry.kind == "link"}
        texts = {
            path: root.read(path[1:], most=MIB).decode(errors="surrogateescape")
            for path in READ
            if path in entries and entries[path].kind == "file"
        }
    files = {entry.inode or path: entry.size for path, entry in entries.items() if entry.kind == "file"}
    names = frozenset(path for path, entry in entries.items() if entry.kind != "folder" and is_telling(path))
    return RootFacts(
        names=names,
        links={path: links[path] for path in names if path in links},
        texts=texts,
        size=sum(-(-size // _BLOCK) * _BLOCK for size in files.values()) + len(entries) * 512,
        sha256=sha256,
        epoch=epoch,
    )


def look_again(facts: RootFacts, root: Path) -> RootFacts:
    """The facts of an unpacked root after it was changed: its kernels may be others now."""
    places = [*root.iterdir(), *(root / "boot").iterdir()] if (root / "boot").is_dir() else [*root.iterdir()]
    there = {f"/{each.relative_to(root)}" for each in places if each.is_symlink() or not each.is_dir()}
    gone = {name for name in facts.names if name.startswith(KERNELS)}
    return replace(facts, names=facts.names - gone | frozenset(filter(is_telling, there)))


@asynccontextmanager
async def open_tools(kinds: Sequence[str], store: Store) -> AsyncIterator[tuple[Tools, str]]:
    """The programs that write file systems of these kinds, fetched when they are not there; and their key."""
    more, lines = tools_for(kinds), _tools_lines(load_settings())
    if not store.cache.has("tools", tools_key(more)):
        store.progress.step("Fetching the tools that write file systems")
    async with tools_tree(store.cache, store.commands, lines, more) as tools:
        yield tools, tools_key(more)


async def make_image(content: Content, kind: str, store: Store, workspace: Workspace, folder: Path) -> None:
    """Write the image of a kind that grows, and what is known of it, into a folder."""
    # Its age counts from now, so what it is made of must not be old already.
    fresh = store if store.days is None else replace(store, days=min(store.days, 1))
    async with open_root(content, fresh) as (tar, facts), open_tools([kind], store) as (tools, key):
        store.progress.step(f"Writing {content.title} as {kind}")
        build = output_build(content, facts, tar, tools, store, workspace)
        size = facts.size + facts.size // 12 + _JOURNAL + _SPARE
        for tries in range(_TRIES):
            try:
                await write_file_system(build, kind, folder / IMAGE, size, build.identity("root"), Tree(tar))
                break
            except BadInput:  # more small files than were thought of
                if tries == _TRIES - 1:
                    raise
                size += size // 4
        # What mke2fs wrote of zeros, such as the journal, is a hole for every copy.
        await store.commands.run(["fallocate", "--dig-holes", folder / IMAGE], timeout=300)
        (folder / FACTS).write_text(replace(facts, tools=key).dump())


def output_build(
    content: Content, facts: RootFacts, tar: Path, tools: Tools, store: Store, workspace: Workspace
) -> OutputBuild:
    """What the builder's writers want to know."""
    return OutputBuild(
        meaning=Meaning(Source(content.distribution, content.suite), Packages(), ()),
        key=facts.sha256 or content.key,
        root_tar=tar,
        about=workspace.path,
        tools=tools,
        workspace=workspace,
        commands=store.commands,
        epoch=facts.epoch,
        progress=store.progress,
        name="guest",
    )


async def write_file_system(build: OutputBuild, kind: str, image: Path, size: int, uuid: str, tree: Tree) -> None:
    """Write a tree as a file system of `size` bytes into a new sparse file.

    Raises:
        BadInput: it is too small.
    """
    with image.open("wb") as file:
        file.truncate(size)
    options = f"-i {_INODE_RATIO}" if kind in COPIED else ""
    options += f" -J size={_JOURNAL // MIB}" if kind in COPIED - {"ext2"} else ""
    writer, system = find_writer(kind), FileSystem(kind, "/", mkfs_options=options)
    await writer.write(Job(build, "root", system, writer.uuid(uuid), size, image, 0, tree))


async def make_boot(area: BootArea, store: Store, workspace: Workspace, folder: Path) -> None:
    """Write GRUB's parts for a layout into a folder: first sector and core for a BIOS, the ESP for UEFI.

    They hold no UUID: GRUB takes the partition of this number on the disk that it was started from.
    """
    async with open_tools([area.kind], store) as (tools, _):
        module = find_writer(area.kind).grub
        assert module is not None
        make = _GrubMaker(tools, workspace, f"(,{area.style}{area.root})/boot/grub", (module, *_GRUB))
        if area.core:
            core = await make.image("i386-pc", grub.BIOS_MODULES)
            boot = (tools.root / "usr/lib/grub/i386-pc/boot.img").read_bytes()
            patched, first = grub.patch_boot_sectors(core, boot, area.core)
            (folder / BOOT).write_bytes(first)
            (folder / CORE).write_bytes(patched)
        if area.esp:
            files = grub.esp_files(await make.image("x86_64-efi", grub.EFI_MODULES))
            tree = tree_of(files, workspace.path / "esp.tar", _EPOCH)
            facts = RootFacts(frozenset(), {}, {}, 0, key_of(asdict(area)), _EPOCH)
            build = output_build(_NO_CONTENT, facts, tree.tar, tools, store, workspace)
            await write_file_system(build, "vfat", folder / ESP, area.esp, build.identity("esp"), tree)


@dataclass(frozen=True)
class _GrubMaker:
    tools: Tools
    workspace: Workspace
    prefix: str
    modules: tuple[str, ...]

    async def image(self, target: str, modules: Sequence[str]) -> bytes:
        file, folder = self.workspace.path / f"{target}.img", self.tools.root / "usr/lib/grub" / target
        words = ("-O", target, "-d", folder, "-o", file, "-p", self.prefix)
        await self.tools.run("grub-mkimage", *words, *modules, *self.modules, pass_fds=[self.workspace.lock])
        return file.read_bytes()
