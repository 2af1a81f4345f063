"""Changes to files of a guest that nobody mounts: said as plain data, carried out without leaving the guest."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadImage, BadInput, CommandFailed, NoSpace
from skerry.images.cache import Workspace, disk_was_full
from skerry.images.toolbox import Tools

# What debugfs says of a folder that is none, or of a file that it cannot write; what it says of folders that are
# there already, and of files that are not there to be removed, is no trouble.
_TROUBLE = re.compile(
    r"^(?:/\S*: File not found|(?:write|symlink): |.*(?:Bad magic|Filesystem not open|checksum|corrupt)).*$",
    re.MULTILINE,
)
_PATH = re.compile(r"(?:/[A-Za-z0-9._@:-]+)+")


@dataclass(frozen=True)
class Edit:
    """A file of root's to write, link, make or remove; what had its name before is gone."""

    path: str  # absolute; of plain letters, so that no program reads anything else in it
    content: bytes | None = None  # None: with neither link nor folder, the file is removed
    mode: int = 0o644
    gid: int = 0
    link: str = ""  # a symbolic link to this
    folder: bool = False  # one that may be there already

    def __post_init__(self) -> None:
        assert _PATH.fullmatch(self.path), self.path
        assert ".." not in self.path.split("/"), self.path


def debugfs_script(edits: Sequence[Edit], folder: Path) -> str:
    """The edits as commands of debugfs(8); the content of number N is in the file N of `folder`.

    A command that fails does not stop those behind it, so folders are simply made, and names simply removed. A
    file whose folder is none would land in the one before, which is therefore always the top.
    """
    lines: list[str] = []
    made: set[str] = set()
    for number, edit in enumerate(edits):
        parent, _, name = edit.path.rpartition("/")
        parents = parent.strip("/").split("/") if parent else []
        for depth in range(len(parents)):
            above = "/" + "/".join(parents[: depth + 1])
            if above not in made:
                lines.append(f"mkdir {above}")
                made.add(above)
        lines += ["cd /", *([f"cd {parent}"] if parent else []), *_commands(edit, name, folder / str(number))]
    return "\n".join(lines) + "\n"


def _commands(edit: Edit, name: str, source: Path) -> Iterator[str]:
    if edit.folder:
        yield f"mkdir {name}"
        yield f"sif {name} mode 0{stat.S_IFDIR | edit.mode:o}"
        return
    yield f"rm {name}"
    if edit.link:
        yield f'symlink {name} "{edit.link}"'
    elif edit.content is not None:
        yield f'write "{source}" {name}'
        yield f"sif {name} mode 0{stat.S_IFREG | edit.mode:o}"
        yield f"sif {name} uid 0"
        yield f"sif {name} gid {edit.gid}"


async def apply_to_ext(edits: Sequence[Edit], disk: Path, offset: int, tools: Tools, workspace: Workspace) -> None:
    """Carry out edits on an ext file system that begins at `offset` bytes of a disk.

    Links of the guest lead debugfs only to other files of the guest.

    Raises:
        BadInput, NoSpace: there is no room for them in the file system, or for the disk on the node.
        BadImage: the file system cannot be changed.
    """
    folder = workspace.path / f"edits-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    for number, edit in enumerate(edits):
        if edit.content is not None:
            (folder / str(number)).write_bytes(edit.content)
    script = debugfs_script(edits, folder).encode()
    try:
        said = await tools.run(
            "debugfs", "-w", "-f", "-", f"{disk}?offset={offset}", stdin=script, pass_fds=[workspace.lock]
        )
    except CommandFailed as exc:
        raise BadImage(f"the guest's file system cannot be changed: {exc.message}") from exc
    words = said.stdout + said.stderr
    if disk_was_full(words):
        raise NoSpace(f"there is no room for the disk {disk}", hint="free some, and install again")
    if "Could not allocate" in words:
        raise BadInput("the guest's file system has no room for its own settings", hint="give it a larger disk")
    if trouble := _TROUBLE.search(words):
        raise BadImage(f"the guest's file system cannot be changed: {trouble.group()}")


def apply_to_folder(edits: Sequence[Edit], root: Path) -> None:
    """Carry out edits below a folder, as root. No link is followed: one where a folder should be is refused.

    Raises:
        BadImage: something that is no folder is in the way.
    """
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for edit in edits:
            with _parent(top, edit.path) as (handle, name):
                _apply(edit, handle, name)
    finally:
        os.close(top)


@contextlib.contextmanager
def _parent(top: int, path: str) -> Iterator[tuple[int, str]]:
    """The folder that holds a path, opened step by step, and the last name."""
    *folders, name = path.strip("/").split("/")
    with contextlib.ExitStack() as stack:
        here = top
        for folder in folders:
            here = _folder(here, folder, path)
            stack.callback(os.close, here)
        yield here, name


def _folder(above: int, name: str, path: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=above)
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    except OSError as exc:
        raise BadImage(f"the guest has a link or a file at {name} of {path}, where a folder should be") from exc


def _apply(edit: Edit, handle: int, name: str) -> None:
    if edit.folder:
        folder = _folder(handle, name, edit.path)
        try:
            os.fchmod(folder, edit.mode)
        finally:
            os.close(folder)
        return
    try:
        os.unlink(name, dir_fd=handle)
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise BadImage(f"{edit.path} of the guest cannot be replaced: {exc.strerror}") from exc
    if edit.link:
        os.symlink(edit.link, name, dir_fd=handle)
    elif edit.content is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(name, flags, 0o600, dir_fd=handle), "wb") as file:
            os.fchown(file.fileno(), 0, edit.gid)
            os.fchmod(file.fileno(), edit.mode)
            file.write(edit.content)
