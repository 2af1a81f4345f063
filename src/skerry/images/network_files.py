"""Interfaces as files of systemd-networkd and of NetworkManager: by path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skerry.images.words.meaning import Network

_NETWORKD = "/etc/systemd/network"
_MANAGER = "/etc/NetworkManager/system-connections"
_EVERY_CARD = "en* eth*"
_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
# Options of the kernel's bonding and of iproute2's bridges, as systemd.netdev(5) calls them.
_BOND = {
    "mode": "Mode",
    "miimon": "MIIMonitorSec",
    "updelay": "UpDelaySec",
    "downdelay": "DownDelaySec",
    "primary_reselect": "PrimaryReselectPolicy",
    "lacp_rate": "LACPTransmitRate",
    "xmit_hash_policy": "TransmitHashPolicy",
    "arp_interval": "ARPIntervalSec",
    "arp_ip_target": "ARPIPTargets",
    "arp_validate": "ARPValidate",
    "fail_over_mac": "FailOverMACPolicy",
    "ad_select": "AdSelect",
    "min_links": "MinLinks",
    "all_slaves_active": "AllSlavesActive",
    "num_grat_arp": "GratuitousARP",
}
_MILLISECONDS = frozenset({"miimon", "updelay", "downdelay", "arp_interval"})
_BRIDGE = {
    "stp": "STP",
    "priority": "Priority",
    "forward-delay": "ForwardDelaySec",
    "hello-time": "HelloTimeSec",
    "max-age": "MaxAgeSec",
    "ageing-time": "AgeingTimeSec",
    "multicast-snooping": "MulticastSnooping",
}
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}  # as NetworkManager's files have them
Section = tuple[str, Sequence[str]]


def networkd_files(networks: Sequence[Network]) -> dict[str, str]:
    """What systemd-networkd reads."""
    files = {}
    more = _joined(networks)
    for network in networks:
        name = network.device.replace(":", "-") or "dhcp"
        if network.kind != "ethernet":
            files[f"{_NETWORKD}/70-{name}.netdev"] = _text(_netdev(network))
        number = 70 if network.device else 80
        files[f"{_NETWORKD}/{number}-{name}.network"] = _text(_network(network, more.pop(network.device, [])))
    for device, lines in more.items():  # parts that no line of the recipe is about
        own = [("Match", [f"Name={device}"]), ("Network", ["LinkLocalAddressing=no", *lines])]
        files[f"{_NETWORKD}/60-{device}.network"] = _text(own)
    return files


def _joined(networks: Sequence[Network]) -> dict[str, list[str]]:
    """What a card's own file says of what it is a part of."""
    found: dict[str, list[str]] = {}
    for network in networks:
        if network.kind == "vlan":
            found.setdefault(network.parent, []).append(f"VLAN={network.device}")
        for member in network.members:
            lines = found.setdefault(member, [])
            lines.append(f"{network.kind.capitalize()}={network.device}")
            if ("primary", member) in network.options:
                lines.append("PrimarySlave=yes")
    return found


def _netdev(network: Network) -> list[Section]:
    sections: list[Section] = [("NetDev", [f"Name={network.device}", f"Kind={network.kind}"])]
    if network.kind == "vlan":
        sections.append(("VLAN", [f"Id={network.vlan}"]))
    names = _BOND if network.kind == "bond" else _BRIDGE
    lines = [f"{names[key]}={_value(key, value)}" for key, value in network.options if key in names]
    if lines:
        sections.append((network.kind.capitalize(), lines))
    return sections


def _value(key: str, value: str) -> str:
    if key == "mode" and value in {str(number) for number in range(len(_MODES))}:
        return _MODES[int(value)]
    if key == "lacp_rate":
        return {"0": "slow", "1": "fast"}.get(value, value)
    return f"{value}ms" if key in _MILLISECONDS else value


