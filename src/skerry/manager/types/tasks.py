"""Tasks: long work that is durable, watched and cancellable."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from skerry.manager.types.base import ObjectRef
from skerry.values import Frozen


class TaskState(StrEnum):
    """Where a task is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Problem(Frozen):
    """An error as programs get it (RFC 9457, application/problem+json)."""

    type: str  # `about:blank`-free: a stable `code` as a URN
    title: str
    status: int
    detail: str
    code: str
    hint: str | None = None
    errors: tuple[dict[str, Any], ...] = ()  # one a field, where a body was malformed


class Task(Frozen):
    """Long work: durable, watched, cancellable."""

    id: UUID
    kind: str  # vm.create, vm.start, image.import …
    title: str  # for people: Create web1
    object: ObjectRef
    pool_id: UUID | None
    state: TaskState
    step: str = ""
    step_number: int = 0
    step_count: int = 0
    progress: float | None = None  # 0.0 to 1.0 of the whole
    detail: str = ""
    cancel_requested: bool = False
    cancellable: bool = True
    error: Problem | None = None
    not_undone: tuple[str, ...] = ()  # what a failed or cancelled task could not take back
    result: dict[str, Any] | None = None
    user: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class TaskLogLine(Frozen):
    """One line of a task's log."""

    number: int
    at: datetime
    text: str
