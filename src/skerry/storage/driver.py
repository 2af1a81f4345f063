"""What every kind of storage can do.

Everything that makes a volume takes an `origin`: who asks, such as the id of a task. A second call of the same
origin finds the volume that the first one made; one of another origin is told that the name is taken. So a step
that was cut off can run again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Flag, StrEnum, auto
from pathlib import Path
from typing import ClassVar, Protocol

from skerry.progress import Progress
from skerry.storage.types import StoragePool, Volume


class Feature(Flag):
    """What a driver can do beyond making, listing and deleting volumes."""

    THIN_CLONE = auto()
    GROW = auto()
    IMPORT = auto()  # takes images from files and uploads
    PLACE = auto()  # takes files that others write


class CloneKind(StrEnum):
    """What a new volume shares with the one that it begins as."""

    THIN = "thin"  # stands on it: at once, and the source must never be written again
    LAYER = "layer"  # a copy of what it holds itself, on the same backing image; a full one where it has none
    FULL = "full"  # a copy of everything, which stands alone


Grow = Callable[[str, int], Awaitable[None]]  # path and new size


class StorageDriver(Protocol):
    """One storage pool."""

    kind: ClassVar[str]
    features: ClassVar[Feature]
    name: str
    on_change: Callable[[], None]  # called some time after volumes changed

    async def start(self) -> None:
        """Make the pool ready, and remove what a process that is gone left half-made."""

    async def announce(self) -> None:
        """Make the pool known to the hypervisor, where it is not.

        After a Conflict the pool takes no changes until this succeeded: what the hypervisor shows under its name
        are the volumes of somebody else.

        Raises:
            Unavailable: the hypervisor is away.
            Conflict: it has another pool of that name.
        """

    def check(self) -> None:
        """Raise Conflict after the last `announce` did."""

    async def stop(self) -> None:
        """Let go of the pool; may be called twice."""

    async def pool(self) -> StoragePool:
        """The pool itself, and how full it is."""

    async def volumes(self) -> list[Volume]:
        """All volumes, by name; `used_by` is left empty."""

    async def get(self, name: str) -> Volume:
        """One volume.

        Raises:
            NotFound: there is none of that name.
        """

    def path_of(self, name: str) -> str:
        """Where a volume of that name is, or would be.

        Raises:
            BadInput: it is not a name.
        """

    def owns(self, path: str) -> str | None:
        """The name of the volume that a path would be; None where it is not in this pool."""

    async def dependents(self, name: str) -> tuple[str, ...]:
        """Names of the volumes that stand on this one, also of those that are being made now."""

    async def create(self, name: str, size: int, *, origin: str) -> Volume:
        """Make an empty volume.

        Raises:
            NameTaken: another origin made a volume of that name.
            NoSpace: the pool is full; nothing is left behind.
        """

    async def clone(
        self,
        source: str,
        name: str,
        *,
        size: int | None,
        how: CloneKind = CloneKind.THIN,
        origin: str,
        progress: Progress,
    ) -> Volume:
        """Make a volume that begins with what `source` holds.

        Raises:
            NotFound: there is no such source.
            BadInput: `size` is smaller than the source, or the source is a CD.
            NameTaken, NoSpace: as for `create`.
        """

    async def resize(self, name: str, size: int, *, grow: Grow | None = None) -> Volume:
        """Grow a volume; where a running machine has it, `grow` is how its hypervisor does that.

        Raises:
            BadInput: it would shrink.
            InUse: others stand on it.
        """

    async def delete(self, name: str, *, missing_ok: bool = False) -> None:
        """Remove a volume for good.

        Raises:
            InUse: others stand on it; the message names them.
        """

    async def import_image(
        self,
        name: str,
        source: Path,
        *,
        sha256: str | None,
        raw: bool,
        origin: str,
        progress: Progress,
        known_as: str = "",
    ) -> Volume:
        """Take an image of any known format, compressed or not, after a look at all that it says of itself.

        `known_as` is what errors call it; otherwise the name of the file.

        Raises:
            BadImage, TooLarge: it may not come in.
            NameTaken, NoSpace: as for `create`.
        """

    async def place(self, name: str, write: Callable[[Path], Awaitable[None]], *, origin: str) -> Volume:
        """Let somebody write a file, and make it a volume when it is whole.

        Raises:
            NameTaken, NoSpace: as for `create`.
        """
