"""Consoles in the browser: a WebSocket on one side, the console's bytes on the other.

The ticket in the path is the key: it was given to a person with the permission, works once, and soon not at all.
Each direction waits for its slower side, and when one side ends both are closed; so they are when the person
signs out.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from skerry.api.credentials import until_signed_out
from skerry.errors import SkerryError
from skerry.host.operation import ByteStream
from skerry.manager.manager import Manager

router = APIRouter()

_ENDED, _GOING_AWAY, _NOT_ALLOWED, _FAILED = 1000, 1001, 1008, 1011


@router.websocket("/consoles/{ticket}")
async def console(websocket: WebSocket, ticket: str) -> None:
    """Carry bytes between the browser and the console until one of them ends."""
    manager: Manager = websocket.app.state.manager
    stopping: asyncio.Event = websocket.app.state.stopping
    opened = await manager.consoles.open(ticket)
    code, reason = _FAILED, "the console failed"
    try:
        offered: list[str] = websocket.scope["subprotocols"]
        await websocket.accept(subprotocol="binary" if "binary" in offered else None)
        code, reason = await _carry(websocket, opened.stream, stopping)
    finally:
        await opened.stream.close()
        await _close(websocket, code, reason)


async def _carry(websocket: WebSocket, stream: ByteStream, stopping: asyncio.Event) -> tuple[int, str]:
    """Pump both ways; the close code and its reason in the end."""
    signed_out = asyncio.ensure_future(until_signed_out(websocket))
    ends = [
        signed_out,
        asyncio.ensure_future(_to_browser(websocket, stream)),
        asyncio.ensure_future(_to_console(websocket, stream)),
        asyncio.ensure_future(stopping.wait()),
    ]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
    try:
        for end in done:
            end.result()
    except SkerryError as exc:
        return _FAILED, exc.message
    except (WebSocketDisconnect, OSError):
        return _GOING_AWAY, ""
    if signed_out in done:
        return _NOT_ALLOWED, "the session has ended"
    return (_GOING_AWAY, "Skerry stops") if stopping.is_set() else (_ENDED, "the console was closed")


async def _to_browser(websocket: WebSocket, stream: ByteStream) -> None:
    while data := await stream.read():
        await websocket.send_bytes(data)


async def _to_console(websocket: WebSocket, stream: ByteStream) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        if data:  # a text frame speaks of the size of the window, which a serial line does not have
            await stream.write(data)


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    short = reason.encode()[:120].decode(errors="ignore")  # a close frame has room for 123 bytes
    try:
        await websocket.close(code, short)
    except (RuntimeError, WebSocketDisconnect, OSError):
        return  # the browser closed it first
