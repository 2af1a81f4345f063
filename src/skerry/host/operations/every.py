"""All operations of a host: importing this module completes `OPERATIONS`."""

from __future__ import annotations

from skerry.host.operations import (
    consoles,
    definition,
    devices,
    facts,
    guestos,
    machines,
    networks,
    snapshots,
    storage_pools,
    uploads,
    volumes,
)

MODULES = (
    consoles,
    definition,
    devices,
    facts,
    guestos,
    machines,
    networks,
    snapshots,
    storage_pools,
    uploads,
    volumes,
)
