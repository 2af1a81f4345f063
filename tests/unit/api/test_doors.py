"""Who gets in, with what, and what is written down."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from tests.unit.api.stand_in import PASSWORD, VM, StandIn

from skerry.errors import NameTaken

NEW_VM = {"name": "web1"}


async def test_nobody_is_told_nothing_but_what_this_is(nobody: httpx.AsyncClient) -> None:
    assert (await nobody.get("/api/v1/about")).json()["name"] == "skerry"

    answer = await nobody.get("/api/v1/vms")

    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_who_is_asked_for_before_the_body_is_looked_at(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.post("/api/v1/vms", json={"nonsense": True})

    assert answer.status_code == 401


async def test_the_cookie_of_a_session_is_for_this_site_over_tls_and_not_for_scripts(
    nobody: httpx.AsyncClient,
) -> None:
    answer = await nobody.post("/api/v1/sessions", json={"user": "admin", "password": PASSWORD})

    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("skerry_session=session-of-admin;")
    for flag in ("httponly", "secure", "samesite=strict", "path=/", "expires="):
        assert flag in cookie
    assert "session-of-admin" not in answer.text


async def test_signing_out_ends_the_session_and_removes_the_cookie(
    admin: httpx.AsyncClient, behind: StandIn
) -> None:
    answer = await admin.delete("/api/v1/sessions/current")

    assert answer.status_code == 204
    assert 'skerry_session=""' in answer.headers["set-cookie"]
    assert behind.people.sessions == {}


@pytest.mark.parametrize("token", [None, "", "csrf-of-guest", "ünïcode"])
async def test_a_change_without_the_sessions_own_csrf_token_is_refused(
    admin: httpx.AsyncClient, behind: StandIn, token: str | None
) -> None:
    del admin.headers["X-CSRF-Token"]
    headers = {} if token is None else {"X-CSRF-Token": token.encode()}

    answer = await admin.post("/api/v1/vms", json=NEW_VM, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "bad-csrf-token")
    assert behind.machines.asked == []


async def test_a_program_with_a_token_needs_no_csrf_token(program: httpx.AsyncClient) -> None:
    answer = await program.post("/api/v1/vms", json=NEW_VM)

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/tasks/{answer.json()['id']}"


async def test_a_wrong_token_is_refused_also_beside_a_good_cookie(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/api/v1/vms", headers={"Authorization": "Bearer nonsense"})

    assert answer.status_code == 401


async def test_a_permission_that_is_held_nowhere_closes_the_door(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    program.headers["Authorization"] = "Bearer token-of-guest"

    assert (await program.get("/api/v1/vms")).status_code == 200
    answer = await program.post("/api/v1/vms", json=NEW_VM)

    assert (answer.status_code, answer.json()["code"]) == (403, "denied")
    assert "vm.create" in answer.json()["detail"]
    assert behind.machines.asked[1:] == []


async def test_each_change_is_written_down_with_who_where_what_and_how_it_ended(
    admin: httpx.AsyncClient, behind: StandIn
) -> None:
    await admin.post("/api/v1/vms", json=NEW_VM)
    behind.machines.failure = NameTaken("there is a web1 already")
    await admin.post("/api/v1/vms", json=NEW_VM)
    await admin.post("/api/v1/vms", json={})

    signed_in, made, taken, malformed = behind.audit.entries
    assert (signed_in["action"], signed_in["user"], signed_in["status"]) == ("sign_in", "admin", 201)
    assert (made["action"], made["method"], made["status"]) == ("create_vm", "POST", 202)
    assert (made["user"], made["address"], made["about"].name) == ("admin", "192.0.2.7", "web1")
    assert (taken["status"], taken["detail"]) == (409, "there is a web1 already")
    assert malformed["status"] == 422


async def test_reading_is_not_written_down(program: httpx.AsyncClient, behind: StandIn) -> None:
    await program.get("/api/v1/vms")

    assert behind.audit.entries == []


async def test_a_password_typed_as_the_name_is_not_written_down(
    nobody: httpx.AsyncClient, behind: StandIn
) -> None:
    await nobody.post("/api/v1/sessions", json={"user": "My Pass Word!", "password": "x"})

    assert behind.audit.entries[0]["user"] == "-"
    assert "My Pass" not in str(behind.audit.entries)


async def test_a_change_of_a_named_thing_names_it_also_when_it_failed(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    await program.patch("/api/v1/vms/web1", json={"vcpus": 0})

    assert behind.audit.entries[0]["about"].name == "web1"


class TestIdempotency:
    """A POST that is repeated with its key is worked on once."""

    async def test_the_same_request_gets_the_same_answer(
        self, program: httpx.AsyncClient, behind: StandIn
    ) -> None:
        first = await program.post("/api/v1/vms", json=NEW_VM, headers={"Idempotency-Key": "k-1"})
        again = await program.post("/api/v1/vms", json=NEW_VM, headers={"Idempotency-Key": "k-1"})

        assert again.status_code == first.status_code == 202
        assert again.json() == first.json()
        assert again.headers["location"] == first.headers["location"]
        assert len(behind.machines.asked) == 1

    async def test_another_request_with_the_same_key_is_refused(self, program: httpx.AsyncClient) -> None:
        await program.post("/api/v1/vms", json=NEW_VM, headers={"Idempotency-Key": "k-1"})
        answer = await program.post("/api/v1/vms", json={"name": "web2"}, headers={"Idempotency-Key": "k-1"})

        assert answer.status_code == 422

    async def test_two_at_the_same_time_do_not_both_happen(
        self, program: httpx.AsyncClient, behind: StandIn
    ) -> None:
        async with asyncio.TaskGroup() as group:
            both = [
                group.create_task(program.post("/api/v1/vms", json=NEW_VM, headers={"Idempotency-Key": "k-1"}))
                for _ in range(2)
            ]

        assert sorted(task.result().status_code for task in both) == [202, 409]
        assert len(behind.machines.asked) == 1

    async def test_a_failed_request_may_be_tried_again(self, program: httpx.AsyncClient, behind: StandIn) -> None:
        behind.machines.failure = NameTaken("there is a web1 already")
        failed = await program.post("/api/v1/vms", json=NEW_VM, headers={"Idempotency-Key": "k-1"})
        behind.machines.failure = None
        again = await program.post("/api/v1/vms", json=NEW_VM, headers={"Idempotency-Key": "k-1"})

        assert (failed.status_code, again.status_code) == (409, 202)

    @pytest.mark.parametrize("key", ["", "with blank", "x" * 201])
    async def test_a_key_that_is_none_is_refused(self, program: httpx.AsyncClient, key: str) -> None:
        answer = await program.post("/api/v1/vms", json=NEW_VM, headers={"Idempotency-Key": key})

        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["detail"]

    async def test_answers_with_a_secret_in_them_are_not_kept(
        self, program: httpx.AsyncClient, behind: StandIn
    ) -> None:
        answer = await program.post("/api/v1/tokens", json={"name": "ci"}, headers={"Idempotency-Key": "k-1"})

        assert answer.status_code == 201
        assert behind.idempotency.kept == {}


async def test_a_machine_comes_with_its_etag_and_is_changed_only_under_it(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    etag = (await program.get("/api/v1/vms/web1")).headers["etag"]
    await program.patch("/api/v1/vms/web1", json={"vcpus": 2}, headers={"If-Match": etag})

    assert etag == f'"{VM.etag}"'
    assert behind.machines.asked == [("change", VM.etag)]


async def test_a_definition_is_not_replaced_blindly(program: httpx.AsyncClient, behind: StandIn) -> None:
    body = {"xml": "<domain/>"}

    blind = await program.put("/api/v1/vms/web1/definition", json=body)
    seen = await program.put("/api/v1/vms/web1/definition", json=body, headers={"If-Match": '"abc"'})

    assert (blind.status_code, blind.json()["code"]) == (428, "precondition-required")
    assert seen.status_code == 200
    assert behind.machines.asked == [("define", "abc")]


@pytest.mark.parametrize(("query", "hint"), [("disk=keep", "'disks'"), ("colour=red", "it knows: disks, force")])
async def test_a_query_that_is_not_known_changes_nothing(
    program: httpx.AsyncClient, behind: StandIn, query: str, hint: str
) -> None:
    answer = await program.delete(f"/api/v1/vms/web1?{query}")

    assert answer.status_code == 422
    assert hint in answer.json()["hint"]
    assert behind.machines.asked == []


async def test_pieces_of_an_upload_are_written_down_only_when_they_fail(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    path = "/api/v1/uploads/00000000-0000-0000-0000-000000000007"
    await program.put(path, content=b"x")
    assert behind.audit.entries == []

    await program.put(f"{path}?offset=-1", content=b"x")
    assert [(entry["action"], entry["status"]) for entry in behind.audit.entries] == [("send_upload", 422)]


async def test_a_change_that_failed_unexpectedly_is_written_down(
    program: httpx.AsyncClient, behind: StandIn
) -> None:
    behind.machines.failure = ZeroDivisionError()
    await program.post("/api/v1/vms", json=NEW_VM)

    assert [entry["status"] for entry in behind.audit.entries] == [500]
