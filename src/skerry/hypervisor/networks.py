"""Networks and bridges that machines can be plugged into."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

import libvirt
from lxml import etree

from skerry.errors import NotFound
from skerry.hypervisor.types import Network, NewNic
from skerry.hypervisor.xml import parse

DEFAULT = "default"
_INTERFACES = Path("/sys/class/net")


def list_networks(connection: libvirt.virConnect) -> list[Network]:
    """All networks of libvirt, and the host's bridges that are not libvirt's.

    A plain user's libvirt has no networks: there the default one is what QEMU makes of the user's own connections.
    """
    found = [_read(network) for network in connection.listAllNetworks(0)]
    if _of_a_plain_user(connection) and all(network.name != DEFAULT for network in found):
        found.append(Network(name=DEFAULT, kind="network", active=True, autostart=True, forward="user", dhcp=True))
    theirs = {network.bridge for network in found}
    found += [_bridge(name) for name in _bridges() if name not in theirs]
    return sorted(found, key=lambda network: (network.kind, network.name))


def plugged(connection: libvirt.virConnect, nic: NewNic) -> NewNic:
    """The card as it can be plugged in here.

    Raises:
        NotFound: there is no such network.
    """
    if nic.kind != "network":
        return nic
    names = sorted(network.name() for network in connection.listAllNetworks(0))
    if nic.network in names:
        return nic
    if nic.network == DEFAULT and _of_a_plain_user(connection):
        return nic.model_copy(update={"kind": "user"})
    known = ", ".join(names) if names else "none at all"
    raise NotFound(f"there is no network {nic.network} on this host", hint=f"the host has: {known}")


def start_networks(connection: libvirt.virConnect, names: Iterable[str]) -> None:
    """Start those of these networks that are there and inactive, such as `default` on a fresh Debian."""
    wanted = set(names)
    if not wanted:
        return
    for network in connection.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_INACTIVE):
        if network.name() in wanted:
            _start(network)


def missing_default(connection: libvirt.virConnect) -> str | None:
    """What to say where libvirt lacks the network that new machines are plugged into; None where it is there."""
    if _of_a_plain_user(connection) or any(net.name() == DEFAULT for net in connection.listAllNetworks(0)):
        return None
    return "libvirt has no network named default: new machines need another network or a bridge to be plugged into"


def _of_a_plain_user(connection: libvirt.virConnect) -> bool:
    return str(connection.getURI()).partition("?")[0].endswith("/session")


def _start(network: libvirt.virNetwork) -> None:
    try:
        network.create()
    except libvirt.libvirtError:
        if not network.isActive():  # else somebody was faster
            raise


def _read(network: libvirt.virNetwork) -> Network:
    root = parse(network.XMLDesc(0))
    bridge, forward = root.find("bridge"), root.find("forward")
    return Network(
        name=network.name(),
        kind="network",
        active=bool(network.isActive()),
        autostart=bool(network.isPersistent() and network.autostart()),
        bridge=None if bridge is None else bridge.get("name"),
        forward=None if forward is None else forward.get("mode", "nat"),
        addresses=tuple(_address(ip) for ip in root.findall("ip") if ip.get("address")),
        dhcp=root.find("ip/dhcp") is not None,
    )


def _address(ip: etree._Element) -> str:
    address, prefix = ip.get("address", ""), ip.get("prefix") or ip.get("netmask")
    return address if prefix is None else str(ipaddress.ip_interface(f"{address}/{prefix}"))


def _bridges() -> list[str]:
    try:
        return sorted(path.name for path in _INTERFACES.iterdir() if (path / "bridge").is_dir())
    except OSError:
        return []


def _bridge(name: str) -> Network:
    try:
        up = (_INTERFACES / name / "operstate").read_text().strip() != "down"
    except OSError:
        up = False
    return Network(name=name, kind="bridge", active=up, autostart=False, bridge=name)
