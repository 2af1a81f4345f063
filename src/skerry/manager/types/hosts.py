"""Hosts, what they have, and resource pools."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from skerry.host.types import HostFacts, MachineName, Network, StoragePool, Volume
from skerry.values import Frozen


class HostInfo(Frozen):
    """A host as the manager sees it."""

    name: str
    online: bool
    since: datetime
    facts: HostFacts | None
    networks: tuple[Network, ...]
    storage_pools: tuple[StoragePool, ...]
    vms: int
    running_vms: int
    cpu: float | None = None  # 0.0 to 1.0, last sample
    free_memory: int | None = None
    problem: str | None = None


class VolumeInfo(Volume):
    """A volume, and what needs it."""

    host: str
    image: str | None = None  # the name of the image in the library that it holds
    clones: tuple[str, ...] = ()  # names of the volumes that stand on it
    unused: bool  # no machine, image or clone needs it: it can be deleted


class Pool(Frozen):
    """A resource pool: what belongs together and who may use it. A tree with one root."""

    id: UUID
    name: str
    parent_id: UUID | None
    path: str  # /default/qa


class NewPool(Frozen):
    """A pool to create."""

    name: MachineName
    parent_id: UUID
