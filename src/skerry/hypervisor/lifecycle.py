"""Making machines, removing them, and taking them from state to state.

Each function takes an open connection, blocks, and does the whole of one thing: look, then act.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from uuid import UUID

import libvirt
from lxml import etree

from skerry.errors import BadDefinition, BadInput, Changed, Conflict, InvalidState
from skerry.hypervisor.domain_edit import change_domain, keep_secrets
from skerry.hypervisor.domain_read import etag_of, serial_log
from skerry.hypervisor.domain_xml import DiskSource, Platform, build_domain
from skerry.hypervisor.facts import total_memory
from skerry.hypervisor.faults import fault
from skerry.hypervisor.networks import plugged, start_networks
from skerry.hypervisor.reading import (
    INACTIVE,
    SECURE,
    find,
    find_or_none,
    get_machine,
    read_machine,
    state_of,
)
from skerry.hypervisor.types import Definition, Machine, MachineChanges, MachineState, NewMachine
from skerry.hypervisor.volumes import locate
from skerry.hypervisor.xml import element, parse_domain, write
from skerry.sizes import format_size

_ACTIVE = frozenset(
    {
        MachineState.RUNNING,
        MachineState.PAUSED,
        MachineState.STOPPING,
        MachineState.SUSPENDED,
        MachineState.CRASHED,
    }
)
_MOST_WORDS = 500  # of what a schema has to say
_SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
# libvirt has no "store this if nothing changed": what we ourselves do is done one at a time.
_storing = threading.RLock()


def define_machine(
    connection: libvirt.virConnect,
    new: NewMachine,
    platform: Platform,
    sources: Sequence[DiskSource | None] | None = None,
) -> Machine:
    """Define a machine. One of this UUID and name that is there already is left as it is, and returned.

    `sources` are those of the disks, in their order; None: libvirt knows the volumes.

    Raises:
        NameTaken: another machine has the name.
        BadInput: more memory than the host has, or a network that there is not.
        BadDefinition: libvirt's words on what it does not like.
    """
    with _storing:
        there = find_or_none(connection, new.uuid)
        if there is not None:
            if there.name() != new.name:
                raise Conflict(f"the UUID of {new.name} is that of machine {there.name()}")
            return read_machine(connection, there)
        check_memory(new.memory)
        new = new.model_copy(update={"nics": tuple(plugged(connection, nic) for nic in new.nics)})
        if sources is None:
            sources = [locate(connection, disk) for disk in new.disks]
        domain = _store(connection, build_domain(new, sources, platform))
        if new.autostart:
            domain.setAutostart(1)
        return read_machine(connection, domain)


def define_xml(connection: libvirt.virConnect, xml: str, *, expected_etag: str | None = None) -> Machine:
    """Store a definition, new or edited.

    Raises:
        Changed: the stored definition is not the one with `expected_etag`.
        NameTaken: another machine has the name.
        BadDefinition: not a domain, or libvirt's words on what it does not like.
    """
    root = parse_domain(xml)
    with _storing:
        there = _described(connection, root, by_name=expected_etag is not None)
        _check_etag(there, root.findtext("name") or "?", expected_etag)
        if there is not None:
            if root.find("uuid") is None:
                root.insert(0, element("uuid", there.UUIDString()))
            keep_secrets(parse_domain(there.XMLDesc(INACTIVE | SECURE)), root)
        return read_machine(connection, _store(connection, write(root)))


def check_definition(connection: libvirt.virConnect, xml: str) -> Definition:
    """Whether libvirt would take a definition; nothing is stored.

    Raises:
        BadDefinition: not a domain, or libvirt's words on what it does not like.
    """
    root = parse_domain(xml)
    schema = _schema()
    if schema is not None and not schema.validate(root):
        words = "; ".join(dict.fromkeys(error.message for error in schema.error_log))
        raise BadDefinition(f"the definition does not follow the schema of libvirt: {words[:_MOST_WORDS]}")
    try:
        connection.domainXMLToNative("qemu-argv", write(root), 0)
    except libvirt.libvirtError as exc:
        raise BadDefinition(fault(exc).message) from exc
    return Definition(xml=xml, etag=etag_of(xml))


def change(
    connection: libvirt.virConnect, uuid: UUID, changes: MachineChanges, *, expected_etag: str | None = None
) -> Machine:
    """Change a definition in place, and the running machine where that is possible; else it needs a restart.

    Raises:
        Changed: the stored definition is not the one with `expected_etag`.
        BadInput: more memory than the host has.
    """
    if changes.memory is not None:
        check_memory(changes.memory)
    with _storing:
        domain = find(connection, uuid)
        _check_etag(domain, domain.name(), expected_etag)
        root = parse_domain(domain.XMLDesc(INACTIVE | SECURE))
        change_domain(root, changes)
        _store(connection, write(root))
    if domain.isActive():
        _change_live(domain, changes)
    return read_machine(connection, domain)


def undefine(connection: libvirt.virConnect, uuid: UUID) -> None:
    """Forget a machine that does not run, with its saved memory, firmware variables, TPM and snapshots' records.

    Its volumes stay.

    Raises:
        InvalidState: it runs.
        NotFound: there is none with this UUID.
    """
    domain = find(connection, uuid)
    if domain.isActive():
        raise _wrong_state(domain, "deleted", "power it off first")
    log = serial_log(domain.XMLDesc(INACTIVE))
    domain.undefineFlags(
        libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
        | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
        | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
        | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
        | libvirt.VIR_DOMAIN_UNDEFINE_TPM
    )
    if log is not None and Path(log).name.startswith(str(uuid)):  # one of ours
        for kept in Path(log).parent.glob(f"{uuid}-serial0.log*"):
            with contextlib.suppress(OSError):
                kept.unlink()


def start(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Start a machine, and the networks that it is plugged into; one that was saved goes on where it was."""
    allowed = {MachineState.STOPPED, MachineState.SAVED}
    return _act(connection, uuid, "started", allowed, lambda domain: _start(connection, domain))


