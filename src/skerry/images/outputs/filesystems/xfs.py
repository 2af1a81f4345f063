"""XFS, by mkfs.xfs and xfs_db.

mkfs.xfs reads a prototype: a text that lists the tree, with the paths of the files to copy. The prototype knows no
times, no hard links and no sticky bit, so xfs_db writes these into the inodes afterwards, and xfs_repair looks
whether all is well. What mkfs.xfs draws by lot for its inodes goes, so that the same tree gives the same bytes.

Formats: mkfs.xfs(8), option -p; xfs_db(8), commands path, link, write.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from skerry.errors import BadInput
from skerry.images.outputs.filesystems.writer import Job
from skerry.images.outputs.filesystems.xfs_inodes import BIGTIME_ZERO, settle
from skerry.sizes import MIB

_KINDS = {
    tarfile.DIRTYPE: ("d", stat.S_IFDIR),
    tarfile.SYMTYPE: ("l", stat.S_IFLNK),
    tarfile.CHRTYPE: ("c", stat.S_IFCHR),
    tarfile.BLKTYPE: ("b", stat.S_IFBLK),
    tarfile.FIFOTYPE: ("p", stat.S_IFIFO),
}
_NO_WORD = re.compile(r":|\$$|.*[\t\n]", re.DOTALL)  # in a prototype: a comment, the end of a folder, two words


@dataclass
class Node:
    """A name in the tree, with what a tar says of it."""

    member: tarfile.TarInfo
    children: dict[str, Node] = field(default_factory=dict)


class Xfs:
    """An XFS with the features that the kernel and GRUB of Debian 13 know."""

    tools: ClassVar[tuple[str, ...]] = ("xfsprogs",)
    grub: ClassVar[str | None] = "xfs"
    in_place: ClassVar[bool] = False
    least: ClassVar[int] = 300 * MIB  # says mkfs.xfs(8)

    def uuid(self, identity: str) -> str:
        """As it is."""
        return identity

    async def write(self, job: Job) -> None:
        """Unpack the tree, list it as a prototype, and put right what prototypes cannot say."""
        folder = await job.unpack()
        root, links = await asyncio.to_thread(read_tree, job.tree.tar)
        prototype, system = job.path("prototype"), job.file_system
        apart = await asyncio.to_thread(_copy_apart, job.tree.tar, job.path("apart"))
        lines = ["/none", "0 0", *prototype_lines(root, folder, apart)]
        prototype.write_text("\n".join(lines) + "\n", errors="surrogateescape")
        await job.tool(
            *("mkfs.xfs", "-q", "-f", "-m", f"uuid={job.uuid}", "-p", f"{prototype},slashes_are_spaces=1"),
            *(["-L", system.label[:12]] if system.label else []),
            *shlex.split(system.mkfs_options),
            job.image,
            as_owner=True,
        )
        await job.tool("xfs_db", "-x", job.image, stdin="\n".join((*name_commands(root, links), "quit\n")))
        await settle(job)
        await job.tool("xfs_db", "-x", job.image, stdin="\n".join((*inode_commands(root), "quit\n")))
        await job.tool("xfs_repair", "-n", job.image)


def read_tree(tar: Path) -> tuple[Node, dict[str, str]]:
    """The tree of a tar, and its hard links: name to the file that has the bytes."""
    top = tarfile.TarInfo(".")
    top.type, top.mode = tarfile.DIRTYPE, 0o755
    root = Node(top)
    links: dict[str, str] = {}
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            parts = [part for part in member.name.split("/") if part not in {"", "."}]
            if ".." in parts:
                raise BadInput(f"the root has a file of the name {member.name}, which points out of it")
            node = root
            for part in parts[:-1]:
                node = node.children.setdefault(part, Node(_folder()))
            if not parts:
                root.member = member
            elif member.islnk():
                links["/".join(parts)] = member.linkname.removeprefix("./")
            elif parts[-1] in node.children:
                node.children[parts[-1]].member = member
            else:
                node.children[parts[-1]] = Node(member)
    return root, links


def _folder() -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    return member


def _copy_apart(tar: Path, folder: Path) -> dict[str, Path]:
    """Copies of the files whose paths have blanks, which a prototype cannot read; by path."""
    folder.mkdir()
    found: dict[str, Path] = {}
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            if member.isreg() and re.search(r"\s", member.name) and (source := archive.extractfile(member)):
                copy = folder / str(len(found))
                with copy.open("wb") as file:
                    shutil.copyfileobj(source, file)
                found[member.name.removeprefix("./")] = copy
    return found


def prototype_lines(root: Node, folder: Path, apart: Mapping[str, Path]) -> Iterator[str]:
    """The prototype's tree, without hard links; `folder` is where the files are, but for those `apart`.

    Raises:
        BadInput: a name that a prototype cannot have.
    """
    yield _shape(root.member)
    yield from _below(root, folder, "", apart)
    yield "$"


def _below(node: Node, folder: Path, path: str, apart: Mapping[str, Path]) -> Iterator[str]:
    for number, (name, child) in enumerate(sorted(node.children.items())):
        here, member = f"{path}{name}", child.member
        words = f"{_word(name, here, number, child)} {_shape(member)}"
        if member.isdir():
            yield words
            yield from _below(child, folder, f"{here}/", apart)
            yield "$"
        elif member.issym():
            yield f"{words} {_target(member, here)}"
        elif member.isdev() and not member.isfifo():
            yield f"{words} {member.devmajor} {member.devminor}"
        elif member.isfifo():
            yield words
        else:
            yield f"{words} {apart.get(here, folder / here)}"


def _word(name: str, path: str, number: int, node: Node) -> str:
    """A name as the prototype has it: blanks are slashes; what cannot be is renamed later."""
    if not _NO_WORD.match(name):
        return name.replace(" ", "/")
    if node.member.isdir() or re.search(r"\s", name):
        raise BadInput(
            f"an XFS cannot be made with the name {path!r}: mkfs.xfs cannot read it",
            hint="remove it in a %post, or choose ext4 or btrfs",
        )
    return _interim(number)


def _interim(number: int) -> str:
    """The name of a file until it gets its own."""
    return f".skerry-{number}"


def _target(member: tarfile.TarInfo, path: str) -> str:
    if re.search(r"\s", member.linkname):
        raise BadInput(
            f"an XFS cannot be made with the link {path!r}: mkfs.xfs cannot read blanks in where it points",
            hint="remove it in a %post, or choose ext4 or btrfs",
        )
    return member.linkname


def _shape(member: tarfile.TarInfo) -> str:
    """Kind, set-user-id, set-group-id, permissions, owner and group."""
    kind, _ = _KINDS.get(member.type, ("-", stat.S_IFREG))
    set_user = "u" if member.mode & stat.S_ISUID else "-"
    set_group = "g" if member.mode & stat.S_ISGID else "-"
    return f"{kind}{set_user}{set_group}{member.mode & 0o777:03o} {member.uid} {member.gid}"


def name_commands(root: Node, links: Mapping[str, str]) -> Iterator[str]:
    """What xfs_db does after mkfs.xfs about names: hard links, and names that a prototype cannot have."""
    for name, target in sorted(links.items()):
        folder, _, last = name.rpartition("/")
        if " " in name or " " in target:
            raise BadInput(
                f"an XFS cannot be made with the hard link {name!r}: xfs_db cannot read blanks in names",
                hint="remove it in a %post, or choose ext4 or btrfs",
            )
        yield f"path /{folder}"
        yield f"link -p /{target} {last}"
    yield from _renames(root, "")


def _renames(node: Node, path: str) -> Iterator[str]:
    for number, (name, child) in enumerate(sorted(node.children.items())):
        if _NO_WORD.match(name):
            yield f"path {path or '/'}"
            yield f"link -p {path}/{_interim(number)} {name}"
            yield f"unlink {_interim(number)}"
        if " " not in name:
            yield from _renames(child, f"{path}/{name}")


def inode_commands(root: Node) -> Iterator[str]:
    """What xfs_db does at last: sticky bits and times."""
    yield from _inode(root, "/")
    yield from _inodes(root, "")


def _inodes(node: Node, path: str) -> Iterator[str]:
    for name, child in sorted(node.children.items()):
        if " " in name:  # xfs_db has no way to name it; the file is as it should be, its time is that of the image
            continue
        yield from _inode(child, f"{path}/{name}")
        yield from _inodes(child, f"{path}/{name}")


def _inode(node: Node, path: str) -> Iterator[str]:
    member = node.member
    yield f"path {path}"
    if member.mode & stat.S_ISVTX:
        _, kind = _KINDS.get(member.type, ("-", stat.S_IFREG))
        yield f"write core.mode 0{kind | stat.S_IMODE(member.mode):o}"
    yield f"write core.mtime {BIGTIME_ZERO + round(member.mtime * 10**9)}"
