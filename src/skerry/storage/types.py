"""What storage has: pools and the volumes in them. Sizes are bytes."""

from __future__ import annotations

from skerry.values import Frozen


class StoragePool(Frozen):
    """A place for volumes on a host (a libvirt storage pool)."""

    name: str
    kind: str
    path: str | None
    active: bool
    capacity: int
    allocation: int
    available: int
    managed: bool = False  # volumes are made and deleted here; other pools of libvirt are only shown


class Volume(Frozen):
    """A disk image in a storage pool."""

    storage_pool: str
    name: str
    path: str
    format: str  # qcow2, raw, iso …
    capacity: int  # bytes the guest sees
    allocation: int  # bytes used on the host
    backing: str | None = None  # path of the image that a thin clone stands on
    used_by: tuple[str, ...] = ()  # names of machines
