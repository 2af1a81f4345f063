"""Errors as tasks keep them and programs get them."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from skerry.errors import SkerryError
from skerry.manager.types import Problem

_log = logging.getLogger(__name__)


def problem_of(error: SkerryError, *, errors: tuple[dict[str, Any], ...] = ()) -> Problem:
    """The error as programs get it."""
    return Problem(
        type=f"urn:skerry:problem:{error.code}",
        title=error.code.replace("-", " ").capitalize(),
        status=error.http_status,
        detail=error.message,
        code=error.code,
        hint=error.hint,
        errors=errors,
    )


def problem_of_bug(what: str, exc: BaseException) -> Problem:
    """Log what nobody expected under an id; the problem has that id and nothing else."""
    number = secrets.token_hex(4)
    _log.error("%s failed unexpectedly, error id %s", what, number, exc_info=exc)
    return problem_of(
        SkerryError(
            f"something went wrong inside Skerry (error id {number})",
            hint="the manager's log has the details under this id",
        )
    )
