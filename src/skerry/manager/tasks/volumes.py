"""Volumes that nothing needs: deleting them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skerry.host.operations import volumes as on_host
from skerry.host.types import Frozen
from skerry.manager.tasks.kind import Step, TaskKind
from skerry.manager.tasks.work import Work


class DeleteArgs(Frozen):
    """A volume to delete."""

    host: str
    storage_pool: str
    name: str


async def _delete(work: Work[DeleteArgs]) -> None:
    """The host refuses where a machine got the volume, or a clone came to stand on it, since it was asked for."""
    args = work.args
    gone = on_host.DeleteVolume(storage_pool=args.storage_pool, name=args.name, missing_ok=True)
    await work.call(args.host, on_host.delete, gone)


def _plan(args: DeleteArgs) -> Sequence[Step[DeleteArgs]]:
    return [Step("volume", f"Delete the volume {args.name}", _delete)]


KINDS: Sequence[TaskKind[Any]] = [TaskKind("volume.delete", DeleteArgs, _plan, cancellable=False)]
