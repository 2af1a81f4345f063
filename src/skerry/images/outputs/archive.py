"""The root as it is: a tar, or a folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from skerry.commands import Arg
from skerry.images.outputs.output import OutputBuild
from skerry.images.placing import copy_file
from skerry.images.words import Meaning


class Tar:
    """The whole root in one file, with numeric owners and extended attributes."""

    name = "tar"
    help = "the root as a tar archive"
    tools: tuple[str, ...] = ()

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:  # noqa: ARG002 - the root says it all
        """Nothing but the root."""
        return {"format": 1}

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Copy the root's tar; by reference where the file system can."""
        await asyncio.to_thread(copy_file, build.root_tar, folder / f"{build.name}.tar")


class Directory:
    """The root unpacked.

    When root builds, owners and extended attributes (capabilities of files, too) are kept. Otherwise all belongs
    to who builds, and may be read and written by them: what they cannot read could not be put in its place.
    """

    name = "dir"
    help = "the root as a folder; with owners and capabilities of files as root only"
    tools: tuple[str, ...] = ()

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:  # noqa: ARG002 - the root says it all
        """Nothing but the root, and whether it is unpacked by root."""
        return {"format": 2, "owners": os.geteuid() == 0}

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Unpack the root's tar into the folder NAME.dir; devices and, without root, owners stay out."""
        root = folder / f"{build.name}.dir"
        root.mkdir()
        for argv in unpack_argvs(build.root_tar, root, os.geteuid()):
            await build.commands.run(argv, cwd=build.workspace.path, timeout=900, pass_fds=[build.workspace.lock])


def unpack_argvs(tar: Path, root: Path, user_id: int) -> list[list[Arg]]:
    """The commands that unpack a root."""
    unpack: list[Arg] = ["tar", "--extract", "--file", tar, "--directory", root, "--exclude=./dev/*"]
    if user_id == 0:
        return [[*unpack, "--xattrs", "--xattrs-include=*"]]
    # The RPM family has files of mode 0000 and folders of mode 0555.
    return [unpack, ["chmod", "--recursive", "u+rwX", root]]
