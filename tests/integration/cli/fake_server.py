"""A small server over real TLS that speaks the contract as far as a test tells it to, and remembers what came.

    fake.on("GET", "/vms", fake.page([VM]))
    fake.tells([hello(), fact(TASK | {"state": "succeeded"})])

The shapes of what it answers are the API's own examples.
"""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import uvicorn

from skerry.api.examples import EXAMPLES

BASE = "/api/v1"
Json = dict[str, Any]


def example(name: str) -> Json:
    """One of the API's examples, as JSON."""
    return json.loads(EXAMPLES[name].model_dump_json())


VM, TASK, IMAGE, HOST = example("Vm"), example("Task"), example("Image"), example("HostInfo")
DONE = TASK | {"state": "succeeded", "progress": 1.0, "result": {"vm": VM["id"]}}


@dataclass
class Request:
    """What came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered, where it is not simply JSON."""

    status: int = 200
    body: Any = None
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return (
            self.body
            if isinstance(self.body, bytes)
            else b""
            if self.body is None
            else json.dumps(self.body).encode()
        )


def problem(code: str, status: int, detail: str, hint: str | None = None) -> Reply:
    """A problem document."""
    body = {"type": f"urn:skerry:problem:{code}", "title": code, "status": status, "detail": detail}
    return Reply(status, body | {"code": code, "hint": hint, "errors": []}, "application/problem+json")


def page(items: list[Json], next_cursor: str | None = None) -> Json:
    return {"items": items, "next_cursor": next_cursor, "total": len(items)}


def hello(number: str = "e:7") -> bytes:
    return _event("hello", {"id": number}, number)


def reset(number: str = "f:1") -> bytes:
    return _event("reset", {"id": number}, number)


def fact(thing: Json, number: str = "e:8", kind: str = "task.changed", name: str = "") -> bytes:
    about = {"kind": kind.partition(".")[0], "id": thing["id"], "name": name}
    data = {"id": number, "at": "2026-03-14T09:26:53Z", "kind": kind, "object": about, "pool_id": None}
    return _event("fact", data | {"user": "admin", "summary": "web1 changed", "data": thing}, number)


def progress(task: Json, share: float, detail: str = "") -> bytes:
    told = {name: task[name] for name in ("step", "step_number", "step_count")}
    return _event("progress", told | {"task": task["id"], "progress": share, "detail": detail, "lines": []})


def _event(kind: str, data: Json, number: str | None = None) -> bytes:
    prefix = f"id: {number}\n" if number else ""
    return f"{prefix}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


BREAK = b"break"  # in a stream: the connection ends here
Answer = Reply | Json | list[Any] | Callable[[Request], "Reply | Json"]


class Fake:
    """Answers as the test says; what it was not told is 404."""

    def __init__(self, port: int) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self.reset()

    def reset(self) -> None:
        self.requests: list[Request] = []
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.streams: queue.Queue[list[bytes]] = queue.Queue()
        self.typed: list[bytes] = []
        self.console_says: list[bytes] = []
        self.console_ends = (1000, "the console was closed")
        self._end_stream: Callable[[], None] = lambda: None

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answer so; of several answers one a request, the last one for good."""
        self.answers[method, path] = list(answers)

    def tells(self, *streams: list[bytes]) -> None:
        """What each connection to the event stream gets, one after the other; then nobody may listen."""
        for stream in streams:
            self.streams.put(stream)

    def ends_streams(self) -> None:
        """End the stream that somebody listens to, so that the next one is asked for."""
        self._end_stream()

    def got(self, method: str, path: str) -> list[Request]:
        """The requests that came for this."""
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    # ---- ASGI

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await self._console(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        path = unquote(scope["raw_path"].decode()).removeprefix(BASE)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        request = Request(scope["method"], path, dict(parse_qsl(scope["query_string"].decode())), headers, body)
        self.requests.append(request)
        if path == "/events" and not self.streams.empty():
            await self._stream(receive, send)
            return
        reply = self._reply(request)
        headers_out = [(b"content-type", reply.kind.encode())]
        headers_out += [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers_out})
        await send({"type": "http.response.body", "body": reply.content()})

    def _reply(self, request: Request) -> Reply:
        answers = self.answers.get((request.method, request.path))
        if not answers and request.path == "/events":
            return problem("unauthenticated", 401, "the token has ended")
        if not answers:
            return problem("not-found", 404, f"there is nothing at {request.path}")
        answer: Any = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, Reply) else Reply(body=answer)

    async def _stream(self, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        events = self.streams.get_nowait()
        for event in events:
            if event is BREAK:
                await send({"type": "http.response.body", "body": b""})
                return
            await send({"type": "http.response.body", "body": event, "more_body": True})
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._end_stream = lambda: loop.call_soon_threadsafe(ended.set)
        gone = asyncio.ensure_future(_gone(receive))
        either = asyncio.ensure_future(ended.wait())
        await asyncio.wait([gone, either], return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
        gone.cancel()
        either.cancel()

    async def _console(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "binary"})
        for said in self.console_says:
            await send({"type": "websocket.send", "bytes": said})
        while (message := await receive())["type"] == "websocket.receive":
            data = message.get("bytes") or b""
            self.typed.append(data)
            await send({"type": "websocket.send", "bytes": data.upper()})
            if b"\x04" in data:
                code, reason = self.console_ends
                await send({"type": "websocket.close", "code": code, "reason": reason})
                return


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextmanager
def serving(certificate: Path, key: Path) -> Iterator[Fake]:
    """A fake server that answers on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    fake = Fake(listener.getsockname()[1])
    config = uvicorn.Config(
        fake,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ws="websockets-sansio",
        lifespan="off",
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join()
