"""Where volumes are, as libvirt's storage pools know them."""

from __future__ import annotations

import libvirt

from skerry.errors import NotFound
from skerry.hypervisor.domain_xml import DiskSource
from skerry.hypervisor.faults import is_missing
from skerry.hypervisor.types import NewDisk
from skerry.hypervisor.xml import parse


def locate(connection: libvirt.virConnect, disk: NewDisk) -> DiskSource | None:
    """What a new disk is on; None for an empty drive.

    Raises:
        NotFound: there is no such volume.
    """
    if disk.storage_pool is None or disk.volume is None:
        return None
    return locate_volume(connection, disk.storage_pool, disk.volume)


def locate_volume(connection: libvirt.virConnect, storage_pool: str, volume: str) -> DiskSource:
    """The path and format of a volume; the pool is looked at anew where it does not know the volume yet.

    Raises:
        NotFound: there is no such pool, or no such volume in it.
    """
    pool = next((pool for pool in connection.listAllStoragePools(0) if pool.name() == storage_pool), None)
    if pool is None:
        raise NotFound(f"there is no storage pool {storage_pool} on this host")
    found = _look_up(pool, volume)
    if found is None:
        pool.refresh(0)
        found = _look_up(pool, volume)
    if found is None:
        raise NotFound(f"there is no volume {volume} in storage pool {storage_pool}")
    image = parse(found.XMLDesc(0)).find("target/format")
    kind = "raw" if image is None else image.get("type", "raw")
    return DiskSource(found.path(), "raw" if kind in {"iso", "unknown"} else kind)


def _look_up(pool: libvirt.virStoragePool, volume: str) -> libvirt.virStorageVol | None:
    try:
        return pool.storageVolLookupByName(volume)
    except libvirt.libvirtError as exc:
        if is_missing(exc):
            return None
        raise
