"""Libvirt's callbacks, all of them, registered on one connection and turned into events.

They are called on the thread of the event loop of libvirt, so they only look at what they were given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import libvirt

from skerry.hypervisor.events import AgentEvent, DomainEvent, HypervisorEvent, NetworkEvent, StoragePoolEvent

Tell = Callable[[HypervisorEvent], None]


def _words(prefix: str) -> Mapping[int, str]:
    """Number -> word for libvirt's constants of one kind: `VIR_DOMAIN_EVENT_STARTED_` gives `booted` and so on."""
    names = (name for name in vars(libvirt) if name.startswith(prefix) and not name.startswith(f"{prefix}ID_"))
    return {getattr(libvirt, name): name.removeprefix(prefix).lower().replace("_", " ") for name in names}


_LIFECYCLE = {
    getattr(libvirt, f"VIR_DOMAIN_EVENT_{name}"): (
        name.lower().replace("pmsuspended", "suspended by guest"),
        _words(f"VIR_DOMAIN_EVENT_{name}_"),
    )
    for name in (
        *("DEFINED", "UNDEFINED", "STARTED", "SUSPENDED", "RESUMED", "STOPPED", "SHUTDOWN"),
        *("PMSUSPENDED", "CRASHED"),
    )
}
_NETWORK = _words("VIR_NETWORK_EVENT_")
_STORAGE_POOL = _words("VIR_STORAGE_POOL_EVENT_")
# Events of a machine that say all by their being there: what they are called, and libvirt's name.
_PLAIN = {
    "rebooted": "VIR_DOMAIN_EVENT_ID_REBOOT",
    "media changed": "VIR_DOMAIN_EVENT_ID_TRAY_CHANGE",
    "disk changed": "VIR_DOMAIN_EVENT_ID_DISK_CHANGE",
    "device added": "VIR_DOMAIN_EVENT_ID_DEVICE_ADDED",
    "device removed": "VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED",
    "device removal failed": "VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED",
    "metadata changed": "VIR_DOMAIN_EVENT_ID_METADATA_CHANGE",
    "disk error": "VIR_DOMAIN_EVENT_ID_IO_ERROR",
    "tuned": "VIR_DOMAIN_EVENT_ID_TUNABLE",
    "memory changed": "VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE",
}


def lifecycle_words(event: int, detail: int) -> str:
    """Libvirt's numbers in words: `started booted`."""
    name, details = _LIFECYCLE.get(event, (f"event {event}", {}))
    return f"{name} {details.get(detail, '')}".strip()


def register(connection: libvirt.virConnect, tell: Tell) -> Callable[[], None]:
    """Register for all events; the returned function takes the registrations back.

    Where libvirt has no network or storage driver, there are no events of it either.
    """
    undo: list[tuple[Callable[[int], Any], int]] = []

    def lifecycle(
        _connection: object, domain: libvirt.virDomain, event: int, detail: int, _opaque: object
    ) -> None:
        tell(DomainEvent(UUID(domain.UUIDString()), lifecycle_words(event, detail)))

    def agent(_connection: object, domain: libvirt.virDomain, state: int, _reason: int, _opaque: object) -> None:
        connected = state == libvirt.VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
        tell(AgentEvent(UUID(domain.UUIDString()), connected))

    domain_callbacks = {
        libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE: lifecycle,
        libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE: agent,
        **{getattr(libvirt, name): _plain(tell, what) for what, name in _PLAIN.items()},
    }
    for number, callback in domain_callbacks.items():
        registered = connection.domainEventRegisterAny(None, number, callback, None)
        undo.append((connection.domainEventDeregisterAny, registered))
    undo += _register_networks(connection, tell)
    undo += _register_pools(connection, tell)

    def deregister() -> None:
        for function, registered in undo:
            _leniently(partial(function, registered))

    return deregister


def _plain(tell: Tell, what: str) -> Callable[..., None]:
    def callback(_connection: object, domain: libvirt.virDomain, *_details: object) -> None:
        tell(DomainEvent(UUID(domain.UUIDString()), what))

    return callback


def _register_networks(connection: libvirt.virConnect, tell: Tell) -> list[tuple[Callable[[int], Any], int]]:
    def happened(
        _connection: object, network: libvirt.virNetwork, event: int, _detail: int, _opaque: object
    ) -> None:
        tell(NetworkEvent(network.name(), _NETWORK.get(event, f"event {event}")))

    number = libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE
    registered = _leniently(partial(connection.networkEventRegisterAny, None, number, happened, None))
    return [] if registered is None else [(connection.networkEventDeregisterAny, registered)]


def _register_pools(connection: libvirt.virConnect, tell: Tell) -> list[tuple[Callable[[int], Any], int]]:
    def happened(
        _connection: object, pool: libvirt.virStoragePool, event: int, _detail: int, _opaque: object
    ) -> None:
        tell(StoragePoolEvent(pool.name(), _STORAGE_POOL.get(event, f"event {event}")))

    def refreshed(_connection: object, pool: libvirt.virStoragePool, _opaque: object) -> None:
        tell(StoragePoolEvent(pool.name(), "refreshed"))

    found: list[tuple[Callable[[int], Any], int]] = []
    for number, callback in (
        (libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, happened),
        (libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH, refreshed),
    ):
        registered = _leniently(partial(connection.storagePoolEventRegisterAny, None, number, callback, None))
        if registered is not None:
            found.append((connection.storagePoolEventDeregisterAny, registered))
    return found


def _leniently(act: Callable[[], int]) -> int | None:
    """None where libvirt lacks the driver, or the connection is gone already."""
    try:
        return act()
    except libvirt.libvirtError:
        return None
