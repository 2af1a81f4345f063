"""The connection to libvirt: owned by one object, kept up, and never in the way of the event loop.

Libvirt blocks, and it answers through callbacks on a thread of its own. So its event loop runs in one thread for
the whole process, calls run in a small pool of threads with a deadline each, and what callbacks say hops to
asyncio. When libvirtd goes away, calls fail at once with `Unavailable`; the connection is made anew with growing
waits, all callbacks are registered again, and subscribers get `Connected`: then they list everything anew.

    hypervisor = Hypervisor("qemu:///system")
    await hypervisor.start()
    names = await hypervisor.call(lambda connection: [domain.name() for domain in connection.listAllDomains()])
    async for event in hypervisor.events(): ...
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import Self, TypeVar

import libvirt

from skerry.errors import SkerryError, Unavailable
from skerry.hypervisor import callbacks, definition_files
from skerry.hypervisor.calls import CallPool
from skerry.hypervisor.events import Connected, DomainEvent, HypervisorEvent, Lost
from skerry.hypervisor.faults import fault, is_missing, unreachable
from skerry.hypervisor.reading import find_uuid

T = TypeVar("T")
_log = logging.getLogger(__name__)

_KEEPALIVE_COUNT = 3  # questions that libvirtd may leave unanswered
_OPEN_S = 30.0  # for opening and registering
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0  # between attempts; on a local socket an attempt costs nothing
_MOST_WAITING = 10_000  # events; a subscriber further behind has to list anew


class ConnectionState(StrEnum):
    """Where the connection is in its life."""

    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"  # for the next attempt
    STOPPED = "stopped"


class Hypervisor:
    """Owns the connection to one libvirt."""

    def __init__(
        self,
        uri: str,
        *,
        before_connect: Callable[[], Awaitable[None]] | None = None,
        definitions: Path | None = None,
        keepalive_s: int = 5,
    ) -> None:
        """Prepare a connection; nothing happens before `start`.

        `before_connect` is awaited before each attempt, such as to start a libvirtd of our own. `definitions` is
        the folder where libvirt keeps machines' definitions (default: what the URI implies); it is watched,
        because some changes (`virsh setmem --config`) come without an event. A libvirtd that is stuck is given up
        after about four times `keepalive_s`.
        """
        self.uri = uri
        self.state = ConnectionState.IDLE
        self._before_connect = before_connect
        self._definitions = definitions or definition_files.folder_of(uri)
        self._keepalive_s = keepalive_s
        self._pool = CallPool()
        self._connection: libvirt.virConnect | None = None
        self._reason = "the first attempt has not ended yet"
        self._life: asyncio.Task[None] | None = None
        self._subscribers: set[_Subscriber] = set()
        self._connected = asyncio.Event()
        self._disconnected = asyncio.Event()

    async def start(self) -> None:
        """Begin to connect, and stay connected until `stop`; `wait_connected` waits for the result."""
        if self._life is None and self.state is not ConnectionState.STOPPED:
            self._life = asyncio.create_task(self._live(), name="hypervisor-connection")

    async def stop(self) -> None:
        """Disconnect for good; may be called twice. Iterators of `events` end."""
        self.state = ConnectionState.STOPPED
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            await asyncio.wait([life])
        self._pool.close()
        for subscriber in tuple(self._subscribers):
            subscriber.end()

    async def wait_connected(self, *, deadline_s: float = 30.0) -> None:
        """Return when libvirt is connected.

        Raises:
            Unavailable: that did not happen within the deadline; the message says why.
        """
        try:
            async with asyncio.timeout(deadline_s):
                await self._connected.wait()
        except TimeoutError:
            raise self._unavailable() from None

    async def wait_lost(self) -> None:
        """Return when the present connection is lost; at once where there is none."""
        if self._connection is not None:
            await self._disconnected.wait()

    async def call(self, fn: Callable[[libvirt.virConnect], T], *, deadline_s: float = 30.0) -> T:
        """Run a function with the connection, in a thread: a whole look-up and act in one call.

        Raises:
            Unavailable: libvirt is not connected, or went away meanwhile.
            TimedOut: no answer within the deadline; whether it was done is not known.
            SkerryError: what the function raised; errors of libvirt as ours, with its words.
        """
        connection = self._connection
        if connection is None:
            raise self._unavailable()
        return await self._pool.run(lambda: self._guarded(connection, fn), deadline_s=deadline_s)

    async def events(self) -> AsyncIterator[HypervisorEvent]:
        """Everything that happens from now on; begins with `Connected` if that is so, else with `Lost`."""
        subscriber = _Subscriber()
        if self.state is ConnectionState.STOPPED:
            subscriber.end()
        self._subscribers.add(subscriber)
        try:
            yield self._first_event()
            while (event := await subscriber.next()) is not None:
                if isinstance(event, _Overflow):
                    _log.warning("a subscriber to the hypervisor's events fell behind; it has to list anew")
                    yield self._first_event()
                else:
                    yield event
        finally:
            self._subscribers.discard(subscriber)

    def _first_event(self) -> HypervisorEvent:
        return Lost(self._reason) if self._connection is None else Connected()

    async def _live(self) -> None:
        wait_s = _FIRST_WAIT_S
        while True:
            self.state = ConnectionState.CONNECTING
            try:
                if self._before_connect is not None:
                    await self._before_connect()
                async with _Session(self.uri, self._keepalive_s, self._pool, self._publish) as session:
                    wait_s = _FIRST_WAIT_S
                    await self._use(session)
            except SkerryError as exc:
                self._reason = exc.message
                _log.debug("no connection to libvirt: %s", exc.message)
            except Exception as exc:  # noqa: BLE001 - the connection has to come back, whatever the mistake was
                self._reason = f"internal error: {exc}"
                _log.exception("connecting to libvirt failed")
            self.state = ConnectionState.WAITING
            await asyncio.sleep(wait_s * random.uniform(0.7, 1.3))  # noqa: S311 - spreads attempts, no secret
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def _use(self, session: _Session) -> None:
        """Let calls use the connection, until it is lost or we are stopped."""
        self._connection = session.connection
        self.state = ConnectionState.CONNECTED
        self._disconnected.clear()
        self._connected.set()
        _log.info("connected to libvirt at %s", self.uri)
        try:
            session.open_the_gate()
            async with definition_files.watching(self._definitions, self._definition_changed):
                self._reason = await session.lost
        finally:
            self._connection = None
            self._connected.clear()
            self._disconnected.set()
        _log.warning("the connection to libvirt at %s is lost: %s", self.uri, self._reason)
        self._publish(Lost(self._reason))

    def _publish(self, event: HypervisorEvent) -> None:
        for subscriber in self._subscribers:
            subscriber.put(event)

    async def _definition_changed(self, name: str) -> None:
        """A definition's file changed; libvirt tells most of these itself, and twice does no harm."""
        with contextlib.suppress(SkerryError):  # it may be gone, and libvirt with it
            uuid = await self.call(lambda connection: find_uuid(connection, name))
            self._publish(DomainEvent(uuid, "definition changed"))

    def _guarded(self, connection: libvirt.virConnect, fn: Callable[[libvirt.virConnect], T]) -> T:
        """Runs in a pool thread."""
        try:
            return fn(connection)
        except libvirt.libvirtError as exc:
            if is_missing(exc) or _is_alive(connection):
                raise fault(exc) from exc
            raise Unavailable(
                f"libvirt at {self.uri} went away during the call: {exc.get_error_message()}",
                hint="the connection is made anew by itself; try again in a few seconds",
            ) from exc

    def _unavailable(self) -> Unavailable:
        if self.state is ConnectionState.STOPPED:
            return Unavailable("the connection to libvirt is closed")
        return Unavailable(
            f"libvirt at {self.uri} is not connected: {self._reason}",
            hint="the connection is made anew by itself as soon as libvirtd answers",
        )


