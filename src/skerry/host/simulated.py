"""A host that exists in memory only, with the operations and events of a real one.

For tests of managers, and for measuring them against thousands of machines.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from skerry.host.agent import Host
from skerry.host.guest_oses import GuestOses
from skerry.host.memory_hypervisor import MemoryHypervisor
from skerry.host.storage import HostStorage
from skerry.host.types import Machine
from skerry.storage.memory import Memory
from skerry.storage.uploads import Uploads


def simulated_host(
    name: str,
    *,
    folder: Path,
    machines: Iterable[Machine] = (),
    hypervisor: MemoryHypervisor | None = None,
    storage_pool: str = "skerry",
) -> Host:
    """A host in memory, not started; real are uploads, files to import and guest OS definitions below `folder`."""
    memory = hypervisor or MemoryHypervisor(machines)
    uploads = folder / "uploads"
    uploads.mkdir(parents=True, exist_ok=True)
    storage = HostStorage(
        [Memory(storage_pool)], Uploads(uploads), import_folders=[folder], others=memory.storage_pools
    )
    return Host(name, memory, storage, guest_oses=GuestOses([folder / "guest-os"]))
