"""Gives queued tasks their turn, takes them to their end, and leaves none behind.

The order is in the database: a task runs when no earlier one holds any of its things. So it is kept across
restarts and between several managers.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError

from skerry.errors import SkerryError
from skerry.manager.background import end_all, keep_going
from skerry.manager.events import Events
from skerry.manager.problems import problem_of, problem_of_bug
from skerry.manager.store import tables
from skerry.manager.store.database import DatabaseAway, DatabaseFull
from skerry.manager.tasks import rows
from skerry.manager.tasks.ending import settle
from skerry.manager.tasks.kind import Ended, Kinds, TaskKind
from skerry.manager.tasks.report import Reporter, last_line
from skerry.manager.tasks.run import Run
from skerry.manager.tasks.work import Tools, Work
from skerry.manager.tasks.workflows import Abandoned, Found, Workflows
from skerry.manager.types import Fact, ObjectKind, Task, TaskState

_log = logging.getLogger(__name__)
_RETRY_S = 2.0
_LOOK_AFTER_S = 15.0
_t = tables.tasks.c


class Engine:
    """The tasks of this manager."""

    def __init__(
        self,
        workflows: Workflows,
        executor: str,
        kinds: Kinds,
        tools: Tools,
        events: Events,
        *,
        workers: int,
    ) -> None:
        self._workflows = workflows
        self._executor = executor
        self._kinds = kinds
        self._tools = tools
        self._events = events
        self._workers = workers
        self._live: dict[UUID, tuple[asyncio.Task[Any], asyncio.Event]] = {}
        self._starting: set[UUID] = set()
        self._news = asyncio.Event()
        self._own: list[asyncio.Task[None]] = []
        self._idle: set[UUID] = set()  # what ran nowhere at the last look
        self._stopping = False
        tools.database.on_facts(self.look)
        events.watch(self._notice)

    async def start(self) -> None:
        """Go on with unfinished tasks, and take new ones."""
        self._stopping = False
        await self._workflows.start(self._perform)
        self._idle = set()
        self._own = [
            keep_going("the task queue", self._dispatch, retry_s=_RETRY_S),
            keep_going("the supervisor of tasks", self._look_after, retry_s=_RETRY_S),
        ]
        self.look()

    async def stop(self) -> None:
        """Cut off what runs; it goes on at the next start."""
        if not self._own:
            return
        self._stopping = True
        running = [task for task, _ in self._live.values()]
        self.give_up()
        await end_all(self._own)
        if running:
            await asyncio.wait(running)
        await self._workflows.stop()

    def give_up(self) -> None:
        """Cut off all that runs here."""
        for task, _ in self._live.values():
            task.cancel()

    async def take_over(self, executor: str) -> None:
        """Go on with what a dead manager ran; its rows are ours already."""
        await self._workflows.take_over(executor)
        self.look()

    def look(self) -> None:
        """There may be a task whose turn has come."""
        self._news.set()

    def _notice(self, fact: Fact) -> None:
        """Facts may come from another manager: it took a cancellation, or a task."""
        if fact.object.kind is not ObjectKind.TASK or fact.data is None:
            return
        live = self._live.get(UUID(fact.object.id))
        if live is not None and fact.data["cancel_requested"]:
            live[1].set()
        if fact.data["ended_at"] is not None or fact.data["state"] == TaskState.QUEUED:
            self.look()

    async def _dispatch(self) -> None:
        await self._news.wait()
        self._news.clear()
        try:
            await self._claim()
        except SkerryError:
            self._news.set()
            raise

    async def _claim(self) -> None:
        room = self._workers - len(self._live) - len(self._starting)
        if room <= 0:
            return
        async with self._tools.database.read() as connection:
            if not await rows.anything_to_claim(connection):
                return
        async with self._tools.database.write() as writing:
            tasks = await rows.claim(writing, self._executor, room)
        for task in tasks:
            self._starting.add(task.id)
            await self._begin(task.id)

    async def _begin(self, task_id: UUID) -> None:
        try:
            await self._workflows.begin(str(task_id))
        except sa.exc.SQLAlchemyError as exc:  # the supervisor tries again
            self._starting.discard(task_id)
            _log.warning("task %s cannot begin now: %s", task_id, exc)

    async def _look_after(self) -> None:
        """Find tasks of this manager that run nowhere: claimed before a kill, or abandoned on a full disk.

        DBOS takes some time to begin what it recovers; so what it knows is set going by us only when it was found
        idle twice.
        """
        idle = {task_id for task_id in await self._claimed() if not self._has(task_id)}
        for task_id in idle:
            found = await self._workflows.find(str(task_id))
            if (found is None or task_id in self._idle) and not self._has(task_id):
                await self._set_going(task_id, found)
        self._idle = idle
        self.look()
        await asyncio.sleep(_LOOK_AFTER_S)

    def _has(self, task_id: UUID) -> bool:
        return task_id in self._live or task_id in self._starting

    async def _claimed(self) -> list[UUID]:
        mine = sa.select(_t.id).where(
            _t.ended_at.is_(None), _t.state == TaskState.RUNNING, _t.executor == self._executor
        )
        async with self._tools.database.read() as connection:
            return list((await connection.execute(mine)).scalars())

    async def _set_going(self, task_id: UUID, found: Found | None) -> None:
        if found is not None and found.waits:
            return  # DBOS begins it any moment
        if found is not None and found.runs:
            if found.executor == self._executor:
                await self._workflows.resume(str(task_id))
            return
        if found is not None:  # it ended, and our row does not know: the databases are of different times
            _log.warning("task %s is unfinished here and %s at DBOS: it runs again", task_id, found.status)
            await self._workflows.forget([str(task_id)])
        self._starting.add(task_id)
        await self._begin(task_id)

    async def _perform(self, word: str) -> None:
        """The body of a task's workflow."""
        task_id = UUID(word)
        current = asyncio.current_task()
        assert current is not None
        if self._stopping:
            raise Abandoned("the manager is stopping")
        if task_id in self._live:
            raise Abandoned(f"task {task_id} runs already")
        cancelled = asyncio.Event()
        self._live[task_id] = (current, cancelled)
        self._starting.discard(task_id)
        try:
            await self._perform_task(task_id, cancelled)
        except Exception as exc:
            _log.exception("task %s was given up; the supervisor goes on with it", task_id)
            raise Abandoned(f"task {task_id} was given up") from exc
        finally:
            del self._live[task_id]
            self.look()

    async def _perform_task(self, task_id: UUID, cancelled: asyncio.Event) -> None:
        row = await self._row(task_id)
        if row is None or row.ended_at is not None:
            return
        if row.cancel_requested:
            cancelled.set()
        if row.executor != self._executor:
            await self._adopt(task_id)
        await self._run(row, cancelled)

    async def _row(self, task_id: UUID) -> sa.Row[Any] | None:
        while True:
            try:
                async with self._tools.database.read() as connection:
                    found = await connection.execute(sa.select(tables.tasks).where(_t.id == task_id))
                    return found.one_or_none()
            except DatabaseAway:
                await asyncio.sleep(_RETRY_S)

    async def _adopt(self, task_id: UUID) -> None:
        """DBOS gave us a task of a manager that is dead."""
        async with self._tools.database.write() as writing:
            await writing.execute(sa.update(tables.tasks).where(_t.id == task_id).values(executor=self._executor))

    async def _run(self, row: sa.Row[Any], cancelled: asyncio.Event) -> None:
        task = rows.task_of(row)
        kind = self._kinds.get(row.kind)
        if kind is None:
            error = SkerryError(f"this version of Skerry does not know tasks of the kind {row.kind}")
            await self._settle(None, None, rows.End(TaskState.FAILED, problem_of(error)), task, None)
            return
        try:
            args = kind.arguments.model_validate_json(row.args)
        except ValidationError as exc:
            problem = problem_of_bug(f"reading the arguments of task {task.id}", exc)
            await self._settle(None, None, rows.End(TaskState.FAILED, problem), task, None)
            return
        reporter = Reporter(self._events, self._tools.database, task, await self._last_line(row))
        work = Work(
            task_id=task.id,
            user=task.user,
            args=args,
            private=row.private,
            tools=self._tools,
            progress=reporter,
            cancelled=cancelled,
        )
        try:
            how, ended = await Run(kind, work, reporter).to_its_end()
        finally:
            await reporter.close()
        await self._settle(kind, ended, how, task, reporter)

    async def _last_line(self, row: sa.Row[Any]) -> int:
        if row.step_number == 0 and row.detail == "":
            return 0  # it never ran for so long that a line was kept
        return await last_line(self._tools.database, row.id)

    async def _settle(
        self,
        kind: TaskKind[Any] | None,
        ended: Ended[Any] | None,
        how: rows.End,
        task: Task,
        reporter: Reporter | None,
    ) -> None:
        """Note how a task ended, with all that changes by that, in one transaction."""
        while True:
            try:
                async with self._tools.database.write() as writing:
                    if reporter is not None:
                        await reporter.write(writing)
                    await settle(writing, kind, ended, task.id, how)
            except (DatabaseFull, DatabaseAway) as exc:
                _log.warning("the end of task %s cannot be kept now: %s", task.id, exc)
                await asyncio.sleep(_RETRY_S)
            except Exception as exc:
                if kind is None:
                    raise
                problem = problem_of_bug(f"the end of task {task.id}", exc)
                kind, ended, how = None, None, rows.End(TaskState.FAILED, problem, None, how.not_undone)
            else:
                return
