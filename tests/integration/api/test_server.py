"""What only shows with a real server, real sockets and real clients."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl

import httpx
import pytest
import websockets
from tests.integration.api.conftest import Served

from skerry.manager.events import Reset
from skerry.sizes import MIB


def console_url(served: Served, ticket: str = "good-ticket") -> str:
    """Where a console is."""
    return served.url.replace("https:", "wss:") + f"/api/v1/consoles/{ticket}"


async def test_it_answers_over_tls_and_names_no_software(served: Served) -> None:
    answer = await served.client.get("/api/v1/about")

    assert answer.json()["name"] == "skerry"
    assert "server" not in answer.headers


async def test_nobody_is_answered_without_tls(served: Served) -> None:
    async with httpx.AsyncClient() as plain:
        with pytest.raises(httpx.TransportError):
            await plain.get(served.url.replace("https:", "http:") + "/api/v1/about")


async def test_a_console_is_carried_both_ways(served: Served) -> None:
    async with websockets.connect(
        console_url(served), ssl=served.tls, origin=served.url, subprotocols=["binary"]
    ) as console:
        assert console.subprotocol == "binary"
        assert await console.recv() == b"login: "
        await console.send(b"root\n" * 20_000)
        assert len(await console.recv()) == 100_000
        await console.send(b"\x04")
        with pytest.raises(websockets.ConnectionClosedOK):
            await console.recv()

    assert served.behind.consoles.pipe.closed


async def test_a_console_is_closed_when_the_browser_goes(served: Served) -> None:
    async with websockets.connect(console_url(served), ssl=served.tls) as console:
        await console.recv()
        console.transport.abort()
        async with asyncio.timeout(60):
            while not served.behind.consoles.pipe.closed:
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("ticket", "origin", "status"), [("made-up", None, 401), ("good-ticket", "https://evil.example.com", 403)]
)
async def test_a_console_is_refused_with_a_status(served: Served, ticket: str, origin: str, status: int) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(console_url(served, ticket), ssl=served.tls, origin=origin)

    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["status"] == status


async def test_events_flow_and_a_listener_that_goes_is_noticed(served: Served) -> None:
    async with served.client.stream("GET", "/api/v1/events") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "id: e:7"
        assert await anext(lines) == "event: hello"
        served.behind.events.items.put_nowait(Reset("e:9"))
        while await anext(lines) != "event: reset":
            pass

    async with asyncio.timeout(60):
        await served.behind.events.closed.wait()


async def test_stopping_ends_streams_and_consoles_at_once(served: Served) -> None:
    async with (
        served.client.stream("GET", "/api/v1/events") as stream,
        websockets.connect(console_url(served), ssl=served.tls) as console,
    ):
        await console.recv()
        lines = stream.aiter_lines()
        await anext(lines)

        stopping = asyncio.create_task(served.stop())
        assert [line async for line in lines if line][-1].startswith("data: ")
        with pytest.raises(websockets.ConnectionClosed):
            await console.recv()
    await stopping
    with pytest.raises(httpx.ConnectError):
        await served.client.get("/api/v1/about")


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_that_is_too_large_is_told_so_and_not_read(served: Served, announced: bool) -> None:
    async def pieces():
        for _ in range(10):
            yield b"x" * MIB

    content = b"x" * 10 * MIB if announced else pieces()
    answer = await served.client.post("/api/v1/vms", content=content, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert (await served.client.get("/api/v1/about")).status_code == 200


async def test_an_upload_is_taken_in_pieces_as_they_come(served: Served) -> None:
    async def pieces():
        for _ in range(64):
            yield b"x" * MIB

    path = "/api/v1/uploads/00000000-0000-0000-0000-000000000007?offset=0"
    answer = await served.client.put(path, content=pieces())

    assert answer.json()["received"] == 64 * MIB
    assert max(served.behind.uploads.pieces) <= MIB


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/v1/vms HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    ],
    ids=["no host", "two hosts", "nonsense", "long path", "no length"],
)
async def test_broken_http_does_no_harm(served: Served, request_: bytes) -> None:
    host, port = served.url.removeprefix("https://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=served.tls)
    writer.write(request_)
    await writer.drain()

    answer = await asyncio.wait_for(reader.read(4096), 60)
    writer.close()

    assert b"Traceback" not in answer
    assert answer == b"" or int(answer.split()[1]) >= 400
    assert (await served.client.get("/api/v1/about")).status_code == 200


async def test_no_path_of_the_page_leaves_its_folder(served: Served) -> None:
    host, port = served.url.removeprefix("https://").split(":")
    for path in (b"/../../../../etc/passwd", b"/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", b"//etc/passwd"):
        reader, writer = await asyncio.open_connection(host, int(port), ssl=served.tls)
        writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()

        assert b"root:" not in answer


async def test_proxies_are_not_believed_unless_named(served: Served) -> None:
    await served.client.post("/api/v1/vms", json={"name": "web1"}, headers={"X-Forwarded-For": "203.0.113.9"})

    assert served.behind.audit.entries[0]["address"] == "127.0.0.1"


async def test_nothing_of_a_console_reaches_any_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # as `skerry up` does
    async with websockets.connect(console_url(served), ssl=served.tls) as console:
        await console.recv()

    assert "good-ticket" not in "\n".join(
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("websockets.client", "httpx"))
    )


async def test_old_tls_is_refused(served: Served) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    host, port = served.url.removeprefix("https://").split(":")

    def connect() -> None:
        with socket.create_connection((host, int(port))) as plain, old.wrap_socket(plain):
            pass

    with pytest.raises(ssl.SSLError):
        await asyncio.to_thread(connect)
