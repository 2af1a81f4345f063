"""How far a running task is: at most five times a second to listeners, once a second to its row and log."""

from __future__ import annotations

import asyncio
import logging
import threading
from uuid import UUID

import sqlalchemy as sa

from skerry.errors import SkerryError
from skerry.manager.events import Events
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database, Writing
from skerry.manager.types import Task, TaskLogLine, TaskProgress

_log = logging.getLogger(__name__)
_SEND_S = 0.2
_SAVE_S = 1.0
_MOST_LINES = 10_000  # of one task; what comes after them is dropped
_LONGEST_LINE = 2000
_t = tables.tasks.c


class Reporter:
    """The progress of one running task; it is a `Progress` whose calls may come from any thread."""

    def __init__(self, events: Events, database: Database, task: Task, last_line: int) -> None:
        self._events = events
        self._database = database
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._line = last_line
        self._unsent: list[TaskLogLine] = []
        self._unsaved: list[TaskLogLine] = []
        self._state = (task.step, task.step_number, task.step_count)
        self._fraction: float | None = None
        self._detail = ""
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._in_hand = 0  # lines in the transaction that is being written
        self._closed = False

    def begin(self, number: int, count: int, name: str) -> None:
        """The engine begins a step."""
        self._state = (name, number, count)
        self._fraction, self._detail = None, ""
        self._changed()

    def step(self, name: str) -> None:
        """A part of the step begins."""
        self._here(self._update, None, name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """How much of the step is done."""
        self._here(self._update, fraction, detail)

    def log(self, line: str) -> None:
        """A line for the task's log."""
        self._here(self._add, line)

    def _here(self, call: object, *args: object) -> None:
        assert callable(call)
        if threading.get_ident() == self._thread:
            call(*args)
        else:
            self._loop.call_soon_threadsafe(call, *args)

    def _update(self, fraction: float | None, detail: str) -> None:
        self._fraction = fraction
        self._detail = detail or self._detail
        self._changed()

    def _add(self, text: str) -> None:
        if self._line >= _MOST_LINES:
            return
        self._line += 1
        if self._line == _MOST_LINES:
            text = "the log is full; more lines are not kept"
        line = TaskLogLine(number=self._line, at=now(), text=text[:_LONGEST_LINE].replace("\x00", ""))
        self._unsent.append(line)
        self._unsaved.append(line)
        self._changed()

    def _changed(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(_SEND_S, self._send)

    def _progress(self) -> TaskProgress:
        name, number, count = self._state
        done = (max(number - 1, 0) + (self._fraction or 0.0)) / count if count else None
        return TaskProgress(
            task=self._task.id,
            step=name,
            step_number=number,
            step_count=count,
            progress=done,
            detail=self._detail,
            lines=tuple(self._unsent),
        )

    def _send(self) -> None:
        self._timer = None
        self._events.send_progress(self._progress(), self._task.pool_id, self._task.user)
        self._unsent.clear()
        if self._saving is None and not self._closed:
            self._saving = self._loop.create_task(self._save(), name=f"progress of {self._task.id}")

    async def _save(self) -> None:
        await asyncio.sleep(_SAVE_S)
        self._saving = None
        try:
            async with self._database.write() as writing:
                await self.write(writing)
        except SkerryError as exc:
            _log.warning("the progress of task %s cannot be kept now: %s", self._task.id, exc)
        else:
            self.saved()

    async def write(self, writing: Writing) -> None:
        """Keep what is known now, as a part of a transaction; call `saved` when that ended well."""
        shown = self._progress()
        lines, self._in_hand = list(self._unsaved), len(self._unsaved)
        if lines:
            rows = [
                {"task_id": self._task.id, "number": one.number, "at": one.at, "text": one.text} for one in lines
            ]
            await writing.execute(sa.insert(tables.task_log), rows)
        await writing.execute(
            sa.update(tables.tasks)
            .where(_t.id == self._task.id)
            .values(
                step=shown.step,
                step_number=shown.step_number,
                step_count=shown.step_count,
                progress=shown.progress,
                detail=shown.detail,
            )
        )

    def saved(self) -> None:
        """What `write` wrote is kept."""
        del self._unsaved[: self._in_hand]
        self._in_hand = 0

    async def close(self) -> None:
        """Send what waits; nothing is sent or kept later."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._send()
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.wait([self._saving])


async def last_line(database: Database, task_id: UUID) -> int:
    """The number of the last line in a task's log."""
    numbers = tables.task_log.c
    async with database.read() as connection:
        found = await connection.execute(sa.select(sa.func.max(numbers.number)).where(numbers.task_id == task_id))
    return found.scalar() or 0