class _Session:
    """One connection from its opening to its loss, with all callbacks registered.

    Events are held back until `open_the_gate`, which tells `Connected` first.
    """

    connection: libvirt.virConnect

    def __init__(
        self, uri: str, keepalive_s: int, pool: CallPool, publish: Callable[[HypervisorEvent], None]
    ) -> None:
        self._uri = uri
        self._keepalive_s = keepalive_s
        self._pool = pool
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._early: list[HypervisorEvent] | None = []
        self._deregister: Callable[[], None] | None = None
        self.lost: asyncio.Future[str] = self._loop.create_future()

    async def __aenter__(self) -> Self:
        _run_libvirts_event_loop()
        self.connection, self._deregister = await self._pool.run(self._open, deadline_s=_OPEN_S)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._early = []
        last = [self.connection]
        del self.connection
        with contextlib.suppress(SkerryError):  # it is lost already, or stuck
            await self._pool.run(partial(_let_go, last, self._deregister), deadline_s=5.0)

    def open_the_gate(self) -> None:
        """Tell `Connected`, then what was held back, then all that comes."""
        self._publish(Connected())
        early, self._early = self._early or [], None
        for event in early:
            self._publish(event)

    def _open(self) -> tuple[libvirt.virConnect, Callable[[], None]]:
        """Runs in a pool thread."""
        try:
            connection = libvirt.open(self._uri)
        except libvirt.libvirtError as exc:
            raise unreachable(self._uri, exc) from exc
        try:
            connection.setKeepAlive(self._keepalive_s, _KEEPALIVE_COUNT)
            connection.registerCloseCallback(self._closed, None)
            return connection, callbacks.register(connection, self._tell)
        except libvirt.libvirtError as exc:
            _let_go([connection], None)
            raise unreachable(self._uri, exc) from exc

    def _closed(self, _connection: object, reason: int, _opaque: object) -> None:
        words = {
            libvirt.VIR_CONNECT_CLOSE_REASON_EOF: "libvirtd ended",
            libvirt.VIR_CONNECT_CLOSE_REASON_KEEPALIVE: "libvirtd does not answer",
            libvirt.VIR_CONNECT_CLOSE_REASON_CLIENT: "closed by us",
        }
        self._hop(self._set_lost, words.get(reason, "the connection broke"))

    def _tell(self, event: HypervisorEvent) -> None:
        self._hop(self._take, event)

    def _hop(self, function: Callable[[T], None], argument: T) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
            self._loop.call_soon_threadsafe(function, argument)

    def _set_lost(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)

    def _take(self, event: HypervisorEvent) -> None:
        if self._early is None:
            self._publish(event)
        else:
            self._early.append(event)


