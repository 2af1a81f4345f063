"""What the hypervisor connection tells its subscribers.

Facts of libvirt, raw: which thing, and what happened to it in libvirt's words. Who needs more asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Connected:
    """The hypervisor was reached (again): everything may differ from before, so list anew.

    The callbacks were registered before this is told: nothing that happens after a listing is missing.
    """


@dataclass(frozen=True)
class Lost:
    """The hypervisor cannot be reached any more; `Connected` follows when it can."""

    reason: str


@dataclass(frozen=True)
class DomainEvent:
    """Something happened to a machine, such as `started booted`; it may be gone since."""

    uuid: UUID
    what: str


@dataclass(frozen=True)
class AgentEvent:
    """The guest's agent came or went."""

    uuid: UUID
    connected: bool


@dataclass(frozen=True)
class NetworkEvent:
    """Something happened to a network."""

    name: str
    what: str


@dataclass(frozen=True)
class StoragePoolEvent:
    """Something happened to a storage pool, or to the volumes in it (`refreshed`)."""

    name: str
    what: str


HypervisorEvent = Connected | Lost | DomainEvent | AgentEvent | NetworkEvent | StoragePoolEvent
