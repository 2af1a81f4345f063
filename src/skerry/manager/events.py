"""One stream of facts, progress and samples for each listener.

Facts are read back from the database in the order of their numbers, whichever manager wrote them, and handed to
all listeners. Progress and samples go to the listeners of this manager at once, and are kept nowhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import BadInput, SkerryError
from skerry.manager.access import Access, Caller
from skerry.manager.background import keep_going
from skerry.manager.sight import may_see_fact, visible_facts
from skerry.manager.store import tables
from skerry.manager.store.database import Database
from skerry.manager.store.pages import checked_limit
from skerry.manager.subscriber import Subscriber
from skerry.manager.types import Fact, ObjectKind, ObjectRef, Page, SamplesOfHost, TaskProgress

_BACKLOG = 2000  # facts that a stream which resumes is sent at most; listing anew is cheaper beyond that
_BATCH = 500
_RETRY_S = 2.0
_f = tables.facts.c


@dataclass(frozen=True)
class Hello:
    """The stream begins here: what is listed after it cannot miss anything."""

    id: str


@dataclass(frozen=True)
class Reset:
    """List anew; the stream goes on at this number."""

    id: str


StreamItem: TypeAlias = Hello | Reset | Fact | TaskProgress | SamplesOfHost
AccessOf: TypeAlias = Callable[[str], Awaitable[Access]]


class Events:
    """The durable facts, and the streams."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscribers: set[Subscriber] = set()
        self._watchers: list[Callable[[Fact], None]] = []
        self._news = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._access_of: AccessOf | None = None
        self._epoch = ""
        self._last = 0
        self._handed_out = asyncio.Condition()
        database.on_facts(self.look)

    async def start(self, access_of: AccessOf) -> None:
        """Begin to hand out facts; `access_of` tells what a person may do, after that changed."""
        self._access_of = access_of
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(tables.cloud.c.epoch, tables.cloud.c.last_fact))).one()
        self._epoch, self._last = row
        self._following = keep_going("the stream of facts", self._follow, retry_s=_RETRY_S)

    async def stop(self) -> None:
        """End all streams; may be called twice."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
            self._following = None
        for subscriber in self._subscribers:
            subscriber.end()

    def look(self) -> None:
        """There may be new facts."""
        self._news.set()

    def watch(self, watcher: Callable[[Fact], None]) -> None:
        """Call this for each fact, whoever may see it; for the manager's own parts."""
        self._watchers.append(watcher)

    def send_progress(self, progress: TaskProgress, pool_id: UUID | None, user: str) -> None:
        """Tell who may see the task how far it is."""
        for subscriber in self._subscribers:
            if subscriber.user == user or subscriber.allows(ObjectKind.TASK, pool_id):
                subscriber.put_progress(progress)

    def send_samples(self, samples: SamplesOfHost, pools: dict[UUID, UUID]) -> None:
        """Tell what machines use; `pools` says which pool each machine is in."""
        for subscriber in self._subscribers:
            if subscriber.access.everything:
                subscriber.put_samples(samples)
            elif subscriber.allows(ObjectKind.HOST, None):
                seen = tuple(
                    one
                    for one in samples.machines
                    if one.uuid in pools and subscriber.allows(ObjectKind.VM, pools[one.uuid])
                )
                subscriber.put_samples(samples.model_copy(update={"machines": seen}))

    async def list(
        self,
        caller: Caller,
        *,
        object_id: str | None = None,
        kind: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> Page[Fact]:
        """One page of the facts that the caller may see, newest first; `before` is a fact's id.

        `next_cursor` is the `before` of the next page.
        """
        wanted = [visible_facts(caller)]
        if object_id is not None:
            wanted.append(_f.object_id == object_id)
        if kind is not None:
            wanted.append(_f.kind == kind)
        counted = sa.select(sa.func.count()).select_from(tables.facts).where(*wanted)
        page = sa.select(tables.facts).where(*wanted).order_by(_f.number.desc()).limit(checked_limit(limit) + 1)
        if before is not None:
            page = page.where(_f.number < self._number(before))
        async with self._database.read() as connection:
            total = (await connection.execute(counted)).scalar_one()
            rows = (await connection.execute(page)).all()
        items = tuple(self._fact(row) for row in rows[:limit])
        return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None, total=total)

    async def subscribe(self, caller: Caller, *, after: str | None = None) -> AsyncGenerator[StreamItem]:
        """All from now on, or from after a number on. Close it with `aclose()`.

        Begins with Hello when `after` is None, with Reset when that number is unknown or too old. A listener that
        falls too far behind gets a Reset in place of what it missed.
        """
        subscriber = Subscriber(caller.user, caller.access)
        self._subscribers.add(subscriber)
        try:
            begin = self._last  # what comes later is put into the subscriber's queue
            if after is None:
                yield Hello(self._id(begin))
            else:
                for item in await self._missed(caller, after, begin):
                    yield item
            while (item_or_loss := await subscriber.next()) is not None:
                yield Reset(self._id(self._last)) if item_or_loss == "lost" else item_or_loss
        finally:
            self._subscribers.discard(subscriber)

    async def _missed(self, caller: Caller, after: str, until: int) -> Sequence[StreamItem]:
        epoch, _, number = after.partition(":")
        if epoch != self._epoch or not number.isdecimal() or not int(number) <= until <= int(number) + _BACKLOG:
            return [Reset(self._id(until))]
        between = sa.and_(_f.number > int(number), _f.number <= until)
        seen = sa.select(tables.facts).where(between, visible_facts(caller)).order_by(_f.number)
        async with self._database.read() as connection:
            kept = (
                await connection.execute(sa.select(sa.func.count()).select_from(tables.facts).where(between))
            ).scalar_one()
            rows = (await connection.execute(seen)).all()
        if kept < until - int(number):  # some were thrown away since
            return [Reset(self._id(until))]
        return [self._fact(row) for row in rows]

    async def settled(self) -> None:
        """Wait until all facts that are written by now have been handed out."""
        async with self._database.read() as connection:
            last = (await connection.execute(sa.select(tables.cloud.c.last_fact))).scalar_one()
        async with self._handed_out:
            await self._handed_out.wait_for(lambda: self._last >= last)

    async def _follow(self) -> None:
        await self._news.wait()
        self._news.clear()
        try:
            while await self._hand_out():
                pass
        except SkerryError:
            self._news.set()
            raise
        async with self._handed_out:
            self._handed_out.notify_all()

    async def _hand_out(self) -> bool:
        """Hand out the next facts; whether there may be more."""
        statement = sa.select(tables.facts).where(_f.number > self._last).order_by(_f.number).limit(_BATCH)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        for row in rows:
            fact = self._fact(row)
            self._last = row.number
            if fact.object.kind in {ObjectKind.POOL, ObjectKind.USER}:
                await self._renew_access()
            for watcher in self._watchers:
                watcher(fact)
            for subscriber in self._subscribers:
                if may_see_fact(subscriber.user, subscriber.access, fact):
                    subscriber.put_fact(fact)
        return len(rows) == _BATCH

    async def _renew_access(self) -> None:
        assert self._access_of is not None
        for subscriber in list(self._subscribers):
            access = await self._access_of(subscriber.user)
            if access != subscriber.access:
                subscriber.access = access
                subscriber.lose()

    def _id(self, number: int) -> str:
        return f"{self._epoch}:{number}"

    def _number(self, fact_id: str) -> int:
        epoch, _, number = fact_id.partition(":")
        if not number.isdecimal() or len(number) > 18:
            raise BadInput(f"{fact_id[:40]!r} is not the number of an event", hint="such as 1f2e3d4c:17")
        return int(number) if epoch == self._epoch else 0

    def _fact(self, row: sa.Row[Any]) -> Fact:
        return Fact.model_construct(
            id=self._id(row.number),
            at=row.at,
            kind=row.kind,
            object=ObjectRef.model_construct(
                kind=ObjectKind(row.object_kind), id=row.object_id, name=row.object_name
            ),
            pool_id=row.pool_id,
            user=row.user,
            summary=row.summary,
            data=None if row.data is None else json.loads(row.data),
        )
