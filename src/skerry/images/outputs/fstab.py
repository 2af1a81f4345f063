"""The files by which an installed system finds its file systems again: fstab, and what grows at boot."""

from __future__ import annotations

from collections.abc import Mapping

from skerry.images.layout import Layout, Mount, Role

_CHECKED = frozenset({"ext2", "ext3", "ext4", "vfat"})
_GROWING = frozenset({"ext4", "ext3", "xfs", "btrfs"})
_DEFAULTS = {"ext2": "errors=remount-ro", "ext3": "errors=remount-ro", "ext4": "errors=remount-ro"}
# repart.d(5), Type=. It tells partitions of one type apart only by their order, so only these grow.
_REPART_TYPES = {
    Role.ROOT: "root",
    Role.HOME: "home",
    Role.SRV: "srv",
    Role.SWAP: "swap",
    Role.DATA: "linux-generic",
}


def fstab(layout: Layout, uuids: Mapping[str, str]) -> str:
    """Every file system by its UUID; a root under an overlay is no business of fstab."""
    lines = [_line(mount, layout, uuids[mount.device]) for mount in layout.mounts() if not _is_overlaid(mount)]
    return "".join(f"{line}\n" for line in lines)


def _is_overlaid(mount: Mount) -> bool:
    return mount.mountpoint == "/" and mount.file_system.type == "erofs"


def _line(mount: Mount, layout: Layout, uuid: str) -> str:
    kind = mount.file_system.type
    if kind == "swap":
        return f"UUID={uuid} none swap {mount.options or 'sw'} 0 0"
    options = [mount.options or "defaults"]
    if mount.mountpoint == "/" and not mount.options and kind in _DEFAULTS:
        options.append(_DEFAULTS[kind])
    if mount.subvolume:
        options.append(f"subvol={mount.subvolume}")
    if mount.device in growing(layout) and kind in _GROWING:
        options.append("x-systemd.growfs")
    passes = "0" if kind not in _CHECKED else "1" if mount.mountpoint == "/" else "2"
    place = mount.mountpoint.replace("\\", r"\134").replace(" ", r"\040")
    return f"UUID={uuid} {place} {kind} {','.join(options)} 0 {passes}"


def growing(layout: Layout) -> frozenset[str]:
    """The devices with a file system that grow when the machine boots on a larger disk."""
    found = {part.name for disk in layout.disks for part in disk.partitions if part.grow}
    return frozenset(found | {each.name for each in layout.btrfs if set(each.members) & found})


def repart_files(layout: Layout) -> dict[str, bytes]:
    """What systemd-repart, where it is installed, grows on the disk of the root: its last partition."""
    disk = layout.disks[0]
    last = disk.partitions[-1]
    if not last.grow or last.role not in _REPART_TYPES:
        return {}
    files = {}
    same = [part for part in disk.partitions if part.role is last.role]
    for number, part in enumerate(same):
        fixed = "" if part is last else f"SizeMaxBytes={part.size}\n"
        limit = f"SizeMaxBytes={part.max_size}\n" if part is last and part.max_size else fixed
        text = f"[Partition]\nType={_REPART_TYPES[part.role]}\n{limit}"
        files[f"/etc/repart.d/{50 + number}-{part.name}.conf"] = text.encode()
    return files
