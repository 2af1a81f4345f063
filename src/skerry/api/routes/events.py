"""The one stream of events that feeds a whole browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Header, Query, Request, Response

from skerry.api.credentials import may_stay
from skerry.api.declare import Routes
from skerry.api.doors import Calling, Need
from skerry.api.models import EventData, StreamPosition
from skerry.api.sse import EventStream, ServerEvent
from skerry.manager.events import Hello, Reset, StreamItem
from skerry.manager.types import Fact, SamplesOfHost, TaskProgress

events = Routes("Events", "/events")

Number = Annotated[str | None, Header(max_length=128, description="Where the stream broke off: `epoch:n`.")]


@events.get(
    "",
    needs=Need.SIGN_IN,
    response_class=EventStream,
    responses={200: {"model": EventData, "description": "Server-sent events; the schema is that of their data."}},
)
async def stream_events(
    call: Calling,
    request: Request,
    after: Annotated[str | None, Query(max_length=128, description="As Last-Event-ID, which wins.")] = None,
    last_event_id: Number = None,
) -> Response:
    """What happens from now on, or from a number on, as server-sent events.

    `hello` (data: StreamPosition) comes first where no number was given: what is listed after it cannot miss
    anything. `fact` (Fact) is durable, and its id is the number to resume from. `reset` (StreamPosition) means
    that the number is unknown or too old: list anew, the stream goes on from there. `progress` (TaskProgress)
    and `samples` (SamplesOfHost) come often and are kept nowhere. A comment line every 15 seconds shows that the
    stream is alive.
    """
    stopping: asyncio.Event = request.app.state.stopping
    items = call.manager.events.subscribe(call.caller, after=last_event_id or after)
    return EventStream(_encoded(items), may_go_on=lambda: may_stay(request), stopping=stopping)


async def _encoded(items: AsyncGenerator[StreamItem]) -> AsyncGenerator[ServerEvent]:
    try:
        async for item in items:
            yield _event(item)
    finally:
        await items.aclose()


def _event(item: StreamItem) -> ServerEvent:
    match item:
        case Hello(id=number) | Reset(id=number):
            name = "hello" if isinstance(item, Hello) else "reset"
            return ServerEvent(name, StreamPosition(id=number).model_dump_json(), number)
        case Fact():
            return ServerEvent("fact", item.model_dump_json(), item.id)
        case TaskProgress():
            return ServerEvent("progress", item.model_dump_json())
        case SamplesOfHost():
            return ServerEvent("samples", item.model_dump_json())
