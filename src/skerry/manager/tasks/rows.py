"""Tasks as rows: how they come in, begin and end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Writing
from skerry.manager.types import ObjectKind, ObjectRef, Problem, Task, TaskState
from skerry.values import Frozen

_t = tables.tasks.c
_locks = tables.task_locks.c


@dataclass(frozen=True)
class Order:
    """A task that somebody asks for."""

    kind: str
    title: str
    about: ObjectRef
    pool_id: UUID | None
    args: Frozen
    user: str
    task_id: UUID = field(default_factory=uuid4)
    private: str | None = None
    name_claimed: str | None = None  # `vm:web1`
    # What it works on, in the order of the queue; for machines that it makes, whether it starts them.
    things: Mapping[str, bool | None] = field(default_factory=dict)
    cancellable: bool = True


def thing_of(about: ObjectRef) -> str:
    """What stands for a thing in the queue."""
    return f"{about.kind}:{about.id}"


async def insert(writing: Writing, order: Order) -> Task:
    """Accept a task; it runs when the transaction ended well and its turn has come."""
    things = {thing_of(order.about): None, **order.things}
    row = {
        "id": order.task_id,
        "kind": order.kind,
        "title": order.title,
        "object_kind": order.about.kind,
        "object_id": order.about.id,
        "object_name": order.about.name,
        "pool_id": order.pool_id,
        "args": order.args.model_dump_json(),
        "private": order.private,
        "state": TaskState.QUEUED,
        "step": "",
        "step_number": 0,
        "step_count": 0,
        "detail": "",
        "cancel_requested": False,
        "cancellable": order.cancellable,
        "not_undone": "[]",
        "user": order.user,
        "name_claimed": order.name_claimed,
        "created_at": now(),
    }
    inserted = (await writing.execute(sa.insert(tables.tasks).values(row).returning(*tables.tasks.c))).one()
    locks = [{"seq": inserted.seq, "thing": thing, "running_after": running} for thing, running in things.items()]
    await writing.execute(sa.insert(tables.task_locks), locks)
    task = task_of(inserted)
    tell(writing, task, f"{order.title}: queued")
    return task


async def things_of(writing: Writing, task_id: UUID) -> list[str]:
    """What an unfinished task works on."""
    things = sa.select(_locks.thing).join_from(tables.task_locks, tables.tasks, _locks.seq == _t.seq)
    return list((await writing.execute(things.where(_t.id == task_id))).scalars())


def tell(writing: Writing, task: Task, summary: str) -> None:
    """Note that a task changed."""
    about = ObjectRef(kind=ObjectKind.TASK, id=str(task.id), name=task.title)
    writing.tell("task.changed", about, summary, pool_id=task.pool_id, user=task.user, data=task)


_mine = tables.task_locks.alias("mine")
_earlier = tables.task_locks.alias("earlier")
_CLAIMABLE = (
    sa.select(_t.seq)
    .where(
        _t.ended_at.is_(None),
        _t.state == TaskState.QUEUED,
        ~sa.exists()
        .where(_mine.c.seq == _t.seq, _earlier.c.thing == _mine.c.thing, _earlier.c.seq < _mine.c.seq)
        .correlate(tables.tasks),
    )
    .order_by(_t.seq)
)


async def anything_to_claim(connection: AsyncConnection) -> bool:
    """Whether there is a queued task whose turn has come."""
    return (await connection.execute(_CLAIMABLE.limit(1))).first() is not None


async def claim(writing: Writing, executor: str, room: int) -> list[Task]:
    """Take up to `room` tasks whose turn has come; nobody else gets them."""
    ready = (await writing.execute(_CLAIMABLE.limit(room))).scalars().all()
    if not ready:
        return []
    begin = (
        sa.update(tables.tasks)
        .where(_t.seq.in_(ready))
        .values(state=TaskState.RUNNING, executor=executor, started_at=now())
        .returning(*tables.tasks.c)
    )
    rows = sorted((await writing.execute(begin)).all(), key=lambda row: row.seq)
    tasks = [task_of(row) for row in rows]
    for task in tasks:
        tell(writing, task, f"{task.title}: running")
    return tasks


@dataclass(frozen=True)
class End:
    """How a task ended."""

    state: TaskState
    error: Problem | None = None
    result: Mapping[str, Any] | None = None
    not_undone: Sequence[str] = ()


async def end(writing: Writing, task_id: UUID, how: End) -> Task | None:
    """Note that a task ended; None where that was known."""
    done = (
        sa.update(tables.tasks)
        .where(_t.id == task_id, _t.ended_at.is_(None))
        .values(
            state=how.state,
            error=None if how.error is None else how.error.model_dump_json(),
            result=None if how.result is None else json.dumps(how.result),
            not_undone=json.dumps(list(how.not_undone)),
            progress=1.0 if how.state is TaskState.SUCCEEDED else _t.progress,
            private=None,
            ended_at=now(),
        )
        .returning(*tables.tasks.c)
    )
    row = (await writing.execute(done)).one_or_none()
    if row is None:
        return None
    await writing.execute(sa.delete(tables.task_locks).where(_locks.seq == row.seq))
    task = task_of(row)
    words = {TaskState.SUCCEEDED: "done", TaskState.FAILED: "failed", TaskState.CANCELLED: "cancelled"}
    why = f": {task.error.detail}" if task.error and how.state is TaskState.FAILED else ""
    tell(writing, task, f"{task.title}: {words[how.state]}{why}")
    return task


async def unfinished_of(
    connection: AsyncConnection | Writing, things: Iterable[str]
) -> dict[str, list[sa.Row[Any]]]:
    """The unfinished tasks of each thing, in their order: rows of thing, kind, state, running_after."""
    statement = (
        sa.select(_locks.thing, _locks.running_after, _t.kind, _t.state, _t.id)
        .join_from(tables.task_locks, tables.tasks, _locks.seq == _t.seq)
        .where(_locks.thing.in_(list(things)))
        .order_by(_locks.seq)
    )
    found: dict[str, list[sa.Row[Any]]] = {}
    result: sa.CursorResult[Any] = await connection.execute(statement)
    for row in result.all():
        found.setdefault(row.thing, []).append(row)
    return found


async def unfinished_naming(connection: AsyncConnection | Writing, volume: str) -> str | None:
    """The title of an unfinished task whose arguments name the volume: it makes, copies or deletes it."""
    query = sa.select(_t.title, _t.args).where(_t.ended_at.is_(None)).order_by(_t.seq)
    result: sa.CursorResult[Any] = await connection.execute(query)
    word = json.dumps(volume, ensure_ascii=False)
    return next((str(row.title) for row in result.all() if word in row.args), None)


async def cancel_waiting(writing: Writing, thing: str, kinds: Sequence[str], user: str) -> None:
    """Ask running tasks of these kinds to stop: what comes after them in the queue makes them pointless."""
    query = (
        sa.select(_t.id)
        .join_from(tables.task_locks, tables.tasks, _locks.seq == _t.seq)
        .where(_locks.thing == thing, _t.kind.in_(kinds), _t.state == TaskState.RUNNING)
    )
    found = (await writing.execute(query)).scalars().all()
    asked = sa.update(tables.tasks).where(_t.id.in_(found), _t.cancel_requested.is_(False))
    changed = await writing.execute(asked.values(cancel_requested=True).returning(*tables.tasks.c))
    for row in changed.all():
        task = task_of(row)
        tell(writing, task, f"{task.title}: cancellation asked for by {user}, who powers the machine off")


def task_of(row: sa.Row[Any]) -> Task:
    """The task in a row."""
    return Task(
        id=row.id,
        kind=row.kind,
        title=row.title,
        object=ObjectRef(kind=ObjectKind(row.object_kind), id=row.object_id, name=row.object_name),
        pool_id=row.pool_id,
        state=TaskState(row.state),
        step=row.step,
        step_number=row.step_number,
        step_count=row.step_count,
        progress=row.progress,
        detail=row.detail,
        cancel_requested=row.cancel_requested,
        cancellable=row.cancellable,
        error=None if row.error is None else Problem.model_validate_json(row.error),
        not_undone=tuple(json.loads(row.not_undone)),
        result=None if row.result is None else json.loads(row.result),
        user=row.user,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