def _network(network: Network, joined: Iterable[str]) -> list[Section]:
    mac = ":" in network.device
    match = f"MACAddress={network.device}" if mac else f"Name={network.device or _EVERY_CARD}"
    link = [f"MTUBytes={network.mtu}"] if network.mtu else []
    if not network.at_boot:
        link += ["ActivationPolicy=manual", "RequiredForOnline=no"]
    six = network.accept_ra or network.dhcp6 or any(":" in each.address for each in network.addresses)
    dhcp = {(True, True): "yes", (True, False): "ipv4", (False, True): "ipv6"}.get((network.dhcp4, network.dhcp6))
    lines = [f"DHCP={dhcp}"] if dhcp else []
    if not network.accept_ra:
        lines.append("IPv6AcceptRA=no")
    if not six:
        lines.append("LinkLocalAddressing=no")
    lines += [f"Address={each}" for each in network.addresses]
    lines += [f"Gateway={each}" for each in network.gateways if network.default_route]
    lines += [f"DNS={each}" for each in network.name_servers]
    lines += [f"Domains={' '.join(network.search)}"] if network.search else []
    four = [] if network.use_dns else ["UseDNS=no"]
    both = [*four, *([] if network.default_route else ["UseGateway=no"])]
    vendor = [f"VendorClassIdentifier={network.vendor_class}"] if network.vendor_class else []
    return [
        ("Match", [match]),
        ("Link", link),
        ("Network", [*lines, *joined]),
        ("DHCPv4", [*both, *vendor] if network.dhcp4 else []),
        ("DHCPv6", four if network.dhcp6 else []),
        ("IPv6AcceptRA", both if network.accept_ra else []),
    ]


def manager_files(networks: Sequence[Network]) -> dict[str, str]:
    """What NetworkManager reads; the files must be readable by root alone."""
    files = {}
    for network in networks:
        name = network.device.replace(":", "-") or "every-card"
        files[f"{_MANAGER}/{name}.nmconnection"] = _text(_connection(name, network))
        for member in network.members:
            part = f"{network.device}-{member}"
            own = [f"id={part}", "type=ethernet", f"interface-name={member}"]
            own += [f"master={network.device}", f"slave-type={network.kind}"]
            files[f"{_MANAGER}/{part}.nmconnection"] = _text([("connection", own)])
    return files


def _connection(name: str, network: Network) -> list[Section]:
    mac = ":" in network.device
    connection = [f"id={name}", f"type={network.kind}"]
    if network.device and not mac:
        connection.append(f"interface-name={network.device}")
    if not network.device:
        connection.append("multi-connect=3")  # as many cards as there are
    if not network.at_boot:
        connection.append("autoconnect=false")
    card = [f"mac-address={network.device}"] if mac else []
    card += [f"mtu={network.mtu}"] if network.mtu else []
    options = [f"{key}={_BOOLEANS.get(value, value).replace(' ', ',')}" for key, value in network.options]
    sections: list[Section] = [("connection", connection), ("ethernet", card)]
    if network.kind == "vlan":
        sections.append(("vlan", [f"id={network.vlan}", f"parent={network.parent}"]))
    if network.kind in {"bond", "bridge"}:
        sections.append((network.kind, options))
    return [*sections, ("ipv4", _addresses(network, 4)), ("ipv6", _addresses(network, 6))]


def _addresses(network: Network, version: int) -> list[str]:
    def ours(address: str) -> bool:
        return (":" in address) == (version == 6)

    addresses = [each for each in network.addresses if ours(each.address)]
    automatic = network.dhcp4 if version == 4 else network.accept_ra or network.dhcp6
    method = "auto" if automatic else "manual" if addresses else "disabled"
    if version == 6 and network.dhcp6 and not network.accept_ra:
        method = "dhcp"
    lines = [f"method={method}"]
    if method == "disabled":
        return lines
    lines += [f"address{number}={each}" for number, each in enumerate(addresses, start=1)]
    # Without an address of its own, libnm takes no gateway, and would refuse the whole file.
    gateways = [each for each in network.gateways if ours(each)] if addresses and network.default_route else []
    lines += [f"gateway={each}" for each in gateways[:1]]
    servers = [each for each in network.name_servers if ours(each)]
    lines += [f"dns={';'.join(servers)};"] if servers else []
    lines += [f"dns-search={';'.join(network.search)};"] if network.search and version == 4 else []
    lines += [] if network.use_dns else ["ignore-auto-dns=true"]
    lines += [] if network.default_route else ["never-default=true"]
    lines += (
        [f"dhcp-vendor-class-identifier={network.vendor_class}"] if network.vendor_class and version == 4 else []
    )
    return lines


def _text(sections: Iterable[Section]) -> str:
    return "\n".join(f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections if lines)
