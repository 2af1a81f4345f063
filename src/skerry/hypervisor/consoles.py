"""The consoles of machines, as streams of bytes.

The graphics console needs no open port: libvirt gives a connected socket to the machine's VNC server. The serial
console has one reader at libvirt, so a hub opens it once for all who look on; it lets go of it with the last of
them, and when another program (`virsh console --force`) takes it away. A login prompt that waits is not said
again, so a viewer is first shown what was said before: the log as it was when the hub opened, and what the hub
heard since. The log alone will not do: QEMU writes to the console first and to the log next, so the log may lack
the latest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import libvirt

from skerry.errors import InUse, InvalidState, NotFound, SkerryError, Unavailable
from skerry.hypervisor.connection import Hypervisor
from skerry.hypervisor.domain_read import serial_log
from skerry.hypervisor.reading import find
from skerry.turns import Turns

_log = logging.getLogger(__name__)
_CHUNK = 64 * 1024
_WANTED = libvirt.VIR_STREAM_EVENT_READABLE | libvirt.VIR_STREAM_EVENT_HANGUP | libvirt.VIR_STREAM_EVENT_ERROR
_MOST_BEHIND = 1024**2  # bytes that a slow viewer may have before it; what is older is dropped
_PAST = 64 * 1024  # bytes of the log that a viewer sees first
# What asks a terminal to answer. Played again, the answers would be typed into the guest.
_QUESTIONS = re.compile(rb"\x1b\[[0-9;?>=]*(?:[cntx]|\$p)|\x1b\][^\x07\x1b]*\?(?:\x07|\x1b\\)|\x1bZ|\x05")


class SocketStream:
    """Bytes both ways over a connected socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """The next bytes, as many as there are; empty at the end."""
        try:
            return await self._reader.read(_CHUNK)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the other side is slow."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as exc:
            raise Unavailable("the console is closed: the machine stopped") from exc

    async def finish(self) -> None:
        """Say that no more bytes come."""
        if self._writer.can_write_eof() and not self._writer.is_closing():
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    async def close(self) -> None:
        """End both directions; may be called twice."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def open_graphics(hypervisor: Hypervisor, uuid: UUID) -> SocketStream:
    """The display of a running machine, as RFB (VNC). Several may look on at once.

    Raises:
        InvalidState: the machine does not run.
        NotFound: there is no such machine, or it has no graphics console.
    """

    def connect(connection: libvirt.virConnect) -> int:
        domain = find(connection, uuid)
        _check_running(domain)
        try:
            fd: int = domain.openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH)
        except libvirt.libvirtError as exc:
            if domain.isActive() and exc.get_error_code() in {
                libvirt.VIR_ERR_INTERNAL_ERROR,
                libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
            }:
                raise NotFound(f"machine {domain.name()} has no graphics console that can be opened") from exc
            raise
        return fd

    connected = socket.socket(fileno=await hypervisor.call(connect))
    connected.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=connected)
    return SocketStream(reader, writer)


async def read_serial_log(hypervisor: Hypervisor, uuid: UUID, limit: int) -> bytes:
    """The last bytes that a machine wrote to its serial console since it started; empty where no log is kept."""
    xml = await hypervisor.call(lambda connection: find(connection, uuid).XMLDesc(0))
    path = serial_log(xml)
    return b"" if path is None else await asyncio.to_thread(tail, Path(path), limit)


def tail(path: Path, limit: int) -> bytes:
    """The last bytes of a log, going on in the file that was rotated away last."""
    found = b""
    for part in (path, path.with_name(f"{path.name}.0")):
        if len(found) >= limit:
            break
        try:
            with part.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - (limit - len(found))))
                found = file.read(limit - len(found)) + found
        except OSError:
            break
    return found


class SerialConsoles:
    """The serial consoles of a hypervisor's machines."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self._hypervisor = hypervisor
        self._hubs: dict[UUID, _Hub] = {}
        self._turns = Turns()  # of each machine: a console is opened when the one before is closed

    async def open(self, uuid: UUID) -> SerialStream:
        """Look on, and type. What others type and see is the same; many may be there at once.

        Raises:
            InvalidState: the machine does not run.
            InUse: another program has the console.
        """
        async with self._turns.take(str(uuid)):
            hub = self._hubs.get(uuid)
            if hub is not None and not hub.ended:
                return hub.join()
            hub = _Hub(self._hypervisor, uuid, self._left)
            viewer = await hub.start()
            self._hubs[uuid] = hub
            return viewer

    async def stop(self) -> None:
        """Let go of all consoles; may be called twice."""
        for hub in tuple(self._hubs.values()):
            await hub.stop()
        self._hubs.clear()

    async def _left(self, hub: _Hub) -> None:
        """A viewer left: the last one closes the console."""
        async with self._turns.take(str(hub.uuid)):
            if hub.deserted:
                await hub.stop()
                if self._hubs.get(hub.uuid) is hub:
                    del self._hubs[hub.uuid]


