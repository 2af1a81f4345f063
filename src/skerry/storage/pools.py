"""Libvirt's storage pools: so that virsh and virt-manager see the same volumes as we do.

Functions take an open connection and block; `LibvirtPools` gives them to the driver through whoever owns the
connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import libvirt
from lxml import etree

from skerry.errors import Conflict
from skerry.storage.types import StoragePool

T = TypeVar("T")
_RUNNING = (libvirt.VIR_STORAGE_POOL_RUNNING, libvirt.VIR_STORAGE_POOL_DEGRADED)
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True)


class PoolRegistry(Protocol):
    """Where pools are made known to others."""

    async def ensure(self, name: str, path: Path) -> None:
        """Make sure that an active pool of that name shows this folder."""

    async def refresh(self, name: str) -> None:
        """Look at the folder again."""


class LibvirtCalls(Protocol):
    """Who owns the connection to libvirt."""

    def call(self, fn: Callable[[libvirt.virConnect], T], *, deadline_s: float = ...) -> Awaitable[T]:
        """Run blocking code with the connection, away from the event loop."""


class LibvirtPools:
    """The registry of libvirt."""

    def __init__(self, libvirt_calls: LibvirtCalls) -> None:
        self._libvirt = libvirt_calls

    async def ensure(self, name: str, path: Path) -> None:
        """Define and start the pool where it is not there yet."""
        await self._libvirt.call(lambda connection: ensure_pool(connection, name, path))

    async def refresh(self, name: str) -> None:
        """Let libvirt look at the folder again."""
        await self._libvirt.call(lambda connection: refresh_pool(connection, name))


def ensure_pool(connection: libvirt.virConnect, name: str, path: Path) -> None:
    """Make sure that an active pool of that name shows this folder.

    Raises:
        Conflict: there is a pool of that name that shows another one.
    """
    pool = _find(connection, name)
    if pool is None:
        pool = connection.storagePoolDefineXML(_directory_xml(name, path), 0)
    shown = _target(pool)
    if shown is None or Path(shown) != path:
        raise Conflict(
            f"libvirt has a storage pool {name} that shows {shown}, not {path}",
            hint="name ours with --storage-pool, or remove that one, whose files stay: "
            f"virsh pool-destroy {name}; virsh pool-undefine {name}",
        )
    if not pool.isActive():
        pool.create(0)
    if not pool.autostart():
        pool.setAutostart(1)


def refresh_pool(connection: libvirt.virConnect, name: str) -> None:
    """Let libvirt look at a pool's folder again; one that has gone or is inactive is left alone."""
    pool = _find(connection, name)
    if pool is not None and pool.isActive():
        pool.refresh(0)


def list_pools(connection: libvirt.virConnect) -> list[StoragePool]:
    """All storage pools that libvirt knows, by name."""
    return sorted((_read(pool) for pool in connection.listAllStoragePools(0)), key=lambda pool: pool.name)


def _find(connection: libvirt.virConnect, name: str) -> libvirt.virStoragePool | None:
    return next((pool for pool in connection.listAllStoragePools(0) if pool.name() == name), None)


def _directory_xml(name: str, path: Path) -> str:
    pool = etree.Element("pool", type="dir")
    etree.SubElement(pool, "name").text = name
    etree.SubElement(etree.SubElement(pool, "target"), "path").text = str(path)
    return etree.tostring(pool, encoding="unicode")


def _target(pool: libvirt.virStoragePool) -> str | None:
    return etree.fromstring(pool.XMLDesc(0), _PARSER).findtext("target/path")


def _read(pool: libvirt.virStoragePool) -> StoragePool:
    document = etree.fromstring(pool.XMLDesc(0), _PARSER)
    state, capacity, allocation, available = pool.info()
    return StoragePool(
        name=pool.name(),
        kind=document.get("type", "dir"),
        path=document.findtext("target/path"),
        active=state in _RUNNING,
        capacity=capacity,
        allocation=allocation,
        available=available,
    )
