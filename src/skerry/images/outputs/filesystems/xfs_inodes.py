"""All inodes of an XFS, to take out of them what mkfs.xfs drew by lot or read from the clock.

What is otherwise different in two file systems of the same tree are the generation of every inode, used or free,
and the times when the used ones were made, read and changed.

Formats: xfs_db(8), commands agi, btdump, write; XFS Algorithms & Data Structures, "Inode Allocation Groups".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from skerry.images.outputs.filesystems.writer import Job

BIGTIME_ZERO = 2**31 * 10**9  # nanoseconds from the earliest time of XFS to 1970
_CHUNK = 64  # inodes that one record tells of
_PER_HOLE = 4  # inodes for each bit of the mask of holes
_RECORD = re.compile(r"\d+:\[(\d+),(0x[0-9a-f]+|0),\d+,\d+,(0x[0-9a-f]+|0)\]")
_FIELD = re.compile(r"^(\w+) = (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Inode:
    """One inode's place."""

    number: int
    used: bool


async def settle(job: Job) -> None:
    """Make the inodes of a new file system those of every other one of this tree.

    Modification times become the build's: real ones are to be written afterwards.
    """
    said = await job.tool("xfs_db", "-r", job.image, stdin="sb 0\nprint agcount agblklog inopblog\nquit\n")
    shape = {name: int(value) for name, value in _FIELD.findall(said)}
    found: list[Inode] = []
    for group in range(shape["agcount"]):
        words = f"agi {group}\naddr root\nbtdump\nquit\n"
        listed = await job.tool("xfs_db", "-r", job.image, stdin=words)
        found += inodes(listed, group << (shape["agblklog"] + shape["inopblog"]))
    await job.tool(
        "xfs_db", "-x", job.image, stdin="\n".join((*settle_commands(found, job.build.epoch), "quit\n"))
    )


def inodes(listed: str, first: int) -> Iterator[Inode]:
    """The inodes of an allocation group, whose numbers begin with `first`, from what btdump says of its tree."""
    for begin, holes, free in _RECORD.findall(listed):
        for number in range(_CHUNK):
            if not int(holes, 0) >> number // _PER_HOLE & 1:
                yield Inode(first + int(begin) + number, not int(free, 0) >> number & 1)


def settle_commands(found: Iterable[Inode], epoch: int) -> Iterator[str]:
    """What xfs_db does with them; times are those of the build."""
    time = BIGTIME_ZERO + epoch * 10**9
    for inode in found:
        yield f"inode {inode.number}"
        yield "write core.gen 0"
        if inode.used:
            yield from (f"write {name} {time}" for name in ("core.atime", "core.mtime", "core.ctime", "v3.crtime"))
