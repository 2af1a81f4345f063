"""Events and consoles: how they begin, flow and end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message
from tests.unit.api.stand_in import PASSWORD, StandIn

from skerry.api.examples import EXAMPLES
from skerry.api.sse import EventStream, ServerEvent
from skerry.manager.events import Reset
from skerry.manager.types import SamplesOfHost, SignIn, TaskProgress

AUTHORIZATION = (b"authorization", b"Bearer token-of-admin")


class Line:
    """One connection, spoken to in ASGI, so that both sides can be looked at while it is open."""

    def __init__(
        self, app: FastAPI, kind: str, path: str, *headers: tuple[bytes, bytes], query: str = "", room: int = 0
    ) -> None:
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.outgoing: asyncio.Queue[Message] = asyncio.Queue(room)
        scope: dict[str, Any] = {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https" if kind == "http" else "wss",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"localhost:8443"), *headers],
            "client": ("192.0.2.7", 4711),
            "server": ("127.0.0.1", 8443),
            "subprotocols": ["binary"],
            "extensions": {"websocket.http.response": {}},
            "state": {},
        }
        if kind == "websocket":
            del scope["method"]
        self.done = asyncio.create_task(app(scope, self.incoming.get, self.outgoing.put))

    async def next(self) -> Message:
        """The next message from the app."""
        return await asyncio.wait_for(self.outgoing.get(), 60)

    async def event(self) -> dict[str, str]:
        """The next event of a stream, in its fields."""
        text = (await self.next())["body"].decode()
        assert text.endswith("\n\n")
        return dict(line.split(": ", 1) for line in text.strip().splitlines())


@pytest.fixture
async def lines(app: FastAPI) -> AsyncIterator[list[Line]]:
    """Connections that are closed when the test ends."""
    opened: list[Line] = []
    yield opened
    for line in opened:
        line.done.cancel()
    await asyncio.gather(*(line.done for line in opened), return_exceptions=True)


@pytest.fixture
async def stream(app: FastAPI, lines: list[Line]) -> Line:
    """An open stream of events, after its hello."""
    line = Line(app, "http", "/api/v1/events", AUTHORIZATION)
    lines.append(line)
    begin = await line.next()
    assert begin["status"] == 200
    assert dict(begin["headers"])[b"content-type"] == b"text/event-stream; charset=utf-8"
    hello = await line.event()
    assert (hello["event"], hello["id"]) == ("hello", "e:7")
    return line


async def test_each_kind_of_item_is_its_own_event(stream: Line, behind: StandIn) -> None:
    fact = EXAMPLES["Fact"]
    progress = TaskProgress(
        task=EXAMPLES["Task"].id, step="Clone", step_number=1, step_count=2, progress=0.5, detail="two\nlines"
    )
    samples = SamplesOfHost(host="a", at=fact.at, cpu=0.5, free_memory=1, machines=())
    for item in (fact, progress, samples, Reset("e:99")):
        behind.events.items.put_nowait(item)

    told = [await stream.event() for _ in range(4)]

    assert [event["event"] for event in told] == ["fact", "progress", "samples", "reset"]
    assert [event.get("id") for event in told] == [fact.id, None, None, "e:99"]
    assert json.loads(told[0]["data"]) == fact.model_dump(mode="json")
    assert json.loads(told[1]["data"])["detail"] == "two\nlines"
    assert json.loads(told[3]["data"]) == {"id": "e:99"}


@pytest.mark.parametrize(("headers", "number"), [([(b"last-event-id", b"e:5")], "e:5"), ([], "e:3")])
async def test_a_stream_resumes_from_the_header_before_the_query(
    app: FastAPI, behind: StandIn, lines: list[Line], headers: list[tuple[bytes, bytes]], number: str
) -> None:
    behind.events.items.put_nowait(Reset("e:9"))
    lines.append(Line(app, "http", "/api/v1/events", AUTHORIZATION, *headers, query="after=e:3"))
    await lines[0].next()

    assert (await lines[0].event())["event"] == "reset"
    assert behind.events.after == [number]


async def test_a_listener_that_goes_away_is_noticed_at_once(stream: Line, behind: StandIn) -> None:
    stream.incoming.put_nowait({"type": "http.disconnect"})

    await asyncio.wait_for(behind.events.closed.wait(), 60)
    await asyncio.wait_for(stream.done, 60)


async def test_a_server_that_stops_ends_its_streams(app: FastAPI, stream: Line, behind: StandIn) -> None:
    app.state.stopping.set()

    assert (await stream.next()) == {"type": "http.response.body", "body": b"", "more_body": False}
    assert behind.events.closed.is_set()


async def test_a_slow_listener_holds_back_its_own_source(app: FastAPI, behind: StandIn, lines: list[Line]) -> None:
    for number in range(1000):
        behind.events.items.put_nowait(Reset(f"e:{number}"))
    lines.append(Line(app, "http", "/api/v1/events", AUTHORIZATION, room=2))
    for _ in range(3):
        await lines[0].next()
    for _ in range(100):
        await asyncio.sleep(0)  # as much time as it may want

    assert behind.events.items.qsize() > 990


async def _three_events() -> Any:
    for number in range(3):
        yield ServerEvent("fact", "{}", f"e:{number}")
    await asyncio.Event().wait()


async def test_the_stream_beats_and_ends_with_the_session() -> None:
    asked = asyncio.Event()
    sent: list[bytes] = []
    answers = iter([True, False])

    async def may_go_on() -> bool:
        asked.set()
        return next(answers)

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    stream = EventStream(_three_events(), may_go_on=may_go_on, stopping=asyncio.Event(), heartbeat_s=0.001)
    await asyncio.wait_for(stream({"type": "http"}, asyncio.Queue().get, send), 60)

    assert asked.is_set()
    assert b": still here\n\n" in sent
    assert sent[-1] == b""


async def test_a_stream_whose_source_breaks_is_cut_off_and_logged(
    app: FastAPI, stream: Line, behind: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    behind.events.items.put_nowait("no item")  # type: ignore[arg-type]

    await asyncio.wait([stream.done])

    assert "broke off" in caplog.text
    assert behind.events.closed.is_set()


# ---- consoles


@pytest.fixture
async def console(app: FastAPI, lines: list[Line]) -> Line:
    """An open console, after the first words of the other side."""
    line = Line(app, "websocket", "/api/v1/consoles/good-ticket", (b"origin", b"https://localhost:8443"))
    lines.append(line)
    line.incoming.put_nowait({"type": "websocket.connect"})
    accepted = await line.next()
    assert (accepted["type"], accepted["subprotocol"]) == ("websocket.accept", "binary")
    assert (await line.next())["bytes"] == b"login: "
    return line


async def test_a_console_carries_bytes_both_ways(console: Line) -> None:
    console.incoming.put_nowait({"type": "websocket.receive", "bytes": b"root\n"})

    assert (await console.next())["bytes"] == b"ROOT\n"


async def test_words_about_the_window_do_not_reach_the_console(console: Line) -> None:
    console.incoming.put_nowait({"type": "websocket.receive", "text": '{"resize":[80,24]}'})
    console.incoming.put_nowait({"type": "websocket.receive", "bytes": b"x"})

    assert (await console.next())["bytes"] == b"X"


async def test_a_browser_that_goes_away_closes_the_console(console: Line, behind: StandIn) -> None:
    console.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})

    await asyncio.wait_for(console.done, 60)
    assert behind.consoles.pipe.closed


async def test_a_console_that_ends_closes_the_browsers_side(console: Line, behind: StandIn) -> None:
    console.incoming.put_nowait({"type": "websocket.receive", "bytes": b"\x04"})

    closed = await console.next()

    assert (closed["type"], closed["code"]) == ("websocket.close", 1000)
    assert behind.consoles.pipe.closed


async def test_signing_out_closes_the_persons_consoles(
    app: FastAPI, behind: StandIn, lines: list[Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skerry.api.credentials.LOOK_S", 0.001)
    signed_in = await behind.people.sign_in(SignIn(user="admin", password=PASSWORD), "")
    cookie = f"skerry_session={signed_in.secret}".encode()
    line = Line(app, "websocket", "/api/v1/consoles/good-ticket", (b"cookie", cookie))
    lines.append(line)
    line.incoming.put_nowait({"type": "websocket.connect"})
    await line.next()
    assert (await line.next())["bytes"] == b"login: "

    await behind.people.sign_out(signed_in.secret)

    assert (await line.next())["code"] == 1008
    assert behind.consoles.pipe.closed


async def test_a_server_that_stops_closes_its_consoles(app: FastAPI, console: Line, behind: StandIn) -> None:
    app.state.stopping.set()

    assert (await console.next())["code"] == 1001
    assert behind.consoles.pipe.closed


async def test_a_ticket_works_once_and_a_wrong_one_never(app: FastAPI, console: Line, lines: list[Line]) -> None:
    for ticket in ("good-ticket", "made-up"):
        line = Line(app, "websocket", f"/api/v1/consoles/{ticket}")
        lines.append(line)
        line.incoming.put_nowait({"type": "websocket.connect"})

        refused = await line.next()
        assert (refused["type"], refused["status"]) == ("websocket.http.response.start", 401)


async def test_pages_of_other_sites_open_no_console_and_use_up_no_ticket(
    app: FastAPI, behind: StandIn, lines: list[Line]
) -> None:
    line = Line(app, "websocket", "/api/v1/consoles/good-ticket", (b"origin", b"https://evil.example.com"))
    lines.append(line)
    line.incoming.put_nowait({"type": "websocket.connect"})

    assert (await line.next())["status"] == 403
    assert behind.consoles.tickets == {"good-ticket"}


async def test_tickets_do_not_reach_the_log(app: FastAPI, console: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "skerry.access")
    console.incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(console.done, 60)

    assert "WS /api/v1/consoles/*** 101" in caplog.text
    assert "good-ticket" not in caplog.text
