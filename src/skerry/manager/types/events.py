"""Facts, samples and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from skerry.host.types import MachineSample
from skerry.manager.types.base import ObjectRef
from skerry.manager.types.tasks import TaskLogLine
from skerry.values import Frozen


class Fact(Frozen):
    """Something that happened; durable and numbered per cloud as `epoch:n`."""

    id: str
    at: datetime
    kind: str  # vm.changed, vm.removed, task.changed, image.changed, host.changed …
    object: ObjectRef
    pool_id: UUID | None = None
    user: str | None = None
    summary: str  # for people: web1 started
    data: dict[str, Any] | None = None  # the whole thing after the change (a Vm, a Task …); null: it is gone


class TaskProgress(Frozen):
    """How far a running task is; sent often, never stored."""

    task: UUID
    step: str
    step_number: int
    step_count: int
    progress: float | None
    detail: str
    lines: tuple[TaskLogLine, ...] = ()


class SamplesOfHost(Frozen):
    """What a host and its running machines use now; sent often, never stored."""

    host: str
    at: datetime
    cpu: float
    free_memory: int
    machines: tuple[MachineSample, ...]


class AuditEntry(Frozen):
    """Who did what, when, from where, and how it ended."""

    id: int
    at: datetime
    user: str
    address: str
    method: str
    action: str
    object: ObjectRef | None = None
    status: int
    detail: str = ""
