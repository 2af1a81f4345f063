"""The link to hosts that live in the same process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from weakref import WeakSet

from skerry.errors import Unavailable
from skerry.host.operation import ByteStream, Operation
from skerry.host.types import Frozen, HostEvent, Samples
from skerry.link.port import FromHost, Presence
from skerry.progress import Progress

A = TypeVar("A", bound=Frozen)
R = TypeVar("R")

_QUEUE = 1000  # events that a consumer may be behind


class LocalHost(Protocol):
    """What the link needs of a host."""

    @property
    def name(self) -> str:
        """The host's name."""

    async def call(
        self,
        operation: Operation[A, R],
        args: A,
        *,
        call_id: str | None,
        deadline_s: float,
        progress: Progress | None,
    ) -> R:
        """Do one operation."""

    async def stream(self, operation: Operation[A, ByteStream], args: A) -> ByteStream:
        """Open a stream."""

    def state(self) -> list[HostEvent]:
        """Events that tell all that is known now, a listing first where there is one."""

    def listen(self, listener: Callable[[HostEvent], None]) -> Callable[[], None]:
        """Call the listener for each event from now on; the returned function ends that."""


class LocalLink:
    """Calls hosts directly."""

    def __init__(self, hosts: Iterable[LocalHost] = (), *, queue: int = _QUEUE) -> None:
        self._hosts: dict[str, LocalHost] = {}
        self._presence: dict[str, Presence] = {}
        self._ends: dict[str, Callable[[], None]] = {}
        self._queue = queue
        self._consumers: WeakSet[_Consumer] = WeakSet()
        for host in hosts:
            self.join(host)

    def join(self, host: LocalHost) -> None:
        """A host is there from now on."""
        name = host.name
        self._hosts[name] = host
        self._presence[name] = Presence(name, online=True, since=datetime.now(UTC))
        self._ends[name] = host.listen(lambda event: self._tell(name, event))
        for consumer in self._consumers:
            consumer.begin(host)

    def leave(self, name: str) -> None:
        """A host is away from now on."""
        self._ends.pop(name)()
        del self._hosts[name]
        self._presence[name] = Presence(name, online=False, since=datetime.now(UTC))
        for consumer in self._consumers:
            consumer.end(name)

    async def call(
        self,
        host: str,
        operation: Operation[A, R],
        args: A,
        *,
        call_id: str | None = None,
        deadline_s: float = 30.0,
        progress: Progress | None = None,
    ) -> R:
        """Do one operation on one host; see `Link.call`."""
        found = self._find(host)
        return await found.call(operation, args, call_id=call_id, deadline_s=deadline_s, progress=progress)

    async def stream(self, host: str, operation: Operation[A, ByteStream], args: A) -> ByteStream:
        """Open a stream; see `Link.stream`."""
        return await self._find(host).stream(operation, args)

    def events(self) -> AsyncIterator[FromHost]:
        """All events from now on; see `Link.events`."""
        consumer = _Consumer(self._queue)
        for host in self._hosts.values():
            consumer.begin(host)
        self._consumers.add(consumer)
        return consumer

    def present(self) -> Mapping[str, Presence]:
        """Who is there now."""
        return dict(self._presence)

    def _find(self, name: str) -> LocalHost:
        try:
            return self._hosts[name]
        except KeyError:
            raise Unavailable(f"the host {name} is not present") from None

    def _tell(self, name: str, event: HostEvent) -> None:
        for consumer in self._consumers:
            consumer.put(name, event)


class _Consumer(AsyncIterator[FromHost]):
    """One reader of events: bounded, and told everything anew when it falls behind."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hosts: dict[str, LocalHost] = {}
        self._anew: dict[str, LocalHost] = {}  # hosts whose whole state comes next
        self._state: deque[FromHost] = deque()
        self._queue: deque[FromHost] = deque()
        self._samples: dict[str, Samples] = {}  # only the latest matter
        self._news = asyncio.Event()

    def begin(self, host: LocalHost) -> None:
        """The state of this host comes next, then its events."""
        self._hosts[host.name] = self._anew[host.name] = host
        self._news.set()

    def end(self, name: str) -> None:
        """No more of this host."""
        self._hosts.pop(name, None)
        self._anew.pop(name, None)
        self._samples.pop(name, None)

    def put(self, name: str, event: HostEvent) -> None:
        """Take an event, or note that all has to be told anew."""
        if isinstance(event, Samples):
            self._samples[name] = event
        elif name not in self._anew:  # else the coming state has it
            self._queue.append(FromHost(name, event))
            if len(self._queue) > self._limit:
                self._queue.clear()
                self._state.clear()
                self._anew = dict(self._hosts)
        self._news.set()

    async def __anext__(self) -> FromHost:
        while True:
            if (event := self._next()) is not None:
                return event
            self._news.clear()
            await self._news.wait()

    def _next(self) -> FromHost | None:
        if self._state:
            return self._state.popleft()
        if self._queue:
            return self._queue.popleft()
        if self._anew:
            host = self._anew.pop(next(iter(self._anew)))
            self._state.extend(FromHost(host.name, event) for event in host.state())
            return self._next()
        if self._samples:
            name = next(iter(self._samples))
            return FromHost(name, self._samples.pop(name))
        return None