class _Overflow:
    """Stands for events that were dropped."""


class _Subscriber:
    """A queue of events that does not grow without end."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[HypervisorEvent | _Overflow | None] = asyncio.Queue()

    def put(self, event: HypervisorEvent) -> None:
        if self._queue.qsize() >= _MOST_WAITING:
            self._clear()
            self._queue.put_nowait(_Overflow())
        self._queue.put_nowait(event)

    def end(self) -> None:
        self._queue.put_nowait(None)

    async def next(self) -> HypervisorEvent | _Overflow | None:
        return await self._queue.get()

    def _clear(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()


def _let_go(last: list[libvirt.virConnect], deregister: Callable[[], None] | None) -> None:
    """Drop a connection; runs in a pool thread.

    Registrations hold it, so they go first. It is not closed by hand: another call may be using it, and the last
    one to drop it closes it.
    """
    connection = last.pop()
    if deregister is not None:
        deregister()
    with contextlib.suppress(libvirt.libvirtError):
        connection.unregisterCloseCallback()


def _is_alive(connection: libvirt.virConnect) -> bool:
    try:
        return bool(connection.isAlive())
    except libvirt.libvirtError:
        return False


@cache
def _run_libvirts_event_loop() -> None:
    """Once per process, and before the first connection is opened."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # else every error is printed as well
    libvirt.virEventRegisterDefaultImpl()

    def run() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=run, name="libvirt-events", daemon=True).start()
