"""How errors look from outside."""

from __future__ import annotations

import httpx
import pytest
from tests.unit.api.stand_in import StandIn

from skerry.api import problems
from skerry.errors import SkerryError, TooManyTries, every_error


@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__name__)
def test_every_error_has_an_answer(cls: type[SkerryError]) -> None:
    answer = problems.answer_to(cls("web1 is not there", hint="look again"))

    assert 400 <= answer.status_code < 600
    assert answer.media_type == "application/problem+json"
    assert cls.code.encode() in answer.body
    assert b"look again" in answer.body


async def test_too_many_tries_say_when_to_come_back() -> None:
    assert problems.answer_to(TooManyTries("slow down")).headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        ({}, "name", "name: it is missing"),
        ({"name": ""}, "name", "at least 1 character"),
        ({"name": "x" * 65}, "name", "at most 64 characters"),
        ({"name": "../../etc"}, "name", "letters, digits, dots, dashes and underscores"),
        ({"name": "ünï"}, "name", "letters, digits, dots, dashes and underscores"),
        ({"name": "web1", "memory": 0}, "memory", "memory: at least 16 MiB"),
        ({"name": "web1", "vcpus": 0}, "vcpus", "vcpus: at least 1"),
        ({"name": "web1", "vcpus": 1000}, "vcpus", "vcpus: at most 512"),
        ({"name": "web1", "vcpus": "many"}, "vcpus", "whole number"),
        (
            {"name": "web1", "disks": [{"kind": "empty", "size": -1}]},
            "disks.0.empty.size",
            "at least 1 MiB",
        ),
        ({"name": "web1", "disks": [{"kind": "tape"}]}, "disks.0", "tape"),
        ({"name": "web1", "boot_order": ["hd", "hd"]}, "boot_order", "boot_order: each device stands in it once"),
        ({"name": "web1", "colour": "red"}, "colour", "there is no such field"),
        ([], "", "it must be a JSON object"),
    ],
)
async def test_each_wrong_field_is_named(program: httpx.AsyncClient, behind: StandIn, body, where, what) -> None:
    answer = await program.post("/api/v1/vms", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "bad-input")
    assert where in [error["field"] for error in answer.json()["errors"]]
    assert what in answer.json()["detail"]
    assert behind.machines.asked == []


async def test_a_word_in_place_of_an_id_is_told_in_plain_words(program: httpx.AsyncClient) -> None:
    answer = await program.get("/api/v1/tasks/latest")

    assert (
        answer.json()["detail"] == "the request is not valid: id: that is no id: ids are UUIDs, as lists show them"
    )


async def test_what_was_sent_in_a_wrong_field_is_not_repeated(program: httpx.AsyncClient) -> None:
    answer = await program.post("/api/v1/users", json={"name": "bob", "password": "hunter2"})

    assert answer.status_code == 422
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 422),
        (b"\xff\xfe\xfd", 400),
        (b'{"name": "\\ud800"}', 422),
        (b"[" * 100_000, 400),
        (b"", 422),
    ],
    ids=["cut off", "not text", "half a character", "deep", "empty"],
)
async def test_a_body_that_is_no_json_is_told_clearly(
    program: httpx.AsyncClient, content: bytes, status: int
) -> None:
    answer = await program.post("/api/v1/vms", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_form_is_not_taken_for_json(program: httpx.AsyncClient) -> None:
    answer = await program.post("/api/v1/vms", content=b'{"name": "web1"}', headers={"Content-Type": "text/plain"})

    assert answer.status_code == 422


async def test_unknown_paths_and_methods_are_problems_too(program: httpx.AsyncClient) -> None:
    nothing = await program.get("/api/v1/nothing")
    wrong = await program.put("/api/v1/vms", json={})

    assert (nothing.status_code, nothing.json()["code"]) == (404, "not-found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "wrong-method")
    assert wrong.headers["content-type"] == "application/problem+json"
    assert "GET" in wrong.headers["allow"] or "POST" in wrong.headers["allow"]


async def test_what_is_not_there_is_named(program: httpx.AsyncClient) -> None:
    answer = await program.get("/api/v1/vms/web9")

    assert answer.json() == {
        "type": "urn:skerry:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "there is no machine web9",
        "code": "not-found",
        "hint": None,
        "errors": [],
    }


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "state=flying", "sort=owner", "cursor=" + "x" * 2000]
)
async def test_bad_queries_are_named(program: httpx.AsyncClient, query: str) -> None:
    answer = await program.get(f"/api/v1/vms?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["in"] == "query"
