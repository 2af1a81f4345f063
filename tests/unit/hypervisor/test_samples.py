"""Rates are differences of totals."""

from uuid import UUID

import pytest

from skerry.hypervisor.samples import sample_of, totals_of

MACHINE = UUID(int=1)
STATS = {
    "cpu.time": 5_000_000_000,
    "vcpu.current": 2,
    "balloon.available": 1000,
    "balloon.usable": 400,
    "balloon.rss": 300,
    "net.count": 2,
    "net.0.rx.bytes": 100,
    "net.1.rx.bytes": 50,
    "net.0.tx.bytes": 10,
    "block.count": 1,
    "block.0.rd.bytes": 4096,
    "block.0.wr.bytes": 8192,
}


def test_the_first_sample_has_no_rates() -> None:
    sample = sample_of(MACHINE, STATS, totals_of(STATS, now=10.0), None)

    assert (sample.cpu, sample.disk_read, sample.net_receive) == (0, 0, 0)
    assert (sample.memory, sample.resident) == (600 * 1024, 300 * 1024)


def test_rates_are_per_second_and_per_vcpu() -> None:
    before = totals_of(STATS, now=10.0)
    later = STATS | {"cpu.time": 7_000_000_000, "net.1.rx.bytes": 1050, "block.0.wr.bytes": 10240}

    sample = sample_of(MACHINE, later, totals_of(later, now=12.0), before)

    assert sample.cpu == pytest.approx(0.5)
    assert sample.net_receive == pytest.approx(500)
    assert sample.disk_write == pytest.approx(1024)
    assert sample.disk_read == 0


def test_a_machine_that_started_anew_has_no_negative_rates() -> None:
    before = totals_of(STATS, now=10.0)
    fresh = {"cpu.time": 1, "vcpu.current": 2}

    sample = sample_of(MACHINE, fresh, totals_of(fresh, now=11.0), before)

    assert (sample.cpu, sample.disk_read, sample.net_send) == (0, 0, 0)
    assert sample.memory is None


def test_a_share_is_never_more_than_one() -> None:
    before = totals_of(STATS, now=10.0)
    later = STATS | {"cpu.time": 50_000_000_000}

    assert sample_of(MACHINE, later, totals_of(later, now=11.0), before).cpu == 1.0
