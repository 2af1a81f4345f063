"""Writes a guest's disk as its plan says: partition table, boot loader, and the file system of an image."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadInput
from skerry.guestos.content import BOOT, CORE, ESP, BootArea, Store, boot_files
from skerry.guestos.disk_files import Disk, open_disk
from skerry.guestos.target import DiskPlan, blank, place, table_script
from skerry.images.cache import Workspace
from skerry.images.toolbox import Tools

_FAT16_SERIAL = 39  # offset of a FAT's volume id


@dataclass(frozen=True)
class DiskWriter:
    """Writes one disk; what it takes from the cache is held on the stack."""

    disk: Path
    kind: str  # of the root's file system
    identity: Callable[[str], str]  # UUIDs by name
    tools: Tools
    store: Store
    workspace: Workspace
    stack: AsyncExitStack

    async def write(self, plan: DiskPlan, image: Path) -> None:
        """Write table, boot loader and root over whatever was on the disk; `flush` it when all is done."""
        with open_disk(self.disk, writable=True, flushed=False) as disk:
            blank(disk, plan)
            await self._write_boot(disk, plan)
            await asyncio.to_thread(place, disk, image, plan.root.offset)
        if plan.partitions:
            await self._write_table(plan)

    async def _write_table(self, plan: DiskPlan) -> None:
        words = ("--quiet", "--no-reread", "--no-tell-kernel", "--wipe", "never", "--wipe-partitions", "never")
        script = table_script(plan, self.identity).encode()
        await self.tools.run("sfdisk", *words, self.disk, stdin=script, pass_fds=[self.workspace.lock])

    async def _write_boot(self, disk: Disk, plan: DiskPlan) -> None:
        if plan.bios is None and plan.esp is None:
            return
        area = BootArea(
            style=plan.style,
            kind=self.kind,
            root=plan.root.number,
            core=plan.bios.start if plan.bios else 0,
            esp=plan.esp.size if plan.esp else 0,
        )
        folder = await self.stack.enter_async_context(boot_files(area, self.store))
        if plan.bios:
            core = (folder / CORE).read_bytes()
            if len(core) > plan.bios.size:
                raise BadInput(
                    f"GRUB has {len(core)} bytes, more than are in front of the first partition",
                    hint="set PARTITION_ALIGNMENT to 2048",
                )
            disk.write(0, (folder / BOOT).read_bytes())
            disk.write(plan.bios.offset, core)
        if plan.esp:
            await asyncio.to_thread(place, disk, folder / ESP, plan.esp.offset)
            disk.write(plan.esp.offset + _FAT16_SERIAL, bytes.fromhex(self.identity("esp")[:8]))
