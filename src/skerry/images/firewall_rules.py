"""A recipe's firewall as rules of nftables, or as words of firewalld."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skerry.images.words.meaning import Firewall
from skerry.images.words.system import SERVICE_PORTS

_ALWAYS = ("ssh", "dhcpv6-client")  # open unless the recipe removes them, as firewalld's usual zone has it


def unknown_services(wall: Firewall) -> list[str]:
    """Services whose ports only firewalld knows."""
    return [name for name in wall.services if name not in SERVICE_PORTS]


def nftables_rules(wall: Firewall) -> str:
    """A whole /etc/nftables.conf: nothing comes in but what is asked for, of services that are known here."""
    known = [name for name in wall.services if name in SERVICE_PORTS]
    names = [name for name in (*_ALWAYS, *known) if name not in wall.removed_services]
    ports = [*(port for name in names for port in SERVICE_PORTS[name]), *wall.ports]
    lines = ["ct state established,related accept", "ct state invalid drop", 'iifname "lo" accept']
    lines += [f'iifname "{each}" accept' for each in wall.trusted]
    lines.append("meta l4proto { icmp, ipv6-icmp } accept")
    lines += [f"{protocol} dport {{ {', '.join(found)} }} accept" for protocol, found in _by_protocol(ports)]
    chain = "\n".join(f"    {line}" for line in lines)
    return f"""\
#!/usr/sbin/nft -f
flush ruleset
table inet filter {{
  chain input {{
    type filter hook input priority filter; policy drop;
{chain}
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
  }}
}}
"""


def _by_protocol(ports: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The ports of each protocol; nftables takes no sets whose ranges overlap."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for port in ports:
        numbers, _, protocol = port.partition(":")
        first, _, last = numbers.partition("-")
        ranges.setdefault(protocol, []).append((int(first), int(last or first)))
    return [(protocol, _merged(found)) for protocol, found in sorted(ranges.items())]


def _merged(ranges: Iterable[tuple[int, int]]) -> list[str]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return [f"{first}-{last}" if last > first else str(first) for first, last in merged]


def firewalld_words(wall: Firewall) -> Sequence[str]:
    """The arguments of firewall-offline-cmd."""
    if not wall.enabled:
        return ["--disabled"]
    return [
        "--enabled",
        *(f"--service={each}" for each in wall.services),
        *(f"--remove-service={each}" for each in wall.removed_services),
        *(f"--port={each}" for each in wall.ports),
        *(f"--trust={each}" for each in wall.trusted),
    ]