class _Hub:
    """One serial console, opened once, for all who look on."""

    def __init__(self, hypervisor: Hypervisor, uuid: UUID, left: Callable[[_Hub], Awaitable[None]]) -> None:
        self.uuid = uuid
        self.ended = False
        self._hypervisor = hypervisor
        self._left = left
        self._loop = asyncio.get_running_loop()
        self._stream: libvirt.virStream | None = None
        self._said = bytearray()  # the last that every viewer saw, or would have seen
        self._viewers: set[SerialStream] = set()
        self._writing = asyncio.Lock()
        self._guard: asyncio.Task[None] | None = None

    @property
    def deserted(self) -> bool:
        """Whether nobody looks on."""
        return not self._viewers

    async def start(self) -> SerialStream:
        """Open the console, for a first viewer."""
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            await self._hypervisor.call(self._open)
            self._guard = asyncio.create_task(self._end_with_connection(), name=f"serial-console-{self.uuid}")
            past = await read_serial_log(self._hypervisor, self.uuid, _PAST)
            self._said[:] = past_and_present(past, bytes(self._said))
            undo.pop_all()
        return self._add(bytes(self._said))

    def join(self) -> SerialStream:
        """One more who looks on; what the guest asked terminals before was answered then."""
        return self._add(_QUESTIONS.sub(b"", self._said))

    def _add(self, said: bytes) -> SerialStream:
        viewer = SerialStream(self, said)
        self._viewers.add(viewer)
        if self.ended:
            viewer.end()
        return viewer

    async def leave(self, viewer: SerialStream) -> None:
        """One less; the last one closes the console."""
        self._viewers.discard(viewer)
        if self.deserted:
            await self._left(self)

    async def send(self, data: bytes) -> None:
        """Type. Whole pieces of several who type do not mix."""
        async with self._writing:
            while data:
                stream = self._stream
                if self.ended or stream is None:
                    raise Unavailable("the console is closed: the machine stopped, or another program took it")
                sent = await self._hypervisor.call(partial(_send, stream, data))
                if sent < 0:  # libvirt's buffer is full
                    await asyncio.sleep(0.01)
                else:
                    data = data[sent:]

    async def stop(self) -> None:
        """Close the console; may be called twice."""
        self._end()
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(SkerryError):  # the connection is gone, and the stream with it
                await self._hypervisor.call(lambda _connection: _abandon(stream), deadline_s=5.0)

    def _open(self, connection: libvirt.virConnect) -> None:
        """Runs in a pool thread; nobody may be left to want it when it has opened at last."""
        domain = find(connection, self.uuid)
        _check_running(domain)
        stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
        try:
            domain.openConsole(None, stream, 0)
        except libvirt.libvirtError as exc:
            if "active console session" in (exc.get_error_message() or "").lower():
                raise InUse(
                    f"another program has the serial console of machine {domain.name()}",
                    hint="it was opened with `virsh console` or the like; it is free when that ends",
                ) from exc
            if "cannot find character device" in (exc.get_error_message() or "").lower():
                raise NotFound(f"machine {domain.name()} has no serial console") from exc
            raise
        wanted = (
            libvirt.VIR_STREAM_EVENT_READABLE | libvirt.VIR_STREAM_EVENT_HANGUP | libvirt.VIR_STREAM_EVENT_ERROR
        )
        self._stream = stream
        if self.ended:  # asked after it was noted, as `stop` notes before it asks: one of the two closes it
            _abandon(stream)
            raise Unavailable("the console was given up before it was open")
        stream.eventAddCallback(wanted, self._happened, None)

    def _happened(self, stream: libvirt.virStream, events: int, _opaque: object) -> None:
        """Runs on the thread of libvirt's events, and does not wait."""
        try:
            data = stream.recv(_CHUNK) if events & libvirt.VIR_STREAM_EVENT_READABLE else b""
        except libvirt.libvirtError:
            data = b""
        if data == -2:  # nothing there after all
            return
        if data:
            self._hop(self._tell, data)
            return
        with contextlib.suppress(libvirt.libvirtError):
            stream.eventRemoveCallback()  # else the end is told again and again
        self._hop(self._end)

    def _hop(self, function: Callable[..., None], *arguments: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to see it
            self._loop.call_soon_threadsafe(function, *arguments)

    def _tell(self, data: bytes) -> None:
        self._said += data
        del self._said[: max(0, len(self._said) - _PAST)]
        for viewer in self._viewers:
            viewer.put(data)

    def _end(self) -> None:
        if self.ended:
            return
        self.ended = True
        if self._guard is not None:
            self._guard.cancel()
        for viewer in self._viewers:
            viewer.end()

    async def _end_with_connection(self) -> None:
        await self._hypervisor.wait_lost()
        self._end()


class SerialStream:
    """What one viewer of a serial console sees and types."""

    def __init__(self, hub: _Hub, said: bytes) -> None:
        self._hub = hub
        self._waiting = bytearray(said)
        self._news = asyncio.Event()
        self._ended = False

    async def read(self) -> bytes:
        """The next bytes, as many as there are; empty at the end."""
        while not self._waiting and not self._ended:
            self._news.clear()
            await self._news.wait()
        data = bytes(self._waiting)
        self._waiting.clear()
        return data

    async def write(self, data: bytes) -> None:
        """Type."""
        await self._hub.send(data)

    async def finish(self) -> None:
        """A serial line has no end of file: nothing to say."""

    async def close(self) -> None:
        """Look away; may be called twice."""
        self.end()
        await self._hub.leave(self)

    def put(self, data: bytes) -> None:
        """Take what the console says."""
        self._waiting += data
        del self._waiting[: max(0, len(self._waiting) - _MOST_BEHIND)]
        self._news.set()

    def end(self) -> None:
        """Take the end."""
        self._ended = True
        self._news.set()


def past_and_present(past: bytes, came: bytes) -> bytes:
    """What a log has, and then what came while it was read, which may be in the log too."""
    known = next((size for size in range(len(came), 0, -1) if past.endswith(came[:size])), 0)
    return _QUESTIONS.sub(b"", past) + came[known:]


def _send(stream: libvirt.virStream, data: bytes, _connection: libvirt.virConnect) -> int:
    sent: int = stream.send(data)
    return sent


def _abandon(stream: libvirt.virStream) -> None:
    for step in (stream.eventRemoveCallback, stream.abort):
        with contextlib.suppress(libvirt.libvirtError):
            step()


def _check_running(domain: libvirt.virDomain) -> None:
    if not domain.isActive():
        raise InvalidState(f"machine {domain.name()} does not run, so it has no console to open", hint="start it")
