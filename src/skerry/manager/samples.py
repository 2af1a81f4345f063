"""The last samples of hosts and machines: in memory only, and gone with the machine or after a while."""

from __future__ import annotations

import time
from uuid import UUID

from skerry.host.types import MachineSample, Samples

_FRESH_S = 15.0  # an older sample says nothing about now


class LastSamples:
    """What was used last."""

    def __init__(self) -> None:
        self._hosts: dict[str, tuple[float, Samples]] = {}
        self._machines: dict[UUID, tuple[float, MachineSample]] = {}

    def take(self, host: str, samples: Samples) -> None:
        """Remember these, and forget those of machines that stopped."""
        moment = time.monotonic()
        before = self._hosts.get(host)
        if before is not None:
            for old in before[1].machines:
                self._machines.pop(old.uuid, None)
        self._hosts[host] = (moment, samples)
        for sample in samples.machines:
            self._machines[sample.uuid] = (moment, sample)

    def of_machine(self, machine_id: UUID) -> MachineSample | None:
        """What a machine uses."""
        found = self._machines.get(machine_id)
        return found[1] if found is not None and time.monotonic() - found[0] < _FRESH_S else None

    def of_host(self, name: str) -> Samples | None:
        """What a host uses."""
        found = self._hosts.get(name)
        return found[1] if found is not None and time.monotonic() - found[0] < _FRESH_S else None
