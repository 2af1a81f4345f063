"""The WebSocket to a console, over a connection whose certificate was looked at first.

One thread does everything: a TLS connection must not be read and written by two at once. Nothing waits for one
direction only, so that a guest that echoes a large paste and we cannot wait for each other.
"""

from __future__ import annotations

import contextlib
import os
import select
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from skerry.cli.certificates import CannotReach
from skerry.cli.client import CONNECT_S, path
from skerry.cli.program import Run

_READ = 65536
_ENOUGH = 256 * 1024  # bytes that wait to be sent before no more are taken
_IN_ORDER = frozenset({CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY})
_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class ConsoleBroke(CannotReach):
    """A console ended before either side wanted it."""

    code = "console-broke"


class Channel:
    """An open console: bytes both ways."""

    def __init__(self, name: str, socket: ssl.SSLSocket, url: str) -> None:
        self._name = name
        self._socket = socket
        self._protocol = ClientProtocol(parse_uri(url), subprotocols=[Subprotocol("binary")], max_size=None)
        self._outgoing = bytearray()
        self._reading_wants_to_write = False
        socket.setblocking(False)
        self._handshake()

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._protocol.state in {State.CLOSING, State.CLOSED}

    @property
    def has_room(self) -> bool:
        """Whether more should be sent now."""
        return len(self._outgoing) < _ENOUGH

    @property
    def wants_to_write(self) -> bool:
        """Whether it waits until the connection takes more."""
        return bool(self._outgoing) or self._reading_wants_to_write

    def send(self, data: bytes) -> None:
        """Send bytes, as soon as the connection takes them."""
        self._protocol.send_binary(data)
        self.flush()

    def receive(self) -> Iterator[bytes]:
        """What has come so far.

        Raises:
            ConsoleBroke: the console ended, and not in good order.
        """
        self._fill()
        self.flush()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in _DATA:
                yield bytes(event.data)
        if self.closed:
            self._check_ending()

    def flush(self) -> None:
        """Send what the connection takes now."""
        for piece in self._protocol.data_to_send():
            self._outgoing += piece
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            try:
                while self._outgoing:
                    del self._outgoing[: self._socket.send(self._outgoing)]
            except (OSError, ssl.SSLError) as exc:
                if isinstance(exc, ssl.SSLWantReadError | ssl.SSLWantWriteError | BlockingIOError):
                    raise
                self._outgoing.clear()
                self._protocol.receive_eof()  # it is over; what came before that can still be read

    def close(self) -> None:
        """Say goodbye, without waiting for an answer."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self.flush()

    def _fill(self) -> None:
        """Take all that has come out of the connection."""
        self._reading_wants_to_write = False
        while self._protocol.state is not State.CLOSED:
            try:
                data = self._socket.recv(_READ)
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            except ssl.SSLWantWriteError:
                self._reading_wants_to_write = True
                return
            except OSError:
                data = b""
            if not data:
                self._protocol.receive_eof()
                return
            self._protocol.receive_data(data)

    def _handshake(self) -> None:
        self._protocol.send_request(self._protocol.connect())
        self.flush()
        deadline = time.monotonic() + CONNECT_S
        while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
            left = deadline - time.monotonic()
            if left < 0:
                raise self._not_opened("the server does not answer")
            select.select([self], [self] if self.wants_to_write else [], [], left)
            self._fill()
            self.flush()
        if self._protocol.handshake_exc is not None:
            exc = self._protocol.handshake_exc
            raise self._not_opened(str(exc)) from (exc if isinstance(exc, InvalidHandshake) else None)

    def _not_opened(self, why: str) -> CannotReach:
        return CannotReach(f"the console of {self._name} could not be opened: {why}", hint="try again")

    def _check_ending(self) -> None:
        if self._protocol.close_rcvd is not None and self._protocol.close_rcvd.code in _IN_ORDER:
            return
        words = self._protocol.close_rcvd.reason if self._protocol.close_rcvd else ""
        raise ConsoleBroke(
            f"the console of {self._name} broke off" + (f": {words}" if words else ""),
            hint=f"open it again: skerry vm console {self._name}",
        )


@contextlib.contextmanager
def open_console(run: Run, name: str, kind: Literal["serial", "graphics"]) -> Iterator[Channel]:
    """A console of a machine.

    Raises:
        CannotReach: the server cannot be reached, or does not open it.
    """
    ticket = run.client.post(path("vms", name, "consoles"), {"kind": kind})
    parts = urlsplit(run.server.url)
    with run.client.socket() as socket:
        channel = Channel(name, socket, f"wss://{parts.netloc}{parts.path}{ticket['path']}")
        try:
            yield channel
        finally:
            channel.close()


def carry(
    channel: Channel,
    source: int,
    *,
    put: Callable[[bytes], object],
    take: Callable[[bytes], tuple[bytes, bool]],
) -> bool:
    """Carry bytes both ways until the console ends, or our side does; says whether it was ours.

    `take` gets what came from `source` (nothing: its end), and tells what of it to send, and whether to leave.

    Raises:
        ConsoleBroke: the console ended, and not in good order.
    """
    listening = True
    while True:
        for data in channel.receive():
            put(data)
        if channel.closed:
            return False
        readers: list[Channel | int] = [channel]
        if listening and channel.has_room:
            readers.append(source)
        ready, _, _ = select.select(readers, [channel] if channel.wants_to_write else [], [])
        if source in ready:
            data = os.read(source, _READ)
            listening = bool(data)
            sent, leave = take(data)
            if sent:
                channel.send(sent)
            if leave:
                return True
