"""What all tasks on one machine have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from skerry.errors import NotFound
from skerry.host.operation import MachineRef
from skerry.host.operations import machines as on_host
from skerry.host.types import Machine, MachineState
from skerry.manager.tasks.kind import Ended
from skerry.manager.tasks.work import Work
from skerry.values import Frozen

_SEEN_S = 5.0  # until the inventory has heard of what a host just did; only for what one reads next

ACTIVE = frozenset({MachineState.RUNNING, MachineState.PAUSED, MachineState.STOPPING, MachineState.SUSPENDED})


class OnMachine(Frozen):
    """A task about one machine."""

    host: str
    uuid: UUID
    name: str


M = TypeVar("M", bound=OnMachine)


async def look(work: Work[M]) -> Machine:
    """The machine as its host sees it now."""
    return await work.call(work.args.host, on_host.show, MachineRef(uuid=work.args.uuid))


async def look_if_there(work: Work[M]) -> Machine | None:
    """As `look`, and None where there is none."""
    try:
        return await look(work)
    except NotFound:
        return None


async def seen(work: Work[M], condition: Callable[[Machine | None], bool]) -> None:
    """Wait a moment until the inventory shows what was done, so that whoever reads next sees it."""
    await work.tools.inventory.wait_for(work.args.uuid, condition, timeout_s=_SEEN_S)


async def seen_as(work: Work[M], machine: Machine) -> None:
    """As `seen`, for a definition that was changed: whoever asked for the change reads it next."""
    await seen(work, lambda known: known is not None and known.etag == machine.etag)


def result_of_machine(ended: Ended[Any]) -> dict[str, Any]:
    """What most tasks of machines give: which one it was."""
    args: OnMachine = ended.args
    return {"vm": str(args.uuid)}
