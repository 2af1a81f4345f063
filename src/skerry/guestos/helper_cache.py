"""The tar that Debian's own definition keeps of a finished installation, in the helper machine and back.

`create` writes /var/cache/ganeti-instance-debootstrap/cache-SUITE-ARCH.tar and takes it the next time; and
administrators may put one there. Without it each `create` would install package by package.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.commands import Commands
from skerry.errors import HostError
from skerry.guestos.content import prepared_tar
from skerry.guestos.debians_own import is_debians_own, settings_on_host
from skerry.guestos.definition import Definition
from skerry.guestos.instance import Call, Script
from skerry.guestos.settings import Places

if TYPE_CHECKING:
    from skerry.guestos.helper_vm import HelperDisk

KEPT = "kept"  # the disk on which a new tar comes back
_CACHE = "cache"  # the disk with one that is there
_TAR = re.compile(r"cache-[A-Za-z0-9][A-Za-z0-9.+_-]*\.tar")
_MOST = 64 * 1024**3  # bytes of one
_PIECE = 4 * 1024**2


@dataclass(frozen=True)
class HelperCache:
    """A folder with tars; None for definitions that have none."""

    folder: Path | None = None
    tar: Path | None = None  # that this run may take

    @classmethod
    async def of(
        cls, definition: Definition, call: Call, commands: Commands, places: Places | None = None
    ) -> HelperCache:
        """What a run of a definition finds here."""
        places = places or Places()
        if call.script is not Script.CREATE or not is_debians_own(definition, places):
            return cls()
        settings = await settings_on_host(definition, call, commands, places)
        if settings is None:
            return cls(places.cache_dir)
        own = replace(settings, cache_dir=places.cache_dir)  # its scripts overwrite a CACHE_DIR of the settings
        return cls(places.cache_dir, prepared_tar(own, own.arch or "amd64", time.time()))

    def disks(self) -> list[HelperDisk]:
        """How the machine gets the tar."""
        from skerry.guestos.helper_vm import HelperDisk  # noqa: PLC0415 - the builder, for this only

        return [HelperDisk(_CACHE, self.tar, read_only=True)] if self.tar else []

    def fill(self) -> str:
        """The function of the machine's shell that puts the tar where the definition looks, as old as it is."""
        if self.tar is None:
            return "caches() { :; }"
        facts = self.tar.stat()
        folder, target = (shlex.quote(f"root{path}") for path in (self.tar.parent, self.tar))
        return (
            f"caches() {{\n  mkdir -p {folder}\n"
            f'  head -c {facts.st_size} "$(disk {_CACHE})" > {target}\n'
            f"  touch -d @{int(facts.st_mtime)} {target}\n}}"
        )

    def keep(self) -> str:
        """Commands that put a new tar on its disk, and print its name and size."""
        if self.folder is None:
            return ""
        old = shlex.quote(self.tar.name if self.tar else "")
        return f"""
cd /mnt/root{shlex.quote(str(self.folder))} 2> /dev/null || exit 0
for each in cache-*.tar; do
  [ -f "$each" ] && [ ! -L "$each" ] && [ "$each" != {old} ] || continue
  cat "$each" > "$(disk {KEPT})"
  stat -c '%n %s' "$each"
  break
done
"""

    def take(self, disk: Path, told: Sequence[str], tell: Callable[[str], None]) -> None:
        """Put what the machine told of into the folder; nothing is lost where that does not work.

        Raises:
            HostError: it told nonsense.
        """
        for line in told[:1]:
            name, _, size = line.partition(" ")
            if self.folder is None or not _TAR.fullmatch(name) or not size.isdigit() or int(size) > _MOST:
                raise HostError("the helper machine answered nonsense")
            try:
                self._copy(disk, self.folder / name, int(size))
            except OSError as exc:
                tell(f"{self.folder / name} is not kept for the next time: {exc.strerror}")

    @staticmethod
    def _copy(disk: Path, target: Path, size: int) -> None:
        """Copy into a file that has no name before it is whole."""
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(target.parent, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with disk.open("rb") as source, os.fdopen(descriptor, "wb") as file:
            while size and (piece := source.read(min(size, _PIECE))):
                size -= file.write(piece)
            file.flush()
            os.fsync(descriptor)
            target.unlink(missing_ok=True)  # it was too old, or it would have been taken
            with suppress(FileExistsError):  # somebody else had one in this moment
                # Only with a folder for the source does Python follow links here (linkat(2), AT_SYMLINK_FOLLOW).
                os.link(f"/proc/self/fd/{descriptor}", target, src_dir_fd=descriptor, follow_symlinks=True)
