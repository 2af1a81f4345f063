"""The partition table of one disk."""

from __future__ import annotations

from collections.abc import Callable

from skerry.images.layout import GPT_TYPES, Disk

_FIRST = 34  # sectors: MBR, header and 128 entries


def sfdisk_script(disk: Disk, identity: Callable[[str], str]) -> str:
    """The table as sfdisk(8) reads it; `identity` gives UUIDs by name."""
    lines = [
        "label: gpt",
        "unit: sectors",
        f"label-id: {identity(f'disk {disk.name}')}",
        f"first-lba: {_FIRST}",
        "",
    ]
    lines += [
        f"start={part.start}, size={part.sectors}, type={GPT_TYPES[part.role]}, "
        f'uuid={identity(f"partition {part.name}")}, name="{part.name}"'
        for part in disk.partitions
    ]
    return "\n".join(lines) + "\n"
