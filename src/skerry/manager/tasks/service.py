"""Tasks, as people look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import Cancelled, InvalidState, NotFound
from skerry.manager.access import Caller, ManagerPermission
from skerry.manager.problems import problem_of
from skerry.manager.sight import visible_tasks
from skerry.manager.store import tables
from skerry.manager.store.database import Database, Writing
from skerry.manager.store.pages import Order, checked_limit, next_cursor
from skerry.manager.tasks import rows
from skerry.manager.tasks.ending import settle
from skerry.manager.tasks.kind import Ended, Kinds
from skerry.manager.types import Page, Task, TaskLogLine, TaskState

_t = tables.tasks.c
_l = tables.task_log.c


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks a list shows."""

    state: TaskState | None = None
    kind: str | None = None
    object_id: str | None = None
    user: str | None = None


class Tasks:
    """The tasks of the cloud."""

    def __init__(self, database: Database, kinds: Kinds) -> None:
        self._database = database
        self._kinds = kinds

    async def list(
        self, caller: Caller, which: TaskFilter, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Task]:
        """One page of the tasks that the caller may see, newest first."""
        wanted = {_t.state: which.state, _t.kind: which.kind, _t.object_id: which.object_id, _t.user: which.user}
        shown = sa.and_(
            visible_tasks(caller), *(column == value for column, value in wanted.items() if value is not None)
        )
        query = sa.select(tables.tasks).where(shown).limit(checked_limit(limit) + 1)
        async with self._database.read() as connection:
            found = (
                await connection.execute(Order(_t.created_at, _t.seq, descending=True).apply(query, cursor))
            ).all()
            count = sa.select(sa.func.count()).select_from(tables.tasks).where(shown)
            total = (await connection.execute(count)).scalar_one()
        items = tuple(rows.task_of(row) for row in found[:limit])
        return Page[Task](items=items, next_cursor=next_cursor(found, limit, "created_at", "seq"), total=total)

    async def get(self, caller: Caller, task_id: UUID) -> Task:
        """One task."""
        query = sa.select(tables.tasks).where(_t.id == task_id, visible_tasks(caller))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"there is no task {task_id}")
        return rows.task_of(row)

    async def log(self, caller: Caller, task_id: UUID, *, after: int = 0, limit: int = 100) -> Page[TaskLogLine]:
        """Lines of its log with numbers above `after`; the cursor is the number to go on after."""
        await self.get(caller, task_id)
        of_task = _l.task_id == task_id
        query = sa.select(_l.number, _l.at, _l.text).where(of_task, _l.number > after).order_by(_l.number)
        async with self._database.read() as connection:
            found = (await connection.execute(query.limit(checked_limit(limit) + 1))).all()
            total = (await connection.execute(sa.select(sa.func.count()).where(of_task))).scalar_one()
        lines = tuple(TaskLogLine(number=row.number, at=row.at, text=row.text) for row in found[:limit])
        more = str(lines[-1].number) if len(found) > limit else None
        return Page[TaskLogLine](items=lines, next_cursor=more, total=total)

    async def cancel(self, caller: Caller, task_id: UUID) -> Task:
        """Ask it to stop and to undo what it did; InvalidState when it has ended or cannot be cancelled."""
        task = await self.get(caller, task_id)
        if task.user != caller.user:
            caller.require(ManagerPermission.TASK_CANCEL, task.pool_id, task.title)
        async with self._database.write() as writing:
            task = await self._now(writing, task_id)
            if task.ended_at is None and task.state is TaskState.QUEUED:
                return await self._end_queued(writing, task, caller)
            if task.ended_at is not None or not task.cancellable:
                raise _not_cancellable(task)
            asked = sa.update(tables.tasks).where(_t.id == task_id).values(cancel_requested=True)
            row = (await writing.execute(asked.returning(*tables.tasks.c))).one()
            task = rows.task_of(row)
            rows.tell(writing, task, f"{task.title}: cancellation asked for by {caller.user}")
        return task

    async def _end_queued(self, writing: Writing, task: Task, caller: Caller) -> Task:
        """One that did not begin is over at once, also one that could not be cancelled later."""
        kind = self._kinds.get(task.kind)
        query = sa.select(_t.args).where(_t.id == task.id)
        text = (await writing.execute(query)).scalar_one()
        how = rows.End(TaskState.CANCELLED, problem_of(Cancelled(f"{caller.user} cancelled it before it began")))
        ended: Ended[Any] | None = None
        if kind is not None:
            args = kind.arguments.model_validate_json(text)
            ended = Ended(task.id, args, TaskState.CANCELLED, {}, task.user)
        return await settle(writing, kind, ended, task.id, how) or task

    async def _now(self, writing: Writing, task_id: UUID) -> Task:
        return rows.task_of((await writing.execute(sa.select(tables.tasks).where(_t.id == task_id))).one())


def _not_cancellable(task: Task) -> InvalidState:
    if task.ended_at is not None:
        return InvalidState(f"{task.title} has {task.state} already")
    return InvalidState(f"{task.title} cannot be cancelled", hint="it ends by itself soon")
