"""Guest OS definitions as hosts tell of them, and how machines ask for one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from skerry.values import Frozen

# NAME or NAME+VARIANT. A variant is a line of a file, and may be anything that is printed.
GuestOsName = Annotated[
    str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+(\+[^\x00-\x20\x7F]+)?$")
]
ParameterName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
ParameterValue = Annotated[str, Field(max_length=64 * 1024, pattern=r"^[^\x00]*$")]
OsParameters = Annotated[dict[ParameterName, ParameterValue], Field(max_length=128)]


class GuestOsProblem(Frozen):
    """One thing that is wrong with a definition."""

    weight: str  # invalid: it is not taken; broken: something will fail; remark: it works
    where: str
    what: str
    why: str


class OsParameter(Frozen):
    """A parameter that a definition takes."""

    name: str
    help: str


class HostGuestOs(Frozen):
    """A guest OS definition on a host."""

    name: str  # without a variant
    path: str
    usable: bool
    variants: tuple[str, ...] = ()  # one must be named where there are any
    parameters: tuple[OsParameter, ...] = ()
    api_versions: tuple[int, ...] = ()
    problems: tuple[GuestOsProblem, ...] = ()
