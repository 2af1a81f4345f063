"""What is true of every link.

A test module inherits the class and gives the fixtures `link` and `hosts`: started simulated hosts `host-1` and
`host-2` that are present on the link, with their hypervisors in memory. `narrow_link` is the same with room for
few events.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import groupby
from uuid import UUID

import pytest

from skerry.errors import BadInput, NotFound, TimedOut, Unavailable
from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Nothing
from skerry.host.operations import consoles, machines, uploads, volumes
from skerry.host.types import CloneKind, Machine, MachineState, NewMachine, Samples
from skerry.link.port import FromHost, Link
from skerry.progress import Collected

MIB = 1024**2
ONE = UUID(int=1)
REF = MachineRef(uuid=ONE)


def new(number: int = 1) -> NewMachine:
    return NewMachine(uuid=UUID(int=number), name=f"machine-{number}", vcpus=1, memory=64 * MIB)


async def until(told: AsyncIterator[FromHost], wanted: Callable[[FromHost], bool]) -> list[FromHost]:
    """All events up to the wanted one."""
    seen = []
    async with asyncio.timeout(30):
        async for event in told:
            seen.append(event)
            if wanted(event):
                break
    return seen


def of(event: FromHost, host: str, kind: str) -> bool:
    return (event.host, event.event.kind) == (host, kind)


class LinkContract:
    """Facts about a link with two hosts."""

    async def test_a_call_reaches_its_host(self, link: Link, hosts: Mapping[str, Host]) -> None:
        made = await link.call("host-2", machines.create, new())

        assert made.name == "machine-1"
        assert await link.call("host-1", machines.list_machines, Nothing()) == ()
        assert await link.call("host-2", machines.list_machines, Nothing()) == (made,)
        assert hosts["host-2"].inventory.machines == {ONE: made}

    async def test_an_error_keeps_its_kind_words_and_hint(self, link: Link) -> None:
        with pytest.raises(NotFound) as caught:
            await link.call("host-1", volumes.list_volumes, volumes.PoolRef(storage_pool="nothing"))

        assert caught.value.message == "there is no storage pool nothing for volumes here"
        assert caught.value.hint == "there is: skerry"

    async def test_an_absent_host_is_unavailable(self, link: Link) -> None:
        with pytest.raises(Unavailable, match="host-9"):
            await link.call("host-9", machines.list_machines, Nothing())
        with pytest.raises(Unavailable, match="host-9"):
            await link.stream("host-9", consoles.console, REF)

    async def test_a_repeated_call_id_gets_the_first_answer(self, link: Link) -> None:
        first = await link.call("host-1", machines.create, new(), call_id="c1")
        await link.call("host-1", machines.start, REF)

        assert await link.call("host-1", machines.create, new(), call_id="c1") == first
        with pytest.raises(BadInput, match="c1"):
            await link.call("host-1", machines.show, REF, call_id="c1")

    async def test_a_call_ends_at_its_deadline(self, link: Link, hosts: Mapping[str, Host]) -> None:
        never = asyncio.Event()
        hosts["host-1"].watch.machine = lambda uuid: never.wait()  # type: ignore[method-assign,assignment]

        with pytest.raises(TimedOut, match=r"vm\.show"):
            await link.call("host-1", machines.show, REF, deadline_s=0.05)

    async def test_progress_comes_back_to_the_caller(self, link: Link) -> None:
        pool, progress = "skerry", Collected()
        base = volumes.NewVolume(storage_pool=pool, name="base", size=MIB, origin="t1")
        await link.call("host-1", volumes.create, base)
        copy = volumes.CloneVolume(storage_pool=pool, source="base", name="copy", how=CloneKind.FULL, origin="t2")

        await link.call("host-1", volumes.clone, copy, progress=progress)

        assert progress.steps == ["copy base"]

    async def test_events_begin_with_a_listing_of_each_host(self, link: Link) -> None:
        made = await link.call("host-1", machines.create, new())
        told = link.events()

        async with asyncio.timeout(30):
            first = [await anext(told), await anext(told)]

        assert {event.host for event in first} == {"host-1", "host-2"}
        listings: dict[str, tuple[Machine, ...]] = {
            event.host: event.event.machines for event in first if event.event.kind == "listing"
        }
        assert listings == {"host-1": (made,), "host-2": ()}

    async def test_events_from_now_on_are_told_even_if_they_are_read_later(self, link: Link) -> None:
        told = link.events()
        await link.call("host-1", machines.create, new())

        seen = await until(told, lambda event: of(event, "host-1", "machine-changed") or self._lists(event))

        assert seen[-1].host == "host-1"

    def _lists(self, event: FromHost) -> bool:
        return event.event.kind == "listing" and len(event.event.machines) == 1

    async def test_events_of_a_host_come_in_order(self, link: Link) -> None:
        told = link.events()
        async with asyncio.timeout(30):
            await anext(told)
            await anext(told)
        await link.call("host-1", machines.create, new())
        for move in (machines.start, machines.pause, machines.resume, machines.power_off):
            await link.call("host-1", move, REF)

        seen = await until(told, lambda event: self._reason(event) == "stopped destroyed")

        states = [state for event in seen if (state := self._state(event))]
        assert [state for state, _ in groupby(states)] == ["stopped", "running", "paused", "running", "stopped"]

    def _reason(self, event: FromHost) -> str:
        return event.event.reason if event.event.kind == "machine-changed" else ""

    def _state(self, event: FromHost) -> MachineState | None:
        return event.event.machine.state if event.event.kind == "machine-changed" else None

    async def test_who_falls_behind_gets_a_listing_in_place_of_what_was_missed(self, narrow_link: Link) -> None:
        told = narrow_link.events()
        async with asyncio.timeout(30):
            await anext(told)
            await anext(told)
        for number in range(1, 40):
            await narrow_link.call("host-1", machines.create, new(number))

        seen = await until(told, lambda event: event.event.kind == "listing" and event.host == "host-1")

        assert len(seen) < 39
        assert len(seen[-1].event.machines) == 39

    async def test_two_consumers_both_get_everything(self, link: Link) -> None:
        both = [link.events(), link.events()]
        await link.call("host-2", machines.create, new())

        for told in both:
            seen = await until(told, lambda event: of(event, "host-2", "machine-changed") or self._lists(event))
            assert seen[-1].host == "host-2"

    async def test_only_the_latest_samples_are_told(self, link: Link, hosts: Mapping[str, Host]) -> None:
        told = link.events()
        async with asyncio.timeout(30):
            await anext(told)
            await anext(told)
        for number in range(5):
            hosts["host-1"].inventory.publish(Samples(host_cpu=number / 10, host_free_memory=0, machines=()))

        seen = await until(told, lambda event: event.event.kind == "samples" and event.event.host_cpu == 0.4)

        assert len(seen) <= 5

    async def test_presence_tells_who_is_there(self, link: Link) -> None:
        present = link.present()

        assert {name for name, presence in present.items() if presence.online} == {"host-1", "host-2"}

    async def test_a_stream_carries_bytes_both_ways(self, link: Link) -> None:
        await link.call("host-1", machines.create, new())
        await link.call("host-1", machines.start, REF)

        stream = await link.stream("host-1", consoles.console, REF)

        async with asyncio.timeout(30):
            assert await stream.read() == b"machine-1 login: "
            await stream.write(b"root\r")
            assert await stream.read() == b"root\r"
            await stream.finish()
            assert await stream.read() == b""
        await stream.close()

    async def test_a_stream_that_cannot_be_opened_says_why(self, link: Link) -> None:
        with pytest.raises(NotFound, match=str(ONE)):
            await link.stream("host-1", consoles.console, REF)

    async def test_an_upload_is_whole_when_its_end_comes_back(self, link: Link) -> None:
        stream = await link.stream("host-1", uploads.open_upload, uploads.OpenUpload(upload="up-1"))
        for _ in range(8):
            await stream.write(bytes(64 * 1024))
        await stream.finish()

        async with asyncio.timeout(30):
            assert await stream.read() == b""
        await stream.close()

        state = await link.call("host-1", uploads.show, uploads.UploadRef(upload="up-1"))
        assert state.size == 8 * 64 * 1024

    async def test_calls_run_side_by_side(self, link: Link) -> None:
        made = await asyncio.gather(
            *(link.call("host-1", machines.create, new(number)) for number in range(1, 30))
        )

        assert len({machine.uuid for machine in made}) == 29
