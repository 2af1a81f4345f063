"""Tasks, facts, the audit trail: what is done and what was done."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from skerry.api.answers import json_answer
from skerry.api.declare import Routes
from skerry.api.doors import PLAIN, Calling, Cursor, Id, Limit, Need, Words
from skerry.errors import InvalidState, NotFound
from skerry.manager.access import ManagerPermission
from skerry.manager.tasks.service import TaskFilter
from skerry.manager.types import AuditEntry, Fact, ObjectKind, Page, Task, TaskLogLine, TaskState

tasks = Routes("Tasks", "/tasks", about=ObjectKind.TASK)
history = Routes("History")

ObjectId = Annotated[
    str | None,
    Query(alias="object", max_length=128, pattern=PLAIN, description="Only about the thing with this id."),
]


@tasks.get("", needs=Need.SIGN_IN, answers=Page[Task])
async def list_tasks(
    call: Calling,
    state: TaskState | None = None,
    kind: Words = None,
    object_id: ObjectId = None,
    user: Words = None,
    *,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The tasks that one may see, newest first."""
    which = TaskFilter(state, kind, object_id, user)
    return json_answer(await call.manager.tasks.list(call.caller, which, limit=limit, cursor=cursor))


@tasks.get("/{id}", needs=Need.SIGN_IN, answers=Task, errors=(NotFound,))
async def get_task(call: Calling, ref: Id) -> Response:
    """One task."""
    return json_answer(await call.manager.tasks.get(call.caller, ref))


@tasks.get("/{id}/log", needs=Need.SIGN_IN, answers=Page[TaskLogLine], errors=(NotFound,))
async def get_task_log(
    call: Calling,
    ref: Id,
    after: Annotated[int, Query(ge=0, description="Only lines with a greater number.")] = 0,
    limit: Limit = 100,
) -> Response:
    """The log of a task."""
    return json_answer(await call.manager.tasks.log(call.caller, ref, after=after, limit=limit))


@tasks.post("/{id}/cancel", needs=Need.SIGN_IN, errors=(NotFound, InvalidState))
async def cancel_task(call: Calling, ref: Id) -> Response:
    """Ask a task to stop, and to undo what it did."""
    return call.accepted(await call.manager.tasks.cancel(call.caller, ref))


@history.get("/facts", needs=Need.SIGN_IN, answers=Page[Fact])
async def list_facts(
    call: Calling,
    object_id: ObjectId = None,
    kind: Words = None,
    before: Annotated[
        str | None, Query(max_length=128, description="Only older ones than the fact with this id.")
    ] = None,
    limit: Limit = 100,
) -> Response:
    """What happened to the things that one may see, newest first."""
    facts = await call.manager.events.list(call.caller, object_id=object_id, kind=kind, before=before, limit=limit)
    return json_answer(facts)


@history.get("/audit", needs=ManagerPermission.AUDIT_VIEW, answers=Page[AuditEntry])
async def list_audit(call: Calling, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Who did what, when, from where, and how it ended; newest first."""
    return json_answer(await call.manager.audit.list(call.caller, limit=limit, cursor=cursor))
