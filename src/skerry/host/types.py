"""What hosts and managers tell each other: what there is on a host, and events.

The values come from the floors of hypervisor and storage and are named here again, so that everything above a
host needs to know this module only. All of them are frozen pydantic models, because they cross the link as JSON.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from skerry.hypervisor.types import (
    Accelerator,
    Address,
    AddressSource,
    BootOrder,
    Consoles,
    Definition,
    Description,
    DirectKernel,
    Disk,
    Firmware,
    HostFacts,
    Machine,
    MachineChanges,
    MachineName,
    MachineSample,
    MachineState,
    Network,
    NewDisk,
    NewMachine,
    NewNic,
    Nic,
    Snapshot,
    Title,
)
from skerry.storage.driver import CloneKind
from skerry.storage.types import StoragePool, Volume
from skerry.values import Frozen, VolumeName

__all__ = [
    "Accelerator",
    "Address",
    "AddressSource",
    "AddressesChanged",
    "BootOrder",
    "CloneKind",
    "Consoles",
    "Definition",
    "Description",
    "DirectKernel",
    "Disk",
    "Firmware",
    "Frozen",
    "HostEvent",
    "HostFacts",
    "HypervisorLost",
    "Listing",
    "Machine",
    "MachineChanged",
    "MachineChanges",
    "MachineName",
    "MachineRemoved",
    "MachineSample",
    "MachineState",
    "Network",
    "NetworksChanged",
    "NewDisk",
    "NewMachine",
    "NewNic",
    "Nic",
    "Samples",
    "Snapshot",
    "StorageChanged",
    "StoragePool",
    "Title",
    "Volume",
    "VolumeName",
]


class MachineChanged(Frozen):
    """A machine appeared or changed; this is all of it."""

    kind: Literal["machine-changed"] = "machine-changed"
    machine: Machine
    reason: str = ""  # libvirt's event and detail, such as "started booted"


class MachineRemoved(Frozen):
    """A machine is no longer known to the hypervisor."""

    kind: Literal["machine-removed"] = "machine-removed"
    uuid: UUID


class AddressesChanged(Frozen):
    """What is known of a machine's addresses changed; empty when it stops."""

    kind: Literal["addresses-changed"] = "addresses-changed"
    uuid: UUID
    addresses: tuple[Address, ...]


class Listing(Frozen):
    """Everything there is, sent after each (re)connect to the hypervisor: what is not here does not exist."""

    kind: Literal["listing"] = "listing"
    facts: HostFacts
    machines: tuple[Machine, ...]
    networks: tuple[Network, ...]
    storage_pools: tuple[StoragePool, ...]


class NetworksChanged(Frozen):
    """All networks, after one of them changed."""

    kind: Literal["networks-changed"] = "networks-changed"
    networks: tuple[Network, ...]


class StorageChanged(Frozen):
    """All storage pools, after one of them or its volumes changed."""

    kind: Literal["storage-changed"] = "storage-changed"
    storage_pools: tuple[StoragePool, ...]


class HypervisorLost(Frozen):
    """The host is there, its libvirt is not; a listing follows when it is back."""

    kind: Literal["hypervisor-lost"] = "hypervisor-lost"
    reason: str


class Samples(Frozen):
    """What all running machines and the host used; coalesced, never stored."""

    kind: Literal["samples"] = "samples"
    host_cpu: float  # 0.0 to 1.0 of all cores
    host_free_memory: int
    machines: tuple[MachineSample, ...]


HostEvent = Annotated[
    MachineChanged
    | MachineRemoved
    | AddressesChanged
    | Listing
    | NetworksChanged
    | StorageChanged
    | HypervisorLost
    | Samples,
    Field(discriminator="kind"),
]
