"""Which host gets a new machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skerry.errors import BadInput, Conflict, NotFound
from skerry.host.types import Firmware, HostFacts
from skerry.manager.types import NewVm
from skerry.sizes import format_size


@dataclass(frozen=True)
class Candidate:
    """A host as placement sees it."""

    name: str
    online: bool
    facts: HostFacts | None
    networks: frozenset[str]
    promised: int  # bytes of memory of the machines that run there, or shall


def choose(
    new: NewVm, hosts: Sequence[Candidate], *, capacity: float, among: frozenset[str] | None = None
) -> Candidate:
    """The host for a machine: the named one, or of those where it fits the one with most memory left.

    Only those `among` have what else it needs; None: all.

    Raises:
        NotFound: there is no host of that name, or nowhere such a network.
        BadInput: the machine is larger than any host, or needs what no host has.
        Conflict: no host is there.
    """
    wanted = [host for host in hosts if new.host in {None, host.name} and (among is None or host.name in among)]
    if new.host is not None and not wanted:
        raise NotFound(f"there is no host {new.host}", hint="`skerry host ls` lists all")
    present = [(host, host.facts) for host in wanted if host.online and host.facts is not None]
    if not present:
        raise Conflict("no host is there to take the machine", hint="look at the hosts: skerry host ls")
    large = [(host, facts) for host, facts in present if new.memory <= facts.memory * capacity]
    if not large:
        most = max(round(facts.memory * capacity) for _, facts in present)
        raise BadInput(
            f"memory: {format_size(new.memory)} is more than a host has ({format_size(most)})", hint="ask for less"
        )
    fit = [(host, facts) for host, facts in large if not _lacks(new, facts)]
    if not fit:
        raise BadInput(_lacks(new, large[0][1]) or "", hint="`skerry host show` tells what a host has")
    networks = {nic.network for nic in new.nics if nic.kind == "network"}
    connected = [(host, facts) for host, facts in fit if networks <= host.networks]
    if not connected:
        missing = ", ".join(sorted(networks - fit[0][0].networks))
        raise NotFound(f"there is no network {missing}", hint="`skerry network ls` lists all")
    return max(connected, key=lambda pair: pair[1].memory - pair[0].promised)[0]


def _lacks(new: NewVm, facts: HostFacts) -> str | None:
    if (new.firmware is Firmware.UEFI) and not facts.uefi:
        return f"firmware: {facts.name} has no firmware for UEFI machines"
    if new.tpm and not facts.tpm:
        return f"tpm: {facts.name} cannot emulate a TPM"
    return None
