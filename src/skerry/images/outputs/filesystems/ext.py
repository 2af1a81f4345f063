"""ext2, ext3 and ext4, by mke2fs: reads the tar itself, and writes the same bytes every time."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from skerry.images.outputs.filesystems.writer import Job
from skerry.sizes import MIB

BLOCK = 4096  # bytes
# What older boot loaders and rescue systems cannot read.
_FEATURES = "^orphan_file,^metadata_csum_seed"


class Ext:
    """One of the three."""

    tools: ClassVar[tuple[str, ...]] = ()
    grub: ClassVar[str | None] = "ext2"
    in_place: ClassVar[bool] = True
    least: ClassVar[int] = MIB

    def uuid(self, identity: str) -> str:
        """As it is."""
        return identity

    async def write(self, job: Job) -> None:
        """Let mke2fs read the tar, and debugfs add what is not in it."""
        system = job.file_system
        options = [f"hash_seed={job.build.identity(f'{job.device} hashes')}", "lazy_itable_init=1", "nodiscard"]
        options.append(f"offset={job.offset}")
        label = ["-L", system.label] if system.label else []
        ours = [("-E", ",".join(options)), *([("-O", _FEATURES)] if system.type == "ext4" else [])]
        await job.tool(
            *("mke2fs", "-q", "-F", "-t", system.type, "-b", str(BLOCK), "-m", "1"),
            *(*label, "-U", job.uuid, "-d", str(job.tree.tar)),
            *with_lists(ours, shlex.split(system.mkfs_options)),
            job.image,
            str(job.size // BLOCK),
            env={"MKE2FS_CONFIG": str(job.build.tools.root / "etc/mke2fs.conf")},
        )
        if job.tree.files:
            await self._add(job)

    async def _add(self, job: Job) -> None:
        names = list(job.tree.files)
        for number, name in enumerate(names):
            job.path(f"file-{number}").write_bytes(job.tree.files[name])
        script = debugfs_script(job.path("file").name, names)
        said = await job.tool("debugfs", "-w", "-f", "-", f"{job.image}?offset={job.offset}", stdin=script)
        job.look_for_space(said)


def with_lists(ours: Sequence[tuple[str, str]], chosen: Sequence[str]) -> list[str]:
    """Our options and the recipe's; of a list that is given twice, mke2fs would take only the last."""
    lists = dict(ours)
    rest: list[str] = []
    words = iter(chosen)
    for word in words:
        option, value = word[:2], word[2:]
        if option not in {"-E", "-J", "-O"}:
            rest.append(word)
            continue
        value = value or next(words, "")
        lists[option] = f"{lists[option]},{value}" if option in lists else value
    return [*(word for option, value in lists.items() for word in (option, value)), *rest]


def debugfs_script(prefix: str, paths: Sequence[str]) -> str:
    """Write the files PREFIX-0, PREFIX-1 … to these paths, as root's."""
    lines = []
    for number, path in enumerate(paths):
        folder, name = path.rsplit("/", 1)
        parents = folder.strip("/").split("/")
        lines += [f'mkdir "/{"/".join(parents[: depth + 1])}"' for depth in range(len(parents))]
        lines += [f'cd "{folder or "/"}"', f'rm "{name}"', f'write {prefix}-{number} "{name}"']
        lines += [f'sif "{name}" mode 0100644', f'sif "{name}" uid 0', f'sif "{name}" gid 0']
    return "\n".join(lines) + "\n"
