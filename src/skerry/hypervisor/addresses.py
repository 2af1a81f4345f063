"""The IP addresses of guests: from the leases of libvirt's networks, and from the guest's agent."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import libvirt

from skerry.hypervisor.reading import find
from skerry.hypervisor.types import Address, AddressSource
from skerry.hypervisor.xml import parse_domain

_AGENT_S = 5  # an agent that does not answer must not hold a machine up
_SOURCES = {
    AddressSource.LEASE: libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    AddressSource.AGENT: libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
}


def addresses(connection: libvirt.virConnect, uuid: UUID) -> tuple[Address, ...]:
    """What is known of a machine's addresses; the agent knows better than the leases, where it answers.

    Raises:
        NotFound: there is no machine with this UUID.
    """
    domain = find(connection, uuid)
    if not domain.isActive():
        return ()
    found = {entry.address: entry for entry in _ask(domain, AddressSource.LEASE)}
    if agent_connected(domain):
        domain.agentSetResponseTimeout(_AGENT_S, 0)
        found |= {entry.address: entry for entry in _ask(domain, AddressSource.AGENT)}
    return tuple(sorted(found.values(), key=_order))


def agent_connected(domain: libvirt.virDomain) -> bool:
    """Whether the guest's agent listens."""
    for target in parse_domain(domain.XMLDesc(0)).findall("devices/channel/target"):
        if target.get("name") == "org.qemu.guest_agent.0":
            return target.get("state") == "connected"
    return False


def _ask(domain: libvirt.virDomain, source: AddressSource) -> Iterator[Address]:
    interfaces: Mapping[str, Mapping[str, Any]]
    try:
        interfaces = domain.interfaceAddresses(_SOURCES[source], 0) or {}
    except libvirt.libvirtError:
        return  # it stopped meanwhile, its network has no leases, or the agent has better things to do
    for name, interface in interfaces.items():
        for entry in interface.get("addrs") or ():
            address = ipaddress.ip_address(entry["addr"].partition("%")[0])
            if not (address.is_loopback or address.is_link_local):
                yield Address(
                    mac=(interface.get("hwaddr") or "").lower(),
                    address=str(address),
                    prefix=int(entry["prefix"]),
                    family="ipv4" if address.version == 4 else "ipv6",
                    source=source,
                    interface=name if source is AddressSource.AGENT else "",
                )


def _order(entry: Address) -> tuple[str, str, str]:
    return entry.interface, entry.family, entry.address
