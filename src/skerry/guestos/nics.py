"""The network cards of a guest, as files of ifupdown or of systemd-networkd, whichever it has."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from skerry.errors import BadInput
from skerry.guestos import facts as known
from skerry.guestos.edits import Edit
from skerry.guestos.facts import RootFacts
from skerry.guestos.instance import Instance, InstanceNic
from skerry.guestos.parameters import Settings


def interface_edits(
    instance: Instance, settings: Settings, root: RootFacts, node_name_servers: Sequence[str]
) -> Iterator[Edit]:
    """Files that bring the cards up at every boot.

    Raises:
        BadInput: static addresses are wanted, and the cluster does not know one.
    """
    nics = () if settings.network == "none" else instance.nics
    static = [_is_static(nic, number, settings) for number, nic in enumerate(nics)]
    servers = settings.name_servers or tuple(node_name_servers)
    if root.has(known.IFUPDOWN):
        yield Edit("/etc/network/interfaces", interfaces(nics, static).encode())
        yield from _names(nics)
    elif root.has(known.NETWORKD):
        yield from _networkd(nics, static, servers)
    if any(static):
        yield from _name_servers(root, servers)


def is_static(instance: Instance, settings: Settings) -> bool:
    """Whether there are cards that are up at boot, and all of them have addresses that the cluster knows.

    Raises:
        BadInput: as `interface_edits`.
    """
    nics = () if settings.network == "none" else instance.nics
    return bool(nics) and all(_is_static(nic, number, settings) for number, nic in enumerate(nics))


def _name_servers(root: RootFacts, servers: Sequence[str]) -> Iterator[Edit]:
    """Whom a guest with static addresses asks for names. Resolved hears it of networkd, but not of ifupdown."""
    if not root.has(known.RESOLVED):
        yield Edit("/etc/resolv.conf", "".join(f"nameserver {each}\n" for each in servers).encode())
    elif root.has(known.IFUPDOWN) and servers:
        yield Edit("/etc/systemd/resolved.conf.d/50-skerry.conf", f"[Resolve]\nDNS={' '.join(servers)}\n".encode())


def _is_static(nic: InstanceNic, number: int, settings: Settings) -> bool:
    complete = bool(nic.ip and nic.network and _subnet(nic))
    if settings.network == "static" and not complete:
        raise BadInput(
            f"NETWORK=static, and the cluster knows no address with a network for card {number}",
            hint="give the card an address in a gnt-network, or leave the choice to NETWORK=auto",
        )
    return complete and settings.network != "dhcp"


def _subnet(nic: InstanceNic) -> str:
    """The network of the card's address, of the two that it may have."""
    if not nic.network or not nic.ip:
        return ""
    six = ipaddress.ip_address(nic.ip).version == 6
    return nic.network.subnet6 if six else nic.network.subnet


def _gateway(nic: InstanceNic) -> str:
    if not nic.network:
        return ""
    return nic.network.gateway6 if ipaddress.ip_address(nic.ip).version == 6 else nic.network.gateway


def _address(nic: InstanceNic) -> str:
    return f"{nic.ip}/{_subnet(nic).partition('/')[2]}"


def _names(nics: Sequence[InstanceNic]) -> Iterator[Edit]:
    """Names by MAC, as ifupdown knows only names, and the kernel's depend on slots (systemd.link(5))."""
    for number, nic in enumerate(nics):
        if nic.mac:
            text = f"[Match]\nMACAddress={nic.mac}\n\n[Link]\nName=eth{number}\n"
            yield Edit(f"/etc/systemd/network/10-eth{number}.link", text.encode())


def interfaces(nics: Sequence[InstanceNic], static: Sequence[bool]) -> str:
    """The file of ifupdown. A card without an address yet does not hold up the boot."""
    parts = ["auto lo\niface lo inet loopback\n"]
    for number, nic in enumerate(nics):
        name = f"eth{number}"
        if not static[number]:
            parts.append(f"allow-hotplug {name}\niface {name} inet dhcp\n")
            continue
        family = "inet6" if ipaddress.ip_address(nic.ip).version == 6 else "inet"
        gateway = f"    gateway {_gateway(nic)}\n" if _gateway(nic) else ""
        parts.append(f"auto {name}\niface {name} {family} static\n    address {_address(nic)}\n{gateway}")
    return "\n".join(parts)


def _networkd(nics: Sequence[InstanceNic], static: Sequence[bool], servers: Sequence[str]) -> Iterator[Edit]:
    from skerry.images.network_files import networkd_files  # noqa: PLC0415 - few guests need it
    from skerry.images.words.meaning import Address, Network  # noqa: PLC0415

    networks = []
    for number, nic in enumerate(nics):
        device = nic.mac or f"eth{number}"
        if static[number]:
            address, _, prefix = _address(nic).partition("/")
            gateways = (_gateway(nic),) if _gateway(nic) else ()
            given = (Address(address, int(prefix)),)
            names = tuple(servers)  # resolved asks them; without it they are in resolv.conf, too
            plain = Network(
                device, dhcp4=False, dhcp6=False, addresses=given, gateways=gateways, name_servers=names
            )
            networks.append(plain)
        else:
            networks.append(Network(device))
    for path, text in networkd_files(networks).items():
        yield Edit(path, text.encode())
    unit = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    yield Edit(unit, link="/usr/lib/systemd/system/systemd-networkd.service")
