"""What is refused before any route sees it, and what every answer carries."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx
import pytest
from tests.unit.api.conftest import ORIGIN
from tests.unit.api.stand_in import PASSWORD, StandIn

from skerry.sizes import MIB


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8443",
        "127.0.0.1:8443",
        "[::1]:8443",
        "10.1.2.3",
        "skerry.localhost",
        "CLOUD.example.org",
    ],
)
async def test_our_own_names_and_plain_addresses_are_answered(nobody: httpx.AsyncClient, host: str) -> None:
    assert (await nobody.get("/api/v1/about", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example.com", "localhost.evil.example.com", "127.0.0.1.evil.com", "", "x" * 500]
)
async def test_a_rebound_name_is_refused(nobody: httpx.AsyncClient, host: str) -> None:
    for path in ("/api/v1/about", "/"):
        answer = await nobody.get(path, headers={"Host": host})

        assert (answer.status_code, answer.json()["code"]) == (421, "wrong-host")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost:8443"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_pages_of_other_sites_change_nothing_and_hear_nothing(
    admin: httpx.AsyncClient, behind: StandIn, headers: dict[str, str]
) -> None:
    changed = await admin.post("/api/v1/vms", json={"name": "web1"}, headers=headers)
    signed_in = await admin.post("/api/v1/sessions", json={"user": "admin", "password": PASSWORD}, headers=headers)
    heard = await admin.get("/api/v1/events", headers=headers)

    assert {answer.json()["code"] for answer in (changed, signed_in, heard)} == {"wrong-origin"}
    assert behind.machines.asked == []


async def test_our_own_page_is_let_through(admin: httpx.AsyncClient) -> None:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}

    assert (await admin.post("/api/v1/vms", json={"name": "web1"}, headers=headers)).status_code == 202


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_of_ten_megabytes_is_too_large(
    program: httpx.AsyncClient, behind: StandIn, announced: bool
) -> None:
    body = json.dumps({"name": "x" * 10 * MIB}).encode()

    async def pieces():
        for start in range(0, len(body), MIB):
            yield body[start : start + MIB]

    headers = {"Content-Type": "application/json"}
    answer = await program.post("/api/v1/vms", content=body if announced else pieces(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert "2 MiB" in answer.json()["detail"]
    assert behind.machines.asked == []


async def test_uploads_may_be_as_large_as_they_like_and_are_not_collected(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    async def pieces():
        for _ in range(5):
            yield b"x" * MIB

    answer = await program.put("/api/v1/uploads/00000000-0000-0000-0000-000000000007?offset=0", content=pieces())

    assert answer.json()["received"] == 5 * MIB
    assert max(behind.uploads.pieces) == MIB


async def test_every_answer_carries_the_security_headers(nobody: httpx.AsyncClient) -> None:
    for path in ("/", "/api/v1/about", "/api/v1/vms", "/api/v1/nothing", "/assets/index-a1b2.js"):
        headers = (await nobody.get(path)).headers

        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in headers  # the certificate is our own: it would lock people out


async def test_answers_of_the_api_are_kept_by_nobody(program: httpx.AsyncClient) -> None:
    assert (await program.get("/api/v1/vms")).headers["cache-control"] == "no-store"


async def test_a_bug_shows_an_id_and_its_traceback_goes_to_the_log_only(
    program: httpx.AsyncClient, behind: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    behind.machines.failure = ZeroDivisionError("something internal")

    answer = await program.post("/api/v1/vms", json={"name": "web1"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "internal" not in answer.json()["detail"].replace("inside", "")
    assert "Traceback" not in answer.text
    assert "ZeroDivisionError" not in answer.text
    number = answer.json()["detail"].partition("error id ")[2].rstrip(")")
    assert number in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_a_failed_request_gives_its_key_back_also_when_it_was_a_bug(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    behind.machines.failure = ZeroDivisionError()
    await program.post("/api/v1/vms", json={"name": "web1"}, headers={"Idempotency-Key": "k-1"})

    assert behind.idempotency.kept == {}


async def test_no_secret_gets_into_the_log(
    nobody: httpx.AsyncClient, behind: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await nobody.post("/api/v1/sessions", json={"user": "admin", "password": PASSWORD})
    await nobody.get("/api/v1/vms?q=query-words", headers={"Authorization": "Bearer token-of-admin"})

    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("skerry"))
    assert "192.0.2.7 GET /api/v1/vms 200" in said
    for secret in (PASSWORD, "session-of-admin", "csrf-of-admin", "token-of-admin", "query-words"):
        assert secret not in said


async def test_requests_that_break_off_are_the_servers_business_only(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    request = asyncio.create_task(program.get("/api/v1/events"))
    while not behind.events.after:
        await asyncio.sleep(0)

    request.cancel()
    await asyncio.wait([request])

    await asyncio.wait_for(behind.events.closed.wait(), 60)
