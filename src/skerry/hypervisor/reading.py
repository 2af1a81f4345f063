"""Machines as libvirt has them now. Lists ask in bulk: a handful of calls, and a few for each machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar
from uuid import UUID

import libvirt

from skerry.errors import NotFound
from skerry.hypervisor.disk_files import measure
from skerry.hypervisor.domain_read import Folders, Reading, etag_of, read, title_and_description
from skerry.hypervisor.faults import is_missing
from skerry.hypervisor.processes import MACHINES
from skerry.hypervisor.types import Definition, Disk, Machine, MachineState
from skerry.hypervisor.xml import parse, parse_domain

T = TypeVar("T")

INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE
SECURE = libvirt.VIR_DOMAIN_XML_SECURE
_STATES = {
    libvirt.VIR_DOMAIN_NOSTATE: MachineState.STOPPED,
    libvirt.VIR_DOMAIN_RUNNING: MachineState.RUNNING,
    libvirt.VIR_DOMAIN_BLOCKED: MachineState.RUNNING,
    libvirt.VIR_DOMAIN_PAUSED: MachineState.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: MachineState.STOPPING,
    libvirt.VIR_DOMAIN_SHUTOFF: MachineState.STOPPED,
    libvirt.VIR_DOMAIN_CRASHED: MachineState.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: MachineState.SUSPENDED,
}


@dataclass(frozen=True)
class _Beside:
    """What libvirt says of a domain beside its XML."""

    state: MachineState
    persistent: bool
    autostart: bool


def list_machines(connection: libvirt.virConnect) -> list[Machine]:
    """All machines, by name. One that disappears meanwhile is left out."""
    folders = pool_folders(connection)
    autostart = _uuids(connection, libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
    persistent = _uuids(connection, libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT)
    saved = _uuids(connection, libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
    found: list[Machine] = []
    for domain, stats in connection.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, 0):
        key = domain.UUID()
        state = _state(stats.get("state.state", libvirt.VIR_DOMAIN_SHUTOFF), saved=key in saved)
        beside = _Beside(state, key in persistent, key in autostart)
        machine = _unless_missing(partial(_machine, domain, beside, folders))
        if machine is not None:
            found.append(machine)
    return sorted(found, key=lambda machine: machine.name)


def get_machine(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """One machine.

    Raises:
        NotFound: there is none with this UUID.
    """
    return read_machine(connection, find(connection, uuid))


def read_machine(connection: libvirt.virConnect, domain: libvirt.virDomain) -> Machine:
    """The machine that a domain is now."""
    with _missing_is(UUID(domain.UUIDString())):
        beside = _Beside(state_of(domain), bool(domain.isPersistent()), _autostart(domain))
        return _machine(domain, beside, pool_folders(connection))


def get_definition(connection: libvirt.virConnect, uuid: UUID) -> Definition:
    """A machine's stored definition, without its passwords.

    Raises:
        NotFound: there is no machine with this UUID.
    """
    domain = find(connection, uuid)
    with _missing_is(uuid):
        xml = domain.XMLDesc(INACTIVE)
    return Definition(xml=xml, etag=etag_of(xml))


def find(connection: libvirt.virConnect, uuid: UUID) -> libvirt.virDomain:
    """The domain with this UUID.

    Raises:
        NotFound: there is none.
    """
    with _missing_is(uuid):
        return connection.lookupByUUID(uuid.bytes)


def find_or_none(connection: libvirt.virConnect, uuid: UUID) -> libvirt.virDomain | None:
    """The domain with this UUID, or None."""
    return _unless_missing(lambda: connection.lookupByUUID(uuid.bytes))


def find_uuid(connection: libvirt.virConnect, name: str) -> UUID:
    """The UUID of the machine with this name."""
    return UUID(connection.lookupByName(name).UUIDString())


def state_of(domain: libvirt.virDomain) -> MachineState:
    """What a machine is doing now."""
    state = _STATES.get(domain.state()[0], MachineState.STOPPED)
    if state in {MachineState.STOPPED, MachineState.CRASHED} and domain.isPersistent():
        return _state(libvirt.VIR_DOMAIN_SHUTOFF, saved=bool(domain.hasManagedSaveImage(0)))
    return state


def pool_folders(connection: libvirt.virConnect) -> Folders:
    """Folders of files, and the storage pools that show them."""
    found: dict[str, str] = {}
    for pool in connection.listAllStoragePools(0):
        xml: str | None = _unless_missing(partial(pool.XMLDesc, 0))
        path = None if xml is None else parse(xml).findtext("target/path")
        if path:
            found[path.rstrip("/")] = pool.name()
    return found


def _machine(domain: libvirt.virDomain, beside: _Beside, folders: Folders) -> Machine:
    xml = domain.XMLDesc(INACTIVE)
    root = parse_domain(xml)
    stored = read(root, folders)
    title, description = title_and_description(root)
    active = beside.state not in {MachineState.STOPPED, MachineState.SAVED, MachineState.CRASHED}
    live = _unless_inactive(lambda: read(parse_domain(domain.XMLDesc(0)), folders)) if active else None
    return Machine(
        uuid=UUID(domain.UUIDString()),
        name=domain.name(),
        state=beside.state,
        persistent=beside.persistent,
        autostart=beside.autostart,
        title=title,
        description=description,
        vcpus=stored.vcpus,
        memory=stored.memory,
        max_vcpus=stored.max_vcpus,
        max_memory=stored.max_memory,
        firmware=stored.firmware,
        secure_boot=stored.secure_boot,
        tpm=stored.tpm,
        domain_type=root.get("type", ""),
        disks=tuple(map(_with_size, stored.disks)),
        nics=stored.nics,
        boot_order=stored.boot_order,
        direct_kernel=stored.direct_kernel,
        consoles=(live or stored).consoles,
        needs_restart=live is not None and _essence(live) != _essence(stored),
        etag=etag_of(xml),
        started_at=MACHINES.running_since(UUID(domain.UUIDString())) if active else None,
    )


def _essence(reading: Reading) -> Reading:
    """What a restart would change: not the medium in a drive."""
    disks = sorted((_without_medium(disk) for disk in reading.disks), key=lambda disk: disk.target)
    nics = sorted(reading.nics, key=lambda nic: nic.mac)
    return replace(reading, disks=tuple(disks), nics=tuple(nics))


def _without_medium(disk: Disk) -> Disk:
    if disk.device not in {"cdrom", "floppy"}:
        return disk
    return disk.model_copy(update={"source": None, "storage_pool": None, "volume": None, "format": None})


def _with_size(disk: Disk) -> Disk:
    found = None
    if disk.source is not None and disk.source.startswith("/") and disk.device != "cdrom":
        found = measure(disk.source, disk.format)
    if found is None:
        return disk
    return disk.model_copy(update={"size": found.size, "allocation": found.allocation})


def _uuids(connection: libvirt.virConnect, flag: int) -> set[bytes]:
    return {domain.UUID() for domain in connection.listAllDomains(flag)}


def _state(number: int, *, saved: bool) -> MachineState:
    state = _STATES.get(number, MachineState.STOPPED)
    return MachineState.SAVED if saved and state in {MachineState.STOPPED, MachineState.CRASHED} else state


def _autostart(domain: libvirt.virDomain) -> bool:
    return bool(domain.isPersistent() and domain.autostart())


def _unless_missing(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except libvirt.libvirtError as exc:
        if is_missing(exc):
            return None
        raise


def _unless_inactive(look: Callable[[], T]) -> T | None:
    """The machine may stop, or go, while we look."""
    try:
        return look()
    except libvirt.libvirtError as exc:
        if is_missing(exc) or exc.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
            return None
        raise


@contextmanager
def _missing_is(uuid: UUID) -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as exc:
        if is_missing(exc):
            raise NotFound(f"there is no machine {uuid} on this host") from exc
        raise
