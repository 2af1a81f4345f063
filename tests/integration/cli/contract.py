"""Checks that what the command line asks for is what the API's own document says it may ask for."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
from tests.integration.cli.fake_server import BASE, Request

from skerry.api import openapi
from skerry.api.app import bare_app

DOCUMENT = openapi.document(bare_app())


def check(request: Request) -> None:
    """Want a route for the request, which takes its query and its body."""
    operation = _operation(request)
    declared = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    unknown = set(request.query) - declared
    assert not unknown, f"{request.method} {request.path}: {unknown}"
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        _validator(content["application/json"]["schema"]).validate(request.json)
    elif not content:
        assert not request.body, f"{request.method} {request.path} takes no body"


def _operation(request: Request) -> dict[str, Any]:
    """The most literal of the paths that fit."""
    fits = []
    for path, methods in DOCUMENT["paths"].items():
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, BASE + request.path) and request.method.lower() in methods:
            fits.append((path.count("{"), methods[request.method.lower()]))
    assert fits, f"the API has no {request.method} {request.path}"
    return min(fits, key=lambda fit: fit[0])[1]  # type: ignore[no-any-return]


def _validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
