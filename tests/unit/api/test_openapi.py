"""The OpenAPI document says the whole truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from skerry.api import openapi
from skerry.api.app import ROUTES, bare_app
from skerry.api.doors import Door
from skerry.errors import every_error
from skerry.manager.access import ALL

REPOSITORY = Path(__file__).resolve().parents[3]
DOCUMENT = openapi.document(bare_app())
OPERATIONS = {operation["operationId"]: operation for operation in openapi.operations(DOCUMENT)}


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Checks values against a part of the document."""
    return jsonschema.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=jsonschema.FormatChecker()
    )


def test_the_document_of_the_page_is_up_to_date() -> None:
    written = (REPOSITORY / "web" / "openapi.json").read_text(encoding="utf-8")

    assert written == openapi.printed(bare_app()), "run: python -m skerry.api.openapi > web/openapi.json"


def test_the_document_is_printed_the_same_by_every_process() -> None:
    argv = [sys.executable, "-m", "skerry.api.openapi"]
    printed = subprocess.run(argv, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}).stdout

    assert printed == openapi.printed(bare_app())


async def test_the_document_is_served_to_everybody(nobody: httpx.AsyncClient) -> None:
    assert (await nobody.get("/api/v1/openapi.json")).json() == DOCUMENT


def test_every_route_has_a_door() -> None:
    routes = [route for noun in ROUTES for route in noun.router.routes]

    assert len(routes) == len(OPERATIONS) > 50
    assert all(isinstance(route, Door) for route in routes)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_declares_what_it_needs(operation: dict[str, Any]) -> None:
    open_to_all = {"get_about", "sign_in"}

    needs = operation["x-permission"]
    if operation["operationId"] in open_to_all:
        assert (needs, operation["security"]) == ("none", [])
    else:
        assert needs == "signed-in" or needs in ALL
        assert operation["security"] == [{"session": []}, {"token": []}]
        assert "401" in operation["responses"]
    if needs in ALL:
        assert "403" in operation["responses"]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_shows_its_errors_by_their_codes(operation: dict[str, Any]) -> None:
    codes = {cls.code for cls in every_error()}

    errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    assert "422" in errors
    for status, answer in errors.items():
        assert list(answer["content"]) == ["application/problem+json"], status
        examples = answer["content"]["application/problem+json"]["examples"]
        assert examples
        for code, example in examples.items():
            assert code in codes
            assert str(example["value"]["status"]) == status


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_body_has_an_example_that_is_valid(operation: dict[str, Any]) -> None:
    good = [answer for status, answer in operation["responses"].items() if status < "300"]
    assert len(good) == 1

    for holder in (*good, operation.get("requestBody", {})):
        for media_type, media in holder.get("content", {}).items():
            if media_type == "application/json":
                validator(media["schema"]).validate(media["example"])


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_long_work_says_where_to_follow_it(operation: dict[str, Any]) -> None:
    for status, answer in operation["responses"].items():
        assert ("Location" in answer.get("headers", {})) == (status == "202")


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    text = json.dumps(DOCUMENT)

    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in schemas
    assert "HTTPValidationError" not in text
    assert "Page_" not in text


def test_answers_carry_every_field() -> None:
    task = DOCUMENT["components"]["schemas"]["Task"]

    assert set(task["required"]) == set(task["properties"])
    assert DOCUMENT["components"]["schemas"]["NewVm"]["required"] == ["name"]
