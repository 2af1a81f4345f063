"""The one place where an error becomes an answer: application/problem+json (RFC 9457).

Errors of ours keep their code, message and hint. A malformed body names each field that is wrong, without what was
sent in it (it may be a password).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from skerry.api.errors import Malformed, WrongMethod
from skerry.errors import BadInput, NotFound, SkerryError, TooLarge, TooManyTries
from skerry.manager.problems import problem_of
from skerry.manager.types import Problem
from skerry.sizes import format_size

MEDIA_TYPE = "application/problem+json"

_OF_STATUS: Mapping[int, type[SkerryError]] = {
    400: Malformed,
    404: NotFound,
    405: WrongMethod,
    413: TooLarge,
    422: BadInput,
}


def answer(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an HTTP answer."""
    return Response(problem.model_dump_json(), problem.status, headers=headers, media_type=MEDIA_TYPE)


def answer_to(error: SkerryError) -> Response:
    """The error as an HTTP answer."""
    headers = {}
    if error.http_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyTries):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    return answer(problem_of(error), headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of this app leave as a problem document."""
    app.add_exception_handler(SkerryError, _on_skerry_error)
    app.add_exception_handler(RequestValidationError, _on_malformed_request)
    app.add_exception_handler(HTTPException, _on_http_error)


async def _on_skerry_error(request: Request, exc: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    return answer_to(cast("SkerryError", exc))


async def _on_http_error(request: Request, exc: Exception) -> Response:
    """What the web framework refuses by itself: unknown paths and methods, bodies it cannot read."""
    error = cast("HTTPException", exc)
    cls = _OF_STATUS.get(error.status_code, Malformed)
    message = {
        NotFound: f"there is nothing at {request.url.path}",
        WrongMethod: f"{request.method} does not work on {request.url.path}",
        Malformed: "the body cannot be read; it must be JSON, not nested too deeply",
    }.get(cls, str(error.detail))
    return answer(problem_of(cls(message)), headers=dict(error.headers or {}))


async def _on_malformed_request(request: Request, exc: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    fields = tuple(_field(error) for error in cast("RequestValidationError", exc).errors()[:50])
    words = "; ".join(
        f"{field['field']}: {field['message']}" if field["field"] else field["message"] for field in fields[:3]
    )
    more = f" (and {len(fields) - 3} more)" if len(fields) > 3 else ""
    return answer(problem_of(BadInput(f"the request is not valid: {words}{more}"), errors=fields))


def _field(error: Mapping[str, Any]) -> dict[str, Any]:
    """One mistake: where (`disks.0.size`), in which part of the request, and what is wrong; never the value."""
    where, *path = error["loc"]
    if error["type"] == "json_invalid":
        return {
            "in": "body",
            "field": "",
            "message": f"not valid JSON at byte {path[0] if path else 0}",
            "type": "json",
        }
    field = ".".join(str(part) for part in path)
    return {"in": where, "field": field, "message": _message(error, field), "type": error["type"]}


_SIZES = frozenset({"memory", "size"})  # fields that hold bytes
_FORMS: Mapping[str, str] = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$": "letters, digits, dots, dashes and underscores, with a letter or digit first",
    r"^[a-z][a-z0-9._@-]{0,63}$": "small letters, digits and . _ @ -, with a letter first",
}


# What is wrong with a value, in the words of people: by pydantic's name for it, from its limits and the field.
_WORDS: Mapping[str, Callable[[Mapping[str, Any], str], str]] = {
    "greater_than_equal": lambda limits, field: f"at least {_amount(limits['ge'], field)}",
    "less_than_equal": lambda limits, field: f"at most {_amount(limits['le'], field)}",
    "greater_than": lambda limits, field: f"more than {_amount(limits['gt'], field)}",
    "string_pattern_mismatch": lambda limits, _: _FORMS.get(
        limits["pattern"], "there are characters in it that cannot be there"
    ),
    "string_too_long": lambda limits, _: f"at most {limits['max_length']} characters",
    "string_too_short": lambda limits, _: f"at least {limits['min_length']} character(s)",
    "int_parsing": lambda _limits, _: "it must be a whole number",
    "int_type": lambda _limits, _: "it must be a whole number",
    "model_attributes_type": lambda _limits, _: "it must be a JSON object, with the Content-Type application/json",
    "uuid_parsing": lambda _limits, _: "that is no id: ids are UUIDs, as lists show them",
    "missing": lambda _limits, _: "it is missing",
    "extra_forbidden": lambda _limits, _: "there is no such field",
}


def _message(error: Mapping[str, Any], field: str) -> str:
    words = _WORDS.get(error["type"])
    return words(error.get("ctx", {}), field) if words else str(error["msg"]).removeprefix("Value error, ")


def _amount(number: float, field: str) -> str:
    return format_size(int(number)) if field.rpartition(".")[2] in _SIZES else f"{number:g}"
