"""Server-sent events as an ASGI answer that notices everything that can end it.

The stream ends when its source ends, when the client goes away (noticed at once, not at the next write), and
when the server stops. A client that reads slowly holds up only its own source, which bounds what it keeps. A
comment line every few seconds keeps proxies from cutting a silent connection, and asks whether the listener may
still listen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from fastapi import Response
from starlette.types import Receive, Scope, Send

HEARTBEAT_S = 15.0
_HEARTBEAT = b": still here\n\n"


@dataclass(frozen=True)
class ServerEvent:
    """One event; `data` is JSON without line breaks."""

    event: str
    data: str
    id: str | None = None

    def encode(self) -> bytes:
        """As it goes over the wire."""
        number = f"id: {self.id}\n" if self.id else ""
        return f"{number}event: {self.event}\ndata: {self.data}\n\n".encode()


class EventStream(Response):
    """Streams events until one side ends."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[ServerEvent],
        *,
        may_go_on: Callable[[], Awaitable[bool]],
        stopping: asyncio.Event,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no", "Cache-Control": "no-store"})  # no proxy may collect events
        self._events = events
        self._may_go_on = may_go_on
        self._stopping = stopping
        self._heartbeat_s = heartbeat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send events until the source ends, the client goes, or the server stops."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        ends = [
            asyncio.ensure_future(self._pump(send)),
            asyncio.ensure_future(self._beat(send)),
            asyncio.ensure_future(_gone(receive)),
            asyncio.ensure_future(self._stopping.wait()),
        ]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        for end in done:
            end.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pump(self, send: Send) -> None:
        async with contextlib.aclosing(self._events) as events:
            async for event in events:
                await _write(send, event.encode())

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            if not await self._may_go_on():
                return
            await _write(send, _HEARTBEAT)


async def _write(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
