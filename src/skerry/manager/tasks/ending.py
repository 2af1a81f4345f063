"""Accepting and ending tasks, with all that changes by it: one transaction each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from skerry.manager.idempotency import keep_promise
from skerry.manager.store.database import Writing
from skerry.manager.tasks import rows
from skerry.manager.tasks.kind import Ended, TaskKind
from skerry.manager.types import ObjectKind, Task
from skerry.manager.vms import tell_changed


async def accept(writing: Writing, order: rows.Order) -> Task:
    """Queue a task, and tell what that changes for machines. A request with a key has its answer from now on."""
    task = await rows.insert(writing, order)
    await keep_promise(writing, task)
    await _tell_machines(writing, [rows.thing_of(order.about), *order.things], f"{task.title}: queued", task.user)
    return task


async def settle(
    writing: Writing, kind: TaskKind[Any] | None, ended: Ended[Any] | None, task_id: UUID, how: rows.End
) -> Task | None:
    """End a task: its row, what its kind keeps in the tables, and the machines it was queued for."""
    things = await rows.things_of(writing, task_id)
    task = await rows.end(writing, task_id, how)
    if task is None:
        return None
    if kind is not None and ended is not None:
        await kind.settle(writing, ended)
    await _tell_machines(writing, things, f"{task.title}: {how.state}", task.user)
    return task


async def _tell_machines(writing: Writing, things: list[str], summary: str, user: str) -> None:
    kinds_and_ids = [thing.partition(":") for thing in things]
    machines = {UUID(word): summary for kind, _, word in kinds_and_ids if kind == ObjectKind.VM}
    await tell_changed(writing, machines, user=user)
