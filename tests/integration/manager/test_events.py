"""The stream of facts, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from skerry.errors import BadInput
from skerry.host.operation import Permission
from skerry.manager.access import SYSTEM, Access, Caller
from skerry.manager.events import Events, Hello, Reset, StreamItem
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.store.notices import Notices
from skerry.manager.types import Fact, ObjectKind, ObjectRef, SamplesOfHost

QA, PROD = uuid4(), uuid4()
ANNA = Caller("anna", Access(pools={QA: frozenset({Permission.VM_VIEW})}))
_DEADLINE_S = 30.0


async def access_of(_user: str) -> Access:
    return ANNA.access


@pytest.fixture
async def events(database: Database) -> AsyncIterator[Events]:
    events = Events(database)
    await events.start(access_of)
    yield events
    await events.stop()


async def tell(
    database: Database, *names: str, pool: UUID | None = None, kind: ObjectKind = ObjectKind.VM
) -> None:
    async with database.write() as writing:
        for name in names:
            writing.tell(f"{kind}.changed", ObjectRef(kind=kind, id=name, name=name), name, pool_id=pool)


async def take(stream: AsyncGenerator[StreamItem], count: int) -> list[StreamItem]:
    async with asyncio.timeout(_DEADLINE_S):
        return [await anext(stream) for _ in range(count)]


def names(items: list[StreamItem]) -> list[str]:
    return [item.object.name for item in items if isinstance(item, Fact)]


async def test_what_happens_after_hello_is_told_in_order_with_its_number(
    database: Database, events: Events
) -> None:
    await tell(database, "before")
    await events.settled()
    async with aclosing(events.subscribe(SYSTEM)) as stream:
        (hello,) = await take(stream, 1)
        assert isinstance(hello, Hello)
        epoch = hello.id.removesuffix(":1")

        await tell(database, "web1", "web2")
        await tell(database, "web3")

        items = await take(stream, 3)
        assert names(items) == ["web1", "web2", "web3"]
        assert [item.id for item in items if isinstance(item, Fact)] == [f"{epoch}:{n}" for n in (2, 3, 4)]


async def test_a_stream_that_broke_off_goes_on_where_it_was(database: Database, events: Events) -> None:
    await tell(database, "one", "two", "three")
    await events.settled()
    first = (await events.list(SYSTEM)).items[-1]

    async with aclosing(events.subscribe(SYSTEM, after=first.id)) as stream:
        assert names(await take(stream, 2)) == ["two", "three"]
        await tell(database, "four")
        assert names(await take(stream, 1)) == ["four"]


@pytest.mark.parametrize("number", ["ffffffff:1", "nonsense", "", ":", "{epoch}:99", "{epoch}:-1", "{epoch}:x"])
async def test_a_number_that_is_unknown_means_listing_anew(
    database: Database, events: Events, number: str
) -> None:
    await tell(database, "one")
    await events.settled()
    epoch = (await events.list(SYSTEM)).items[0].id.partition(":")[0]

    async with aclosing(events.subscribe(SYSTEM, after=number.replace("{epoch}", epoch))) as stream:
        assert await take(stream, 1) == [Reset(f"{epoch}:1")]


async def test_a_number_that_is_too_old_means_listing_anew(database: Database, events: Events) -> None:
    await tell(database, "one", "two", "three")
    await events.settled()
    first = (await events.list(SYSTEM)).items[-1]
    async with database.write() as writing:
        await writing.execute(sa.delete(tables.facts).where(tables.facts.c.number < 3))

    async with aclosing(events.subscribe(SYSTEM, after=first.id)) as stream:
        assert isinstance((await take(stream, 1))[0], Reset)


async def test_people_are_told_only_of_what_they_may_see(database: Database, events: Events) -> None:
    async with aclosing(events.subscribe(ANNA)) as stream:
        await take(stream, 1)
        await tell(database, "secret", pool=PROD)
        await tell(database, "hidden", pool=QA, kind=ObjectKind.IMAGE)
        await tell(database, "web1", pool=QA)
        assert names(await take(stream, 1)) == ["web1"]

    assert [fact.object.name for fact in (await events.list(ANNA)).items] == ["web1"]
    assert (await events.list(ANNA)).total == 1


async def test_samples_of_what_may_not_be_seen_are_left_out(events: Events) -> None:
    async with aclosing(events.subscribe(SYSTEM)) as stream:
        await take(stream, 1)
        sent = SamplesOfHost(host="harbour", at=now(), cpu=0.5, free_memory=1, machines=())
        events.send_samples(sent, {})
        assert await take(stream, 1) == [sent]


async def test_what_another_manager_writes_is_told_too(
    database: Database, database_url: str, events: Events
) -> None:
    other = Database(database_url)
    notices = None if database.is_sqlite else Notices(database.url, events.look)
    if notices is not None:
        notices.start()
    async with aclosing(events.subscribe(SYSTEM)) as stream:
        await take(stream, 1)
        await tell(other, "web1")
        if notices is None:  # SQLite has one manager: whoever else writes, is seen at its next fact
            await tell(database, "web2")
        assert names(await take(stream, 1)) == ["web1"]
    if notices is not None:
        await notices.stop()
    await other.close()


async def test_pages_of_facts_go_back_in_time(database: Database, events: Events) -> None:
    await tell(database, *(f"vm{number}" for number in range(7)))
    first = await events.list(SYSTEM, limit=3)
    second = await events.list(SYSTEM, limit=3, before=first.next_cursor)
    third = await events.list(SYSTEM, limit=3, before=second.next_cursor)

    seen = [fact.object.name for page in (first, second, third) for fact in page.items]
    assert seen == [f"vm{number}" for number in reversed(range(7))]
    assert third.next_cursor is None
    assert [fact.object.name for fact in (await events.list(SYSTEM, object_id="vm3")).items] == ["vm3"]
    with pytest.raises(BadInput):
        await events.list(SYSTEM, before="yesterday")


async def test_all_streams_end_with_the_manager(events: Events) -> None:
    stream = events.subscribe(SYSTEM)
    await take(stream, 1)

    await events.stop()

    with pytest.raises(StopAsyncIteration):
        await take(stream, 1)
