"""What an operation is, declared once.

A capability of a host is one typed async function with a declaration in front of it. Everything else follows from
that declaration: the message on the link, the permission in the list, the reference page, the manager's typed
call, and the names in other dialects (Archipel, ad-hoc commands, chat).

    @operation("vm.start", target=Target.VM, permission=Permission.VM_CONTROL)
    async def start(host: Host, args: MachineRef) -> Machine: ...

    machine = await link.call("host-1", start, MachineRef(uuid=uuid))
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter

from skerry.host.types import Frozen

if TYPE_CHECKING:
    from skerry.host.agent import Host

A = TypeVar("A", bound=Frozen)
R = TypeVar("R")


class Permission(StrEnum):
    """What a person may do; roles are sets of these, granted on a pool."""

    HOST_VIEW = "host.view"
    HOST_MODIFY = "host.modify"
    VM_VIEW = "vm.view"
    VM_CONTROL = "vm.control"
    VM_CONSOLE = "vm.console"
    VM_MODIFY = "vm.modify"
    VM_CREATE = "vm.create"
    STORAGE_VIEW = "storage.view"
    STORAGE_MODIFY = "storage.modify"
    NETWORK_VIEW = "network.view"


class Target(StrEnum):
    """What an operation acts on."""

    HOST = "host"
    VM = "vm"


class Pace(StrEnum):
    """Whether an answer comes at once, or the call is worth a progress bar."""

    QUICK = "quick"
    LONG = "long"


class Nothing(Frozen):
    """No arguments, or no result."""


class MachineRef(Frozen):
    """Names a machine."""

    uuid: UUID


class ByteStream(Protocol):
    """Bytes both ways: a console, an upload."""

    async def read(self) -> bytes:
        """The next bytes, as many as there are; empty at the end."""

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the other side is slow."""

    async def finish(self) -> None:
        """Say that no more bytes come; the other side may still send."""

    async def close(self) -> None:
        """End both directions; may be called twice."""


@dataclass(frozen=True)
class Operation(Generic[A, R]):
    """The declaration of one operation, and the function that does it."""

    name: str
    target: Target
    permission: Permission
    pace: Pace
    summary: str
    arguments: type[A]
    result: TypeAdapter[R]
    run: Callable[[Host, A], Awaitable[R]]
    streams: bool = False  # the result is a ByteStream: called with Link.stream, not Link.call
    aliases: Mapping[str, str] = field(default_factory=dict)  # dialect -> its name for this


OPERATIONS: dict[str, Operation[Frozen, object]] = {}


def operation(
    name: str,
    *,
    target: Target,
    permission: Permission,
    pace: Pace = Pace.QUICK,
    streams: bool = False,
    aliases: Mapping[str, str] | None = None,
) -> Callable[[Callable[[Host, A], Awaitable[R]]], Operation[A, R]]:
    """Declare an operation and enter it in `OPERATIONS`.

    The function takes the host and one frozen model of arguments; its docstring's first line is the summary.
    """

    def declare(run: Callable[[Host, A], Awaitable[R]]) -> Operation[A, R]:
        if name in OPERATIONS:
            raise ValueError(f"operation {name} is declared twice")
        hints = get_type_hints(run, localns={"Host": object})
        argument_name = list(inspect.signature(run).parameters)[1]
        summary = (inspect.getdoc(run) or "").partition("\n")[0]
        returned: Any = Any if streams else hints["return"]
        result: TypeAdapter[R] = TypeAdapter(returned)
        declared = Operation(
            name, target, permission, pace, summary, hints[argument_name], result, run, streams, aliases or {}
        )
        OPERATIONS[name] = declared  # type: ignore[assignment]  # a registry of all kinds
        return declared

    return declare
