"""Installs a guest on an instance's disk.

The quick way, for what grows and changes in user space (ext2 to ext4, no hooks that want the root): a copy of the
cached image, its own UUID, its own size, its own files. The general way, for every other kind and for hooks: the
root is unpacked in a folder of the cache's, changed there, and written anew. Nothing is mounted but, if MOUNT says
so, for hooks, and then in a namespace that ends with them.

Whatever is begun is put on one stack and taken back in reverse: once, also when a step of that fails.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from skerry.commands import Secret
from skerry.errors import BadInput
from skerry.guestos.content import (
    COPIED,
    Content,
    Store,
    content_of,
    guest_image,
    image_tools,
    wants_kernel,
)
from skerry.guestos.disk_files import open_disk
from skerry.guestos.disk_writing import DiskWriter
from skerry.guestos.edits import Edit, apply_to_ext, apply_to_folder
from skerry.guestos.explained import in_words_of_settings
from skerry.guestos.facts import RootFacts
from skerry.guestos.hooks import Mounted, Surroundings, find_hooks, hooks_of_disks, run_hooks
from skerry.guestos.identity import Guest, identity_edits, kernel_arguments
from skerry.guestos.instance import Instance
from skerry.guestos.name_servers import name_servers_of, resolv_conf_of_node
from skerry.guestos.parameters import Settings
from skerry.guestos.prepared import check_kernel, check_wishes, note
from skerry.guestos.target import (
    DiskPlan,
    firmwares,
    flush,
    fresh_identities,
    plan_disk,
)
from skerry.images.cache import Workspace
from skerry.images.placing import copy_file
from skerry.images.toolbox import Tools
from skerry.progress import Progress
from skerry.sizes import format_size

_MENU = "/boot/grub/grub.cfg"
_MENU_S = 1


@dataclass(frozen=True)
class Order:
    """A guest to install."""

    instance: Instance
    settings: Settings
    environment: Mapping[str, str | Secret]  # for hooks: Ganeti's, and what the settings export
    cwd: Path  # of hooks
    progress: Progress  # gets what hooks say
    asked: frozenset[str] = frozenset()  # the settings that the instance's own parameters are about


async def create(order: Order, store: Store) -> None:
    """Install a guest on the first disk of the instance.

    Raises:
        BadInput: the settings cannot be meant, or the disk is too small.
        HookFailed: a hook stopped the installation.
        CommandFailed, HostError, InUse, NoSpace, NotFound, TimedOut, Unavailable: as they say.
    """
    disk = order.instance.disks[0]
    if not disk.path:
        raise BadInput(f"the disk is only reachable as {disk.uri}, and a guest is installed on a device or a file")
    with open_disk(Path(disk.path)) as opened:
        plan_disk(order.settings, opened.size, frozenset())  # before anything is built
    content = content_of(order.settings, order.instance)
    if content.tar:
        check_wishes(content.tar, order.settings, order.asked)
        order.progress.log(note(content.tar, order.settings))
    with in_words_of_settings(content):
        await _create(order, store, content)


async def _create(order: Order, store: Store, content: Content) -> None:
    disk = Path(order.instance.disks[0].path)
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(store.cache.workspace())
        work = _Creation(order, store, content, workspace, disk, stack)
        plan = await (work.quickly() if work.is_quick else work.generally())
        if order.settings.mount:
            await work.hooks_on_disk(plan)
        await asyncio.to_thread(flush, disk)


@dataclass(frozen=True)
class _Creation:
    """An installation that is going on."""

    order: Order
    store: Store
    content: Content
    workspace: Workspace
    disk: Path
    stack: AsyncExitStack

    @property
    def settings(self) -> Settings:
        return self.order.settings

    @cached_property
    def identity(self) -> Callable[[str], str]:
        return fresh_identities()

    @cached_property
    def hooks(self) -> tuple[Path, ...]:
        return find_hooks(self.settings.customize_dir)

    @property
    def is_quick(self) -> bool:
        return self.settings.filesystem in COPIED and (self.settings.mount or not self.hooks)

    # ---- the quick way

    async def quickly(self) -> DiskPlan:
        kind = self.settings.filesystem
        image, facts = await self.stack.enter_async_context(guest_image(self.content, kind, self.store))
        tools = await self.stack.enter_async_context(image_tools(facts, self.store))
        plan = self._plan(facts)
        if image.stat().st_size > plan.root.size:
            raise self._too_small(plan, image.stat().st_size)
        if plan.root.offset and self.disk.is_file():
            # resize2fs would cut a plain file off where the file system would end if it began with it.
            own = self._private("root.img")
            await asyncio.to_thread(copy_file, image, own)
            await self._make_own(own, 0, plan, tools)
            await self._write(plan, own, tools)
        else:
            await self._write(plan, image, tools)
            await self._make_own(self.disk, plan.root.offset, plan, tools)
        edits = [*identity_edits(self._guest(facts)), *self._menu(facts, plan)]
        await apply_to_ext(edits, self.disk, plan.root.offset, tools, self.workspace)
        return plan

    async def _make_own(self, image: Path, offset: int, plan: DiskPlan, tools: Tools) -> None:
        """Give an ext file system its own UUID and the size of its place."""
        size, where, locks = self._size(image), f"{image}?offset={offset}", [self.workspace.lock]
        await tools.run("tune2fs", "-U", self.identity("root"), where, pass_fds=locks)
        await tools.run("resize2fs", where, f"{plan.root.size // 1024}K", pass_fds=locks)
        if self._size(image) < size:  # what is less than a block
            os.truncate(image, size)

    @staticmethod
    def _size(image: Path) -> int:
        return image.stat().st_size  # 0 for a device

    # ---- the general way

    async def generally(self) -> DiskPlan:
        from skerry.guestos import content_build as builder  # noqa: PLC0415 - the quick way needs none of it
        from skerry.images.outputs.trees import Tree  # noqa: PLC0415
        from skerry.images.session import open_session  # noqa: PLC0415

        kind, store, workspace = self.settings.filesystem, self.store, self.workspace
        tar, facts = await self.stack.enter_async_context(builder.open_root(self.content, store))
        tools, _ = await self.stack.enter_async_context(builder.open_tools([kind], store))
        store.progress.step(f"Unpacking {self.content.title}")
        session = await self.stack.enter_async_context(open_session(workspace, store.commands, tar))
        await asyncio.to_thread(apply_to_folder, identity_edits(self._guest(facts)), session.root)
        if not self.settings.mount:
            for hook in hooks_of_disks(self.hooks):
                self.order.progress.log(
                    f"note: {hook} names the disk, which has nothing on it yet without MOUNT=yes"
                )
            await self._run_hooks(session.root)
        facts = await asyncio.to_thread(builder.look_again, facts, session.root)
        plan = self._plan(facts)
        await asyncio.to_thread(apply_to_folder, self._menu(facts, plan), session.root)
        own = self._private("own.tar")
        await session.pack(own, int(time.time()))
        store.progress.step(f"Writing {kind}")
        image = self._private("root.img")
        build = builder.output_build(self.content, facts, own, tools, store, workspace)
        tree, uuid = Tree(own, size=facts.size), self.identity("root")
        await builder.write_file_system(build, kind, image, plan.root.size, uuid, tree)
        await self._write(plan, image, tools)
        return plan

    async def _run_hooks(self, root: Path, mounted: Mounted | None = None) -> None:
        settings = self.settings
        device = str(self.disk) if settings.partition_style == "none" else ""
        around = Surroundings(
            target=root,
            block_device=str(self.disk),
            file_system_device=device,
            environment={**self.order.environment, **variables(settings, self.content)},
            cwd=self.order.cwd,
        )
        locks = [self.workspace.lock]
        await run_hooks(
            self.hooks, around, self.store.commands, self.order.progress, mounted=mounted, pass_fds=locks
        )

    async def hooks_on_disk(self, plan: DiskPlan) -> None:
        """Run the hooks with the guest's file system mounted, which only they see."""
        target = self.workspace.path / "target"
        target.mkdir(mode=0o755)
        root = Mounted(self.disk, plan.root.offset, plan.root.size, self.settings.filesystem)
        await self._run_hooks(target, root)

    # ---- what both have

    def _private(self, name: str) -> Path:
        """A file for what only the guest's root may read: the folder is open to users of the node."""
        path = self.workspace.path / name
        path.touch(mode=0o600)
        return path

    def _guest(self, facts: RootFacts) -> Guest:
        servers = name_servers_of(resolv_conf_of_node())
        guest = Guest(self.order.instance, self.settings, facts, self.identity("root"), servers)
        if guest.lacks_name_servers:
            self.order.progress.log(
                "note: the guest has static addresses and no name server, as this node names none that a guest "
                "can ask: set NAME_SERVERS"
            )
        return guest

    def _plan(self, facts: RootFacts) -> DiskPlan:
        if not (self.settings.mount and self.hooks):  # which may install one later
            check_kernel(self.content, self.settings, facts)
        if wants_kernel(self.settings, self.order.instance) and not facts.kernel:
            self.order.progress.log("note: the guest has no kernel, so its disk does not start by itself")
        with open_disk(self.disk) as disk:
            return plan_disk(self.settings, disk.size, firmwares(self.settings, kernel=facts.kernel))

    def _too_small(self, plan: DiskPlan, needed: int) -> BadInput:
        return BadInput(
            f"{self.content.title} needs {format_size(needed)}, and the disk has {format_size(plan.root.size)}",
            hint="make the disk larger, or leave packages out",
        )

    def _menu(self, facts: RootFacts, plan: DiskPlan) -> Sequence[Edit]:
        """GRUB's menu, where there is GRUB."""
        if plan.bios is None and plan.esp is None:
            return ()
        from skerry.images.outputs import grub  # noqa: PLC0415 - only for disks that boot by themselves

        entries = grub.menu_entries(
            facts.names, self.content.title, grub.BootFolder("", "/boot", ()), own_boot=False
        )
        arguments = kernel_arguments(self.order.instance, self.settings, self.identity("root"))
        return (Edit(_MENU, grub.menu(entries, arguments, _MENU_S).encode()),)

    async def _write(self, plan: DiskPlan, image: Path, tools: Tools) -> None:
        """Table, boot loader and root, over whatever was on the disk."""
        kind, store, workspace = self.settings.filesystem, self.store, self.workspace
        await DiskWriter(self.disk, kind, self.identity, tools, store, workspace, self.stack).write(plan, image)


def variables(settings: Settings, content: Content) -> dict[str, str]:
    """What hooks are told of the settings, by the names of the old README."""
    return {
        "SUITE": settings.suite,
        "ARCH": content.architecture,
        "PARTITION_STYLE": settings.partition_style,
        "EXTRA_PKGS": ",".join(settings.extra_pkgs),
    }
