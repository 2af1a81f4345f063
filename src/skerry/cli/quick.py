"""Lets plain words through without pydantic, which Typer imports to look at them: a third of a short command.

Only words that need no conversion take the short way; everything else, and everything that a later Typer may do
otherwise, is left to Typer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def quicken(command: Any) -> None:  # noqa: ANN401 - Typer's own class
    """Let all parameters of a command, and of those below it, take the short way."""
    typers_own = command.get_params

    def get_params(context: Any) -> list[Any]:  # noqa: ANN401 - Typer's own class
        return [_shortened(parameter) for parameter in typers_own(context)]

    command.get_params = get_params
    for below in getattr(command, "commands", {}).values():
        quicken(below)


def _shortened(parameter: Any) -> Any:  # noqa: ANN401 - Typer's own class
    looked_at = getattr(parameter, "get_runtime_param", None)
    if looked_at is not None and not isinstance(looked_at, _ShortWay):
        parameter.get_runtime_param = _ShortWay(parameter, looked_at)
    return parameter


class _ShortWay:
    """Stands for what Typer converts a parameter with; Typer makes it by a call."""

    def __init__(self, parameter: Any, typers_own: Callable[[], Any]) -> None:  # noqa: ANN401
        told = parameter.type_descriptor
        own = getattr(told.parameter_info, "parser", None) or getattr(told.parameter_info, "click_type", None)
        self._kind = None if own else told.annotation
        self._is_any_path = _is_any_path(told.annotation, told.parameter_info)
        self._default = parameter.default
        self._typers_own = typers_own

    def __call__(self) -> _ShortWay:
        return self

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:  # noqa: ANN401
        """The value as the command gets it."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if self._kind is str and isinstance(value, str):
            return value
        if self._kind == list[str] and isinstance(value, tuple | list):
            return list(value)
        if value is self._default and self._kind in {int, float}:
            return value
        if self._is_any_path and isinstance(value, str | Path) and _may_be_read(value):
            return Path(value)
        return self._typers_own().coerce(value, param=param, ctx=ctx)


_CHECKS = ("exists", "writable", "resolve_path", "allow_dash", "path_type", "parser", "click_type")


def _is_any_path(annotation: Any, told: Any) -> bool:  # noqa: ANN401 - Typer's own class
    """Whether a parameter takes every path that can be read, or is not there yet, as it was typed."""
    return (
        annotation is Path
        and told.file_okay
        and told.dir_okay
        and not any(getattr(told, name, None) for name in _CHECKS)
    )


def _may_be_read(path: str | Path) -> bool:
    return not os.path.exists(path) or os.access(path, os.R_OK)  # noqa: PTH110 - a word that may be no path
