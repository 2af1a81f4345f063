"""The root as it is: a tar, or a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

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
    """The root unpacked: owners are kept when root builds, and are the builder's own otherwise."""

    name = "dir"
    help = "the root as a folder"
    tools: tuple[str, ...] = ()

    def inputs(self, meaning: Meaning) -> Mapping[str, object]:  # noqa: ARG002 - the root says it all
        """Nothing but the root."""
        return {"format": 1}

    async def make(self, build: OutputBuild, folder: Path) -> None:
        """Unpack the root's tar; devices and, without root, owners stay out."""
        root = folder / build.name
        root.mkdir()
        await build.commands.run(
            ["tar", "--extract", "--file", build.root_tar, "--directory", root, "--exclude=./dev/*"],
            cwd=build.workspace.path,
            timeout=900,
            pass_fds=[build.workspace.lock],
        )