def shutdown(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Ask the guest to shut down: through its agent, else by its power button."""
    allowed = {MachineState.RUNNING, MachineState.STOPPING}
    return _act(connection, uuid, "shut down", allowed, lambda domain: domain.shutdown())


def power_off(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Switch a machine off, as by pulling its plug."""
    return _act(connection, uuid, "powered off", _ACTIVE, _power_off)


def reboot(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Ask the guest to restart: through its agent, else by its power button."""
    return _act(connection, uuid, "rebooted", {MachineState.RUNNING}, lambda domain: domain.reboot(0))


def reset(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Restart a machine at once, as by its reset button."""
    return _act(connection, uuid, "reset", _ACTIVE, lambda domain: domain.reset(0))


def pause(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Hold a machine; it stays in memory."""
    return _act(connection, uuid, "paused", {MachineState.RUNNING}, lambda domain: domain.suspend())


def resume(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Let a paused machine, or a guest that sleeps, go on."""

    def go_on(domain: libvirt.virDomain) -> None:
        if state_of(domain) is MachineState.SUSPENDED:
            domain.pMWakeup(0)
        else:
            domain.resume()

    return _act(connection, uuid, "resumed", {MachineState.PAUSED, MachineState.SUSPENDED}, go_on)


def save(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Write a machine's memory to disk and stop it. Takes as long as that takes."""
    allowed = {MachineState.RUNNING, MachineState.PAUSED}
    return _act(connection, uuid, "saved", allowed, lambda domain: domain.managedSave(0))


def restore(connection: libvirt.virConnect, uuid: UUID) -> Machine:
    """Let a saved machine go on where it was."""
    return _act(connection, uuid, "restored", {MachineState.SAVED}, lambda domain: _start(connection, domain))


def rename(connection: libvirt.virConnect, uuid: UUID, name: str) -> Machine:
    """Give a stopped machine another name.

    Raises:
        NameTaken: another machine has it.
    """
    domain = find(connection, uuid)
    if domain.name() != name:
        if state_of(domain) is not MachineState.STOPPED:
            raise _wrong_state(domain, "renamed", "stop it first")
        domain.rename(name, 0)
    return get_machine(connection, uuid)


def set_autostart(connection: libvirt.virConnect, uuid: UUID, *, enabled: bool) -> Machine:
    """Say whether a machine starts with its host."""
    domain = find(connection, uuid)
    domain.setAutostart(int(enabled))
    return read_machine(connection, domain)


def send_ctrl_alt_del(connection: libvirt.virConnect, uuid: UUID) -> None:
    """Press these three keys in a running machine."""
    keys = [29, 56, 111]  # Linux key codes
    find(connection, uuid).sendKey(libvirt.VIR_KEYCODE_SET_LINUX, 100, keys, len(keys), 0)


def check_memory(size: int) -> None:
    """Raise BadInput where the host does not have that much memory."""
    there = total_memory()
    if size > there:
        raise BadInput(
            f"{format_size(size)} of memory is more than the host has ({format_size(there)})",
            hint="ask for less; the host and its other machines need some too",
        )


def _act(
    connection: libvirt.virConnect,
    uuid: UUID,
    done: str,
    allowed: set[MachineState] | frozenset[MachineState],
    act: Callable[[libvirt.virDomain], object],
) -> Machine:
    domain = find(connection, uuid)
    if state_of(domain) not in allowed:
        raise _wrong_state(domain, done, f"this is possible while it is {_either(allowed)}")
    act(domain)
    return get_machine(connection, uuid)


def _start(connection: libvirt.virConnect, domain: libvirt.virDomain) -> None:
    sources = parse_domain(domain.XMLDesc(INACTIVE)).findall("devices/interface/source")
    start_networks(connection, (name for source in sources if (name := source.get("network"))))
    domain.create()


def _power_off(domain: libvirt.virDomain) -> None:
    try:
        domain.destroy()
    except libvirt.libvirtError:
        if domain.isActive():  # else it stopped by itself at that moment
            raise


def _wrong_state(domain: libvirt.virDomain, done: str, hint: str) -> InvalidState:
    return InvalidState(f"machine {domain.name()} is {state_of(domain)}, so it cannot be {done}", hint=hint)


def _either(states: set[MachineState] | frozenset[MachineState]) -> str:
    return " or ".join(sorted(states))


def _store(connection: libvirt.virConnect, xml: str) -> libvirt.virDomain:
    return connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)


def _described(connection: libvirt.virConnect, root: etree._Element, *, by_name: bool) -> libvirt.virDomain | None:
    """The machine that a definition is of, if it is there."""
    text = (root.findtext("uuid") or "").strip()
    if text:
        try:
            return find_or_none(connection, UUID(text))
        except ValueError:
            raise BadDefinition(f"{text!r} is not a UUID") from None
    name = (root.findtext("name") or "").strip()
    if by_name and name:
        return next((domain for domain in connection.listAllDomains(0) if domain.name() == name), None)
    return None


def _check_etag(domain: libvirt.virDomain | None, name: str, expected: str | None) -> None:
    if expected is None:
        return
    if domain is None or etag_of(domain.XMLDesc(INACTIVE)) != expected:
        raise Changed(
            f"the definition of {name} is not any more what it was when you read it",
            hint="read it again, and make your change there",
        )


def _change_live(domain: libvirt.virDomain, changes: MachineChanges) -> None:
    """Bring to the running machine what can be; what cannot waits for its restart."""
    live = libvirt.VIR_DOMAIN_AFFECT_LIVE
    attempts: list[Callable[[], object]] = []
    if changes.title is not None:
        title = changes.title or None
        attempts.append(lambda: domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None, live))
    if changes.description is not None:
        words, kind = changes.description or None, libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
        attempts.append(lambda: domain.setMetadata(kind, words, None, None, live))
    if changes.memory is not None:
        size = changes.memory // 1024
        attempts.append(lambda: domain.setMemoryFlags(size, live))
    if changes.vcpus is not None:
        count = changes.vcpus
        attempts.append(lambda: domain.setVcpusFlags(count, live))
    for attempt in attempts:
        with contextlib.suppress(libvirt.libvirtError):
            attempt()


@cache
def _schema() -> etree.RelaxNG | None:
    try:
        return etree.RelaxNG(etree.parse(str(_SCHEMA)))
    except (OSError, etree.RelaxNGParseError):
        return None
