"""Every kind of file system, by the name that recipes have for it."""

from __future__ import annotations

from collections.abc import Mapping

from skerry.errors import BadInput
from skerry.images.outputs.filesystems.btrfs import Btrfs
from skerry.images.outputs.filesystems.erofs import Erofs
from skerry.images.outputs.filesystems.ext import Ext
from skerry.images.outputs.filesystems.swap import Swap
from skerry.images.outputs.filesystems.vfat import Vfat
from skerry.images.outputs.filesystems.writer import Writer
from skerry.images.outputs.filesystems.xfs import Xfs

WRITERS: Mapping[str, Writer] = {
    **{name: Ext() for name in ("ext2", "ext3", "ext4")},
    "xfs": Xfs(),
    "btrfs": Btrfs(),
    "erofs": Erofs(),
    "vfat": Vfat(),
    "swap": Swap(),
}


def find_writer(kind: str) -> Writer:
    """What writes this kind.

    Raises:
        BadInput: nothing does.
    """
    if kind not in WRITERS:
        raise BadInput(f"a file system of the kind {kind!r} cannot be made", hint=f"choose {', '.join(WRITERS)}")
    return WRITERS[kind]
