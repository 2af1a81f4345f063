"""What anybody may know."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Response

from skerry.api.answers import json_answer
from skerry.api.declare import Routes
from skerry.api.doors import Calling, Need
from skerry.manager.types import About

about = Routes("About")


@about.get("/about", needs=Need.NOTHING, answers=About)
async def get_about(call: Calling) -> Response:  # noqa: ARG001 - every route is called
    """What this is, and which version."""
    return json_answer(About(version=version("skerry")))
