"""Answers with a body that is serialised once, by pydantic, straight to bytes.

Routes declare their model for the document; the services return that very model, so validating it a second time on
the way out would only cost time (a page of 100 machines: more than everything else together).
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel

from skerry.manager.types import Task

BASE = "/api/v1"


def json_answer(model: BaseModel, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """The model as a JSON answer."""
    return Response(model.model_dump_json(), status, headers=headers, media_type="application/json")


def with_etag(model: BaseModel, etag: str) -> Response:
    """The model with the ETag that a later If-Match has to show."""
    return json_answer(model, headers={"ETag": f'"{etag}"'})


def accepted(task: Task) -> Response:
    """202: a task was made; Location says where to follow it."""
    return json_answer(task, 202, headers={"Location": f"{BASE}/tasks/{task.id}"})


def etag_of(if_match: str | None) -> str | None:
    """The bare ETag out of an If-Match header; None where there is none, or any will do (`*`)."""
    if if_match is None or if_match.strip() == "*":
        return None
    return if_match.strip().removeprefix("W/").strip('"')
