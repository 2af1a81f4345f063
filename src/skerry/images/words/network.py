"""Interfaces and their addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from skerry.errors import BadInput
from skerry.images.words.line import HOST_NAME, Line, matching
from skerry.images.words.meaning import Address, Meaning, Network

_DEVICE = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.-]{1,15}")
_MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_ANY = frozenset({"", "link", "bootif", "ibft"})  # whatever the installer would have chosen
_TEXT = re.compile(r"[A-Za-z0-9_.:=/-]{1,200}")
_VALUE = re.compile(r"[A-Za-z0-9_.:+,-]{1,200}")
_BOND = frozenset(
    {
        *(
            "mode",
            "miimon",
            "updelay",
            "downdelay",
            "primary",
            "primary_reselect",
            "lacp_rate",
            "xmit_hash_policy",
        ),
        *("arp_interval", "arp_ip_target", "arp_validate", "fail_over_mac", "ad_select", "min_links"),
        *("all_slaves_active", "num_grat_arp"),
    }
)
_BRIDGE = frozenset(
    {
        *("stp", "priority", "forward-delay", "hello-time", "max-age", "ageing-time", "multicast-snooping"),
    }
)
_PROTOCOLS = frozenset({"dhcp", "bootp", "static", "query", "ibft"})


def network(meaning: Meaning, line: Line) -> Meaning:
    """Set up an interface, or only the name of the machine."""
    if name := line.text("hostname"):
        meaning = replace(meaning, hostname=matching(HOST_NAME, name, "host name"))
    if set(line.command.options) <= {"--hostname"}:
        return meaning
    made = _interface(line)
    for gateway in made.gateways:
        if not any((":" in each.address) == (":" in gateway) for each in made.addresses):
            line.remark(
                f"the gateway {gateway} has no address beside it: NetworkManager will take what the network tells"
            )
    others = tuple(each for each in meaning.networks if each.device != made.device)
    if len(others) < len(meaning.networks) and made not in meaning.networks:
        line.remark(f"this line replaces an earlier one for {made.device or 'every card'}")
    return replace(meaning, networks=(*others, made))


def _interface(line: Line) -> Network:
    protocol = line.text("bootProto") or "dhcp"
    if protocol not in _PROTOCOLS:
        raise BadInput(f"--bootproto is dhcp or static, not {protocol[:40]!r}")
    kind, parent, vlan = _kind(line)
    four, six = not line.value("noipv4", default=False), not line.value("noipv6", default=False)
    automatic = line.text("ipv6") in {"", "auto"}
    mtu = line.text("mtu")
    if mtu and not (mtu.isascii() and mtu.isdigit() and 68 <= int(mtu) <= 65535):
        raise BadInput(f"--mtu is between 68 and 65535, not {mtu[:40]!r}")
    return Network(
        device=_name_of_vlan(line, parent, vlan) if kind == "vlan" else _device(line.text("device")),
        kind=kind,
        dhcp4=four and protocol != "static",
        dhcp6=six and (line.text("ipv6") == "dhcp" or (protocol != "static" and not line.text("ipv6"))),
        accept_ra=six and automatic,
        addresses=_addresses(line, protocol) if four or six else (),
        gateways=tuple(
            _address(each, "gateway") for each in (line.text("gateway"), line.text("ipv6gateway")) if each
        ),
        name_servers=tuple(_address(each, "name server") for each in line.words("nameserver")),
        search=tuple(
            matching(HOST_NAME, each, "domain")
            for each in (*line.words("ipv4_dns_search"), *line.words("ipv6_dns_search"))
        ),
        use_dns=not any(line.value(name, default=False) for name in ("nodns", "ipv4_ignore_auto_dns")),
        default_route=not line.value("nodefroute", default=False),
        at_boot=bool(line.value("onboot", default=True)),
        mtu=int(mtu) if mtu else None,
        vendor_class=matching(_TEXT, line.text("dhcpclass"), "vendor class") if line.text("dhcpclass") else "",
        parent=parent,
        vlan=vlan,
        members=tuple(_card(each) for each in line.words("bondslaves") or line.words("bridgeslaves")),
        options=_options(line),
    )


def _kind(line: Line) -> tuple[Literal["ethernet", "vlan", "bond", "bridge"], str, int]:
    wanted = [name for name in ("vlanid", "bondslaves", "bridgeslaves") if line.text(name)]
    if len(wanted) > 1:
        raise BadInput(f"an interface is one of --{', --'.join(wanted)}: use a line for each")
    if not wanted:
        return "ethernet", "", 0
    if line.text("device") in _ANY:
        raise BadInput(f"--{wanted[0]} needs the name of a --device")
    if wanted[0] != "vlanid":
        matching(_DEVICE, line.text("device"), "name of an interface")
        return ("bond" if wanted[0] == "bondslaves" else "bridge"), "", 0
    number = line.text("vlanid")
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 4094):
        raise BadInput(f"--vlanid is between 1 and 4094, not {number[:40]!r}")
    return "vlan", _card(line.text("device")), int(number)


def _name_of_vlan(line: Line, parent: str, vlan: int) -> str:
    return matching(_DEVICE, line.text("interfacename") or f"{parent}.{vlan}", "name of an interface")


def _device(text: str) -> str:
    if text in _ANY:
        return ""
    return text.lower() if _MAC.fullmatch(text) else matching(_DEVICE, text, "name of an interface")


def _card(text: str) -> str:
    return matching(_DEVICE, text, "name of an interface")


def _addresses(line: Line, protocol: str) -> tuple[Address, ...]:
    found = []
    four, six = line.text("ip"), line.text("ipv6")
    if protocol == "static" and not four and not line.value("noipv4", default=False) and not six:
        raise BadInput("--bootproto=static needs --ip and --netmask")
    if four and protocol == "static" and not line.value("noipv4", default=False):
        found.append(_with_prefix(four, line.text("netmask"), "--ip"))
    if six and six not in {"auto", "dhcp", "ignore"}:
        found.append(_with_prefix(six, "64", "--ipv6"))
    return tuple(found)


def _with_prefix(text: str, mask: str, option: str) -> Address:
    address, slash, length = text.partition("/")
    try:
        if not slash and not mask:
            raise BadInput(f"{option}={text[:60]} needs a --netmask")
        found = ipaddress.ip_interface(f"{address}/{length if slash else mask}")
    except ValueError as exc:
        raise BadInput(f"{option}: {str(exc)[:200]}") from exc
    return Address(str(found.ip), found.network.prefixlen)


def _address(text: str, what: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as exc:
        raise BadInput(f"{text[:80]!r} is not the address of a {what}") from exc


def _options(line: Line) -> tuple[tuple[str, str], ...]:
    known: Mapping[str, frozenset[str]] = {"bondopts": _BOND, "bridgeopts": _BRIDGE}
    found = []
    for name, options in known.items():
        text = line.text(name)
        # Values of bonds may have commas: then options are separated by semicolons.
        for part in text.split(";" if ";" in text else ",") if text else ():
            key, equals, value = part.strip().partition("=")
            key = key.replace("_", "-") if name == "bridgeopts" else key
            if not equals or key not in options:
                raise BadInput(f"{part[:60]!r} is no option of --{name}; they are {', '.join(sorted(options))}")
            # Networkd separates several values by blanks.
            found.append((key, matching(_VALUE, value, f"value of {key}").replace(",", " ")))
    return tuple(found)
