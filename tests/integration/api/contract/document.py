"""Checks every answer of the API against the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jsonschema

from skerry.api import openapi
from skerry.api.app import bare_app

DOCUMENT = openapi.document(bare_app())
_PATHS = [
    (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), operations)
    for path, operations in DOCUMENT["paths"].items()
]
seen: set[str] = set()  # operations that answered well


async def check(answer: httpx.Response) -> None:
    """The answer is one that the document announces, and looks as it says."""
    await answer.aread()
    operation = _operation(answer.request)
    if operation is None:
        assert answer.status_code in {404, 405}, answer.text
        return
    name = f"{operation['operationId']} answered {answer.status_code}: {answer.text[:500]}"
    announced = operation["responses"].get(str(answer.status_code))
    assert announced is not None, name
    if answer.status_code < 300:
        seen.add(operation["operationId"])
    for header in announced.get("headers", {}):
        assert header in answer.headers or header == "Retry-After", name
    content = announced.get("content", {})
    if not content:
        assert answer.content == b"", name
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in content, name
    if media_type.endswith("json"):
        _validate(answer.json(), content[media_type]["schema"], name)
    if media_type == "application/problem+json":
        codes = content[media_type]["examples"]
        assert answer.json()["code"] in codes, f"{name}: announced are {list(codes)}"


def _operation(request: httpx.Request) -> dict[str, Any] | None:
    found = [
        operations[request.method.lower()]
        for path, operations in _PATHS
        if path.match(request.url.path) and request.method.lower() in operations
    ]
    return found[-1] if found else None


def _validate(value: Any, schema: dict[str, Any], name: str) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    errors = list(jsonschema.Draft202012Validator(whole).iter_errors(value))
    assert not errors, f"{name}\n{errors[0].json_path}: {errors[0].message[:500]}"
