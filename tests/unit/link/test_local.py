"""The link within a process, under the contract of all links."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.unit.link.contract import LinkContract, new, of, until

from skerry.errors import Unavailable
from skerry.host.agent import Host
from skerry.host.operation import Nothing
from skerry.host.operations import machines
from skerry.host.simulated import simulated_host
from skerry.link.local import LocalLink


@pytest.fixture
async def hosts(tmp_path: Path) -> AsyncIterator[Mapping[str, Host]]:
    found = {name: simulated_host(name, folder=tmp_path / name) for name in ("host-1", "host-2")}
    for host in found.values():
        told = asyncio.Event()
        end = host.listen(lambda _event, told=told: told.set())
        await host.start()
        await told.wait()
        end()
    yield found
    for host in found.values():
        await host.stop()


@pytest.fixture
def link(hosts: Mapping[str, Host]) -> LocalLink:
    return LocalLink(hosts.values())


@pytest.fixture
def narrow_link(hosts: Mapping[str, Host]) -> LocalLink:
    return LocalLink(hosts.values(), queue=10)


class TestLocalLink(LinkContract):
    """The contract of all links."""


async def test_a_host_that_leaves_is_not_present(link: LocalLink, hosts: Mapping[str, Host]) -> None:
    link.leave("host-1")

    assert not link.present()["host-1"].online
    with pytest.raises(Unavailable, match="host-1"):
        await link.call("host-1", machines.list_machines, Nothing())

    told = link.events()
    await until(told, lambda event: of(event, "host-2", "listing"))
    link.join(hosts["host-1"])
    await until(told, lambda event: of(event, "host-1", "listing"))
    assert link.present()["host-1"].online


async def test_the_loss_of_a_hypervisor_is_part_of_the_state(link: LocalLink, hosts: Mapping[str, Host]) -> None:
    hosts["host-1"].inventory.note_lost("it ended")

    told = link.events()

    seen = await until(told, lambda event: of(event, "host-1", "hypervisor-lost"))
    assert of(seen[0], "host-1", "listing")


async def test_a_consumer_that_is_dropped_costs_nothing_more(link: LocalLink) -> None:
    told = link.events()
    assert len(link._consumers) == 1

    del told
    gc.collect()

    assert len(link._consumers) == 0
    await link.call("host-1", machines.create, new())
