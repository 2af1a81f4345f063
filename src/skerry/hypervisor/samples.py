"""What machines and the host use: one bulk call, and rates against the one before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import libvirt

from skerry.hypervisor.facts import free_memory
from skerry.hypervisor.types import MachineSample

Stats = Mapping[str, int]

_WANTED = (
    libvirt.VIR_DOMAIN_STATS_STATE
    | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
    | libvirt.VIR_DOMAIN_STATS_BLOCK
)
# NOWAIT: a machine that is busy (saving, stuck on its storage) is left out instead of holding all others up.
_FLAGS = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT


@dataclass(frozen=True)
class Usage:
    """What the host and its running machines used since the last sample."""

    host_cpu: float  # 0.0 to 1.0 of all cores
    host_free_memory: int
    machines: tuple[MachineSample, ...]


@dataclass(frozen=True)
class Totals:
    """What one machine used since it started."""

    at: float  # seconds on a clock that only goes forward
    cpu: int  # nanoseconds
    disk_read: int
    disk_write: int
    net_receive: int
    net_send: int


@dataclass
class Sampler:
    """Remembers the last totals, to tell rates. The first sample of a machine has rates of zero."""

    _last: dict[UUID, Totals] = field(default_factory=dict)
    _last_host: tuple[int, int] | None = None  # busy and all nanoseconds of the host's cores

    def take(self, connection: libvirt.virConnect) -> Usage:
        """Ask libvirt once for all."""
        now = time.monotonic()
        samples: list[MachineSample] = []
        totals: dict[UUID, Totals] = {}
        for domain, stats in connection.getAllDomainStats(_WANTED, _FLAGS):
            uuid = UUID(domain.UUIDString())
            totals[uuid] = totals_of(stats, now)
            samples.append(sample_of(uuid, stats, totals[uuid], self._last.get(uuid)))
        self._last = totals
        return Usage(self._host_cpu(connection.getCPUStats(-1, 0)), free_memory(), tuple(samples))

    def _host_cpu(self, stats: Mapping[str, int]) -> float:
        idle = stats.get("idle", 0) + stats.get("iowait", 0)
        everything = idle + sum(stats.get(name, 0) for name in ("kernel", "user", "intr"))
        last, self._last_host = self._last_host, (everything - idle, everything)
        if last is None or everything <= last[1]:
            return 0.0
        return _share((everything - idle - last[0]) / (everything - last[1]))


def totals_of(stats: Stats, now: float) -> Totals:
    """Add up what libvirt says of single disks and cards."""
    return Totals(
        at=now,
        cpu=stats.get("cpu.time", 0),
        disk_read=_sum(stats, "block", "rd.bytes"),
        disk_write=_sum(stats, "block", "wr.bytes"),
        net_receive=_sum(stats, "net", "rx.bytes"),
        net_send=_sum(stats, "net", "tx.bytes"),
    )


def sample_of(uuid: UUID, stats: Stats, now: Totals, before: Totals | None) -> MachineSample:
    """Rates between two totals; zero where there is nothing to compare with, or the machine started anew."""
    elapsed = 0.0 if before is None else now.at - before.at

    def rate(current: int, last: int) -> float:
        return max(0, current - last) / elapsed if elapsed > 0 else 0.0

    old = before or now
    vcpus = max(1, stats.get("vcpu.current", 1))
    return MachineSample(
        uuid=uuid,
        cpu=_share(rate(now.cpu, old.cpu) / 1e9 / vcpus),
        memory=_memory(stats),
        resident=stats.get("balloon.rss", 0) * 1024,
        disk_read=rate(now.disk_read, old.disk_read),
        disk_write=rate(now.disk_write, old.disk_write),
        net_receive=rate(now.net_receive, old.net_receive),
        net_send=rate(now.net_send, old.net_send),
    )


def _memory(stats: Stats) -> int | None:
    """What the guest says it uses, where it says so."""
    available = stats.get("balloon.available")
    left = stats.get("balloon.usable", stats.get("balloon.unused"))
    if not available or left is None:
        return None
    return max(0, available - left) * 1024


def _sum(stats: Stats, group: str, name: str) -> int:
    return sum(stats.get(f"{group}.{number}.{name}", 0) for number in range(stats.get(f"{group}.count", 0)))


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))  # the emulator's own threads come on top of the vCPUs
