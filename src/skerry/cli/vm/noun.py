"""The noun, and what its commands have in common."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from skerry.cli.client import Json
from skerry.cli.program import Noun

VM = Noun("Virtual machines.")
DISK = Noun("Disks and CD drives of a machine.")
NIC = Noun("Network cards of a machine.")
SNAPSHOT = Noun("Snapshots of a stopped machine's disks.")

VM.add(DISK, "disk")
VM.add(NIC, "nic")
VM.add(SNAPSHOT, "snapshot")


def addresses(vm: Json) -> list[str]:
    """The addresses under which a machine can be reached from elsewhere, IPv4 first."""
    return list(_reachable(address["address"] for address in vm["addresses"]))


def _reachable(texts: Iterable[str]) -> Iterable[str]:
    known = []
    for text in dict.fromkeys(texts):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if not (address.is_link_local or address.is_loopback):
            known.append(address)
    return (str(address) for address in sorted(known, key=lambda address: address.version))


def state(vm: Json) -> str:
    """What it does, and what it will do after its queue."""
    now, then = vm["state"], vm["pending_state"]
    return now if now == then else f"{now} -> {then}"
