"""Runs tasks as durable workflows; the only place that knows DBOS.

Our row comes first: a task that was accepted is shown and keeps its place. When its turn has come, a manager
claims it and starts a workflow under the task's id. A manager that was killed between the two finds rows that
it claimed and that DBOS does not know, and starts them; DBOS itself goes on with workflows that it knows, and
never runs a recorded step again. DBOS's own queues are not used: they poll, which costs either time or
processor.

DBOS has one instance in a process, and so has the engine. Its cancel is not used, as it would let the next task of
the same thing begin while a step still runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dbos
import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID

from skerry.errors import Unavailable

_log = logging.getLogger(__name__)

# Workflows of another version are never recovered, so this stays the same whatever is released. Changes to the
# order of recorded steps are made with `DBOS.patch`, or as a new kind of task.
_VERSION = "skerry-1"
_IDLE_POLL_S = 30.0  # of schedules, which we do not use
_LISTENER_POLL_S = 0.2  # it asks the database only where a workflow waits, and none does; stopping waits so long

Perform = Callable[[str], Awaitable[None]]
_perform: Perform | None = None


class Abandoned(asyncio.CancelledError):
    """What a step did cannot be recorded. The workflow stays as it is, and goes on when there is room again.

    Not an Exception: DBOS would record those as the end of the workflow.
    """


class _Json(dbos.Serializer):
    """What DBOS keeps is text that people and later versions can read."""

    def serialize(self, data: Any) -> str:  # noqa: ANN401 - anything that is JSON
        return json.dumps(data, default=repr)  # DBOS also keeps errors, which are shown only

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401
        return json.loads(serialized_data)

    def name(self) -> str:
        return "skerry_json"


@DBOS.workflow(name="skerry.task", max_recovery_attempts=1_000_000)
async def _workflow(task_id: str) -> None:
    if _perform is None:
        raise Abandoned("the engine has stopped")
    await _perform(task_id)


@dataclass(frozen=True)
class Found:
    """A workflow that DBOS knows."""

    status: str
    executor: str | None  # the manager that runs it

    @property
    def waits(self) -> bool:
        """Whether DBOS will begin it."""
        return self.status in {"ENQUEUED", "DELAYED"}

    @property
    def runs(self) -> bool:
        """Whether it was begun, and has not ended."""
        return self.status == "PENDING"


class Workflows:
    """Durable workflows, one a task."""

    def __init__(self, url: sa.URL, executor: str) -> None:
        self._url = url
        self._executor = executor

    async def start(self, perform: Perform) -> None:
        """Open DBOS's tables, and go on with what was interrupted.

        Raises:
            Unavailable: they cannot be opened.
        """
        global _perform  # noqa: PLW0603 - DBOS has one registry a process
        if _perform is not None:
            raise RuntimeError("there is one engine in a process")
        _perform = perform
        address = self._url.render_as_string(hide_password=False)
        config: DBOSConfig = {
            "name": "skerry",
            "system_database_url": address,
            "executor_id": self._executor,
            "application_version": _VERSION,
            "serializer": _Json(),
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": _LISTENER_POLL_S,
            "scheduler_polling_interval_sec": _IDLE_POLL_S,
        }
        try:
            if self._url.database and self._url.get_backend_name() == "sqlite":
                _prepare(Path(self._url.database))
            else:
                # Not by `launch`, which holds up the loop: an index that is made concurrently waits for all older
                # reads of the database, and those of this process could not end.
                await asyncio.to_thread(DBOS.migrate, address)
            DBOS(config=config)
            DBOS.launch()  # inside the loop, so that workflows run on it
        except Exception as exc:
            await self.stop()
            raise Unavailable(f"the database of tasks cannot be opened: {exc}") from exc

    async def stop(self) -> None:
        """Let go of DBOS; what runs was cancelled before and goes on at the next start."""
        global _perform  # noqa: PLW0603
        _perform = None
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="dbos-stop") as one:
            await loop.run_in_executor(one, DBOS.destroy)  # it waits for its threads
        loop.set_default_executor(ThreadPoolExecutor())  # DBOS had put its own in place, which is closed now

    async def begin(self, task_id: str) -> None:
        """Start the workflow of a task; one that is known already goes on as it is."""
        with SetWorkflowID(task_id):
            await DBOS.start_workflow_async(_workflow, task_id)

    async def find(self, task_id: str) -> Found | None:
        """What DBOS knows of a workflow."""
        found = await DBOS.get_workflow_status_async(task_id)
        return None if found is None else Found(found.status, found.executor_id)

    async def resume(self, task_id: str) -> None:
        """Let a workflow go on that runs nowhere."""
        await DBOS.resume_workflow_async(task_id)

    async def take_over(self, executor: str) -> None:
        """Go on with the workflows of a manager that is dead."""
        await asyncio.to_thread(DBOS._recover_pending_workflows, [executor])  # noqa: SLF001 - there is no other

    async def forget(self, task_ids: list[str]) -> None:
        """Delete the records of tasks."""
        await DBOS.delete_workflows_async(task_ids)


async def recorded(name: str, step: Callable[[], Coroutine[Any, Any, dict[str, Any]]]) -> dict[str, Any]:
    """Run a step of the current workflow, or give what it returned when it ran before.

    Raises:
        Abandoned: the step cannot be recorded, or DBOS gave this workflow to another manager.
    """

    async def body() -> dict[str, Any]:
        return await step()  # DBOS wants a coroutine function, not one that returns a coroutine

    try:
        return await DBOS.run_step_async({"name": name}, body)
    except Exception as exc:
        _log.warning("the step %s cannot be recorded now: %s", name, exc)
        raise Abandoned(f"the step {name} cannot be recorded") from exc


def _prepare(path: Path) -> None:
    """Readers of DBOS's file shall not wait for its writers; the mode stays with the file."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
