"""What writes a file system: a program, its words, and what goes in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skerry.commands import Arg
from skerry.errors import BadInput, CommandFailed
from skerry.images.layout import FileSystem, Subvolume
from skerry.images.outputs.output import OutputBuild
from skerry.images.outputs.trees import Tree
from skerry.images.session import namespace_argv, unpack_argv
from skerry.sizes import MIB, format_size

TIMEOUT_S = 1800.0
_SPARE = 32 * MIB  # when less is free on the disk that we build on, that disk is full and not the file system


@dataclass(frozen=True)
class Job:
    """A file system to write."""

    build: OutputBuild
    device: str  # as the layout names it
    file_system: FileSystem
    uuid: str
    size: int  # bytes
    image: Path  # the file that it is written into, which is there and large enough
    offset: int  # bytes; 0 unless the writer works in place
    tree: Tree
    subvolumes: tuple[Subvolume, ...] = ()

    @property
    def where(self) -> str:
        """How a person calls it."""
        places = [each.mountpoint for each in self.subvolumes] or [self.file_system.mountpoint]
        return " and ".join(place for place in places if place) or self.device

    def path(self, name: str) -> Path:
        """A file of this job in the workspace."""
        return self.build.workspace.path / f"{self.device.replace('/', '-')}.{name}"

    async def tool(
        self,
        program: str,
        *words: Arg,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        as_owner: bool = False,
    ) -> str:
        """Run a program of the tools tree and return what it says; `as_owner` of what `unpack` unpacked.

        Raises:
            BadInput: the file system is too small.
        """
        prefix = namespace_argv(os.geteuid()) if as_owner else []
        try:
            output = await self.build.commands.run(
                [*prefix, *self.build.tools.argv(program, *words)],
                stdin=None if stdin is None else stdin.encode(errors="surrogateescape"),
                env={"SOURCE_DATE_EPOCH": str(self.build.epoch)} | dict(env or {}),
                cwd=self.build.workspace.path,
                timeout=TIMEOUT_S,
                pass_fds=[self.build.workspace.lock],
            )
        except CommandFailed as exc:
            self.look_for_space(exc.message, exc)
            raise
        return output.stdout + output.stderr

    def look_for_space(self, said: str, cause: Exception | None = None) -> None:
        """Tell whether a program found the file system too small.

        Raises:
            BadInput: it did, and it was not the disk that we build on.
        """
        words = ("No space left", "Could not allocate", "not enough free space", "too small", "ENOSPC")
        if any(each in said for each in words) and shutil.disk_usage(self.image.parent).free > _SPARE:
            raise self.too_small() from cause

    def too_small(self) -> BadInput:
        """The error of a file system that cannot hold its files."""
        return BadInput(
            f"the files of {self.where} ({format_size(self.tree.size)}) do not fit in its {self.file_system.type} "
            f"of {format_size(self.size)}",
            hint=f"raise --size of `part {self.where}`, or leave packages out",
        )

    async def unpack(self) -> Path:
        """The tree as a folder, owned as in the image: only `tool(as_owner=True)` can read all of it."""
        folder = self.build.workspace.scratch / f"tree-{self.device.replace('/', '-')}"
        folder.mkdir(mode=0o755)
        await self.build.commands.run(
            [*namespace_argv(os.geteuid()), *unpack_argv(self.tree.tar, folder)],
            cwd=self.build.workspace.path,
            timeout=TIMEOUT_S,
            pass_fds=[self.build.workspace.lock],
        )
        return folder


class Writer(Protocol):
    """Writes one kind of file system."""

    @property
    def tools(self) -> tuple[str, ...]:
        """Debian packages that its tools tree must have beyond the common ones."""
        ...

    @property
    def grub(self) -> str | None:
        """GRUB's module for it; None where GRUB cannot read it."""
        ...

    @property
    def in_place(self) -> bool:
        """Whether it writes at an offset of a larger file, and adds `tree.files` to what the tar has."""
        ...

    @property
    def least(self) -> int:
        """Bytes that it must have."""
        ...

    def uuid(self, identity: str) -> str:
        """A UUID in the form that this kind has, from a whole one."""
        ...

    async def write(self, job: Job) -> None:
        """Write it.

        Raises:
            BadInput: it is too small, or cannot hold what is in the tree.
        """
        ...
