"""Snapshots of stopped machines, kept inside their disks (qcow2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import libvirt

from skerry.errors import BadInput, InvalidState, NameTaken, NotFound
from skerry.hypervisor.faults import is_missing
from skerry.hypervisor.reading import find, read_machine, state_of
from skerry.hypervisor.types import Machine, MachineState, Snapshot
from skerry.hypervisor.xml import element, parse, write


def list_snapshots(connection: libvirt.virConnect, uuid: UUID) -> list[Snapshot]:
    """A machine's snapshots, the oldest first."""
    found = [_read(snapshot) for snapshot in find(connection, uuid).listAllSnapshots(0)]
    return sorted(found, key=lambda snapshot: (snapshot.created_at, snapshot.name))


def create_snapshot(connection: libvirt.virConnect, uuid: UUID, name: str, description: str = "") -> Snapshot:
    """Take a snapshot of a stopped machine's disks.

    Raises:
        InvalidState: it is not stopped.
        NameTaken: it has a snapshot of this name.
        BadInput: a disk of it cannot keep snapshots.
    """
    domain = _stopped(connection, uuid, "a snapshot of it cannot be taken")
    if name in domain.snapshotListNames(0):
        raise NameTaken(f"machine {domain.name()} has a snapshot {name} already")
    for disk in read_machine(connection, domain).disks:
        if disk.source is not None and not disk.read_only and disk.format != "qcow2":
            raise BadInput(
                f"disk {disk.target} of machine {domain.name()} is {disk.format}, which keeps no snapshots",
                hint="only qcow2 disks do; `qemu-img convert -O qcow2` makes one of it",
            )
    xml = element("domainsnapshot", element("name", name), element("description", description))
    return _read(domain.snapshotCreateXML(write(xml), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC))


def revert_snapshot(connection: libvirt.virConnect, uuid: UUID, name: str) -> Machine:
    """Put a stopped machine's disks back to a snapshot; what was written since is lost.

    Raises:
        InvalidState: it is not stopped.
        NotFound: it has no snapshot of this name.
    """
    domain = _stopped(connection, uuid, "it cannot go back to a snapshot")
    with _snapshot(domain, name) as snapshot:
        domain.revertToSnapshot(snapshot, 0)
    return read_machine(connection, domain)


def delete_snapshot(connection: libvirt.virConnect, uuid: UUID, name: str) -> None:
    """Forget a snapshot; the disks stay as they are.

    Raises:
        NotFound: the machine has no snapshot of this name.
    """
    domain = find(connection, uuid)
    with _snapshot(domain, name) as snapshot:
        snapshot.delete(0)


@contextmanager
def _snapshot(domain: libvirt.virDomain, name: str) -> Iterator[libvirt.virDomainSnapshot]:
    try:
        yield domain.snapshotLookupByName(name, 0)
    except libvirt.libvirtError as exc:
        if is_missing(exc):
            raise NotFound(f"machine {domain.name()} has no snapshot {name}") from exc
        raise


def _stopped(connection: libvirt.virConnect, uuid: UUID, otherwise: str) -> libvirt.virDomain:
    domain = find(connection, uuid)
    state = state_of(domain)
    if state is not MachineState.STOPPED:
        raise InvalidState(f"machine {domain.name()} is {state}, so {otherwise}", hint="stop it first")
    return domain


def _read(snapshot: libvirt.virDomainSnapshot) -> Snapshot:
    root = parse(snapshot.getXMLDesc(0))
    return Snapshot(
        name=snapshot.getName(),
        created_at=datetime.fromtimestamp(int(root.findtext("creationTime") or 0), UTC),
        current=bool(snapshot.isCurrent(0)),
        description=root.findtext("description") or "",
    )
