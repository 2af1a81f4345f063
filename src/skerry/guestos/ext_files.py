"""Reads and changes single files of an ext2, ext3 or ext4 on a guest's disk, without mounting it.

debugfs of the tools tree does it, in a sandbox that has the disk, the tools and one empty folder: whatever a
stranger's file system makes of it stays there. Only plain files are looked at; a link is nobody's business here,
wherever it leads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg, Output
from skerry.errors import HostError
from skerry.images.cache import Workspace
from skerry.images.sandbox import bubblewrap_argv
from skerry.images.session import namespace_argv
from skerry.images.toolbox import Tools

MOST = 256 * 1024  # bytes of a file that is looked at; nothing that names a host is larger
_DISK, _FOLDER = "/disk", "/work"  # in the sandbox
_NEEDS_RECOVERY = 0x4  # of the incompatible features: the journal holds what the file system does not have yet
_STAT = re.compile(
    r"Inode: \d+ +Type: (?P<type>.+?) +Mode: +(?P<mode>\d+) .*?"
    r"User: +(?P<user>\d+) +Group: +(?P<group>\d+) .*?Size: (?P<size>\d+)\s+File ACL: (?P<block>\d+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"^  ([a-z]+\.[A-Za-z0-9_.-]+) \(\d+\)", re.MULTILINE)
_MOST_ATTRIBUTES = 32
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class _Found:
    mode: int
    user: int
    group: int
    size: int
    has_block: bool  # of its own, for attributes


@dataclass(frozen=True)
class ExtFiles:
    """The plain files of a file system that begins at `offset` of a disk; paths are absolute, of fixed words."""

    disk: Path
    offset: int
    tools: Tools
    workspace: Workspace

    async def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Those that are plain files and not huge, by path."""
        found = [path for path, facts in (await self._stat(paths)).items() if facts.size <= MOST]
        await self._debugfs([f"dump {path} {_FOLDER}/file-{number}" for number, path in enumerate(found)])
        return {path: self._file(number).read_bytes() for number, path in enumerate(found)}

    async def write(self, contents: Mapping[str, bytes]) -> None:
        """Give plain files that are there a new content; owner, mode, labels and access lists stay.

        Raises:
            HostError: the file system did not take it, as when it is full or damaged.
        """
        await self._replay()
        found = await self._stat(list(contents))
        attributes = await self._attributes(list(found))
        lines = []
        for number, (path, facts) in enumerate(found.items()):
            self._file(number).write_bytes(contents[path])
            folder, _, name = path.rpartition("/")
            lines += [f"cd {folder or '/'}", f"rm {name}", f"write {_FOLDER}/file-{number} {name}"]
            lines += [f"sif {name} mode 0100{facts.mode:03o}", f"sif {name} uid {facts.user}"]
            lines += [f"sif {name} gid {facts.group}"]
            lines += [f"ea_set -f {_FOLDER}/{file} {name} {attribute}" for attribute, file in attributes[path]]
        said = await self._debugfs(lines, "-w")
        if any(facts.has_block for facts in found.values()):
            # A block that attributes had for themselves stays allocated. What is damaged (4) is so since before.
            await self._run("e2fsck", "-f", "-p", self._place, ok=(0, 1, 4))
        if await self.read(list(contents)) != dict(contents):
            words = said.stderr.strip().splitlines()[-1:] or ["it holds something else afterwards"]
            raise HostError(f"the file system on {self.disk} cannot be changed: {words[0]}")

    async def _replay(self) -> None:
        """Bring in what only the journal has: a guest that was not shut down leaves it so."""
        with self.disk.open("rb") as file:
            file.seek(self.offset + 1024 + 0x60)
            features = int.from_bytes(file.read(4), "little")
        if features & _NEEDS_RECOVERY:
            await self._run("e2fsck", "-y", "-E", "journal_only", self._place, ok=(0, 1))

    async def _stat(self, paths: Sequence[str]) -> dict[str, _Found]:
        said = await self._debugfs([f"stat {path}" for path in paths])
        parts = re.split(r"^debugfs: stat .*\n", said.stdout, flags=re.MULTILINE)[1:]
        if len(parts) != len(paths):
            raise HostError(f"the file system on {self.disk} cannot be read", hint="e2fsck may repair it")
        found = {}
        for path, part in zip(paths, parts, strict=True):
            match = _STAT.match(part)
            if match and match["type"] == "regular":
                mode = int(match["mode"], 8)
                user, group, size = (int(match[each]) for each in ("user", "group", "size"))
                found[path] = _Found(mode, user, group, size, match["block"] != "0")
        return found

    async def _attributes(self, paths: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """What files have beside their bytes, as a label of SELinux: names, and the files with the values."""
        listed = (await self._debugfs([f"ea_list {path}" for path in paths])).stdout
        names = sorted(set(_ATTRIBUTE.findall(listed)))[:_MOST_ATTRIBUTES]
        wanted = {path: [(name, f"value-{n}-{name}") for name in names] for n, path in enumerate(paths)}
        await self._debugfs(
            [f"ea_get -f {_FOLDER}/{file} {path} {name}" for path in paths for name, file in wanted[path]]
        )
        # For what a file does not have, debugfs leaves an empty one.
        return {path: [pair for pair in wanted[path] if self._has(pair[1])] for path in paths}

    def _has(self, file: str) -> bool:
        path = self.workspace.path / file
        return path.is_file() and path.stat().st_size > 0

    async def _debugfs(self, lines: Sequence[str], *words: Arg) -> Output:
        script = "".join(f"{line}\n" for line in lines)
        return await self._run("debugfs", *words, "-f", "-", self._place, stdin=script)

    @property
    def _place(self) -> str:
        return f"{_DISK}?offset={self.offset}"

    def _file(self, number: int) -> Path:
        return self.workspace.path / f"file-{number}"

    async def _run(self, program: str, *words: Arg, stdin: str | None = None, ok: Sequence[int] = (0,)) -> Output:
        argv = [*namespace_argv(os.geteuid()), *bubblewrap_argv(), "--unshare-net", "--new-session", "--clearenv"]
        argv += ["--ro-bind", self.tools.root, self.tools.root, "--dev-bind", self.disk, _DISK]
        argv += ["--bind", self.workspace.path, _FOLDER, "--", *self.tools.argv(program, *words)]
        return await self.tools.commands.run(
            argv,
            stdin=stdin.encode() if stdin is not None else None,
            cwd=self.workspace.path,
            timeout=TIMEOUT_S,
            ok=ok,
            pass_fds=[self.workspace.lock],
        )
