"""One run of one task: its steps forward, and backward where that is needed.

Nothing in here decides by what it sees outside of recorded steps, so that a run which goes on after a kill
takes the same way. What a step found out, also that it failed or was cancelled, is its recorded result.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from skerry.errors import Cancelled, SkerryError
from skerry.manager.problems import problem_of, problem_of_bug
from skerry.manager.store.database import DatabaseAway, DatabaseFull
from skerry.manager.tasks.kind import Ended, Step, TaskKind
from skerry.manager.tasks.report import Reporter
from skerry.manager.tasks.rows import End
from skerry.manager.tasks.work import Work
from skerry.manager.tasks.workflows import recorded
from skerry.manager.types import Problem, TaskState

_log = logging.getLogger(__name__)
_STORE_WAIT_S = 2.0

Outcome = dict[str, Any]


class Run:
    """Takes a task through the steps of its kind."""

    def __init__(self, kind: TaskKind[Any], work: Work[Any], reporter: Reporter) -> None:
        self._kind = kind
        self._work = work
        self._reporter = reporter

    async def to_its_end(self) -> tuple[End, Ended[Any]]:
        """Run all steps that have not run, undo where that is needed, and say how it ended."""
        try:
            steps = self._kind.plan(self._work.args)
        except Exception as exc:  # noqa: BLE001 - a supervisor: a bug in one kind ends its task only
            return self._end(TaskState.FAILED, problem_of_bug(f"the plan of {self._kind.name}", exc), ())
        for number, step in enumerate(steps, 1):
            self._reporter.begin(number, len(steps), step.name)
            self._work.sheltered = step.no_way_back
            outcome = await recorded(step.key, lambda step=step: self._attempt(step.name, step.act))  # type: ignore[misc]
            if "error" in outcome:
                error = Problem.model_validate(outcome["error"])
                return await self._back(steps[:number], error)
            self._work.results[step.key] = outcome["result"]
        return self._end(TaskState.SUCCEEDED, None, ())

    async def _back(self, begun: Sequence[Step[Any]], error: Problem) -> tuple[End, Ended[Any]]:
        self._work.sheltered = True
        self._reporter.log(f"{error.detail}; taking back what was done")
        not_undone: list[str] = []
        for step in reversed(begun):
            if step.undo is None:
                continue
            self._reporter.update(None, f"taking back: {step.name}")
            outcome = await recorded(f"undo {step.key}", lambda step=step: self._attempt(step.name, step.undo))  # type: ignore[misc]
            if "error" in outcome:
                not_undone.append(step.leaves or step.name)
                self._reporter.log(f"not taken back: {not_undone[-1]}: {outcome['error']['detail']}")
        state = TaskState.CANCELLED if error.code == Cancelled.code else TaskState.FAILED
        return self._end(state, error, not_undone)

    def _end(self, state: TaskState, error: Problem | None, not_undone: Sequence[str]) -> tuple[End, Ended[Any]]:
        work = self._work
        ended = Ended(work.task_id, work.args, state, work.results, work.user, tuple(not_undone))
        result = self._kind.result(ended) if state is TaskState.SUCCEEDED else None
        return End(state, error, result, tuple(not_undone)), ended

    async def _attempt(self, name: str, act: Callable[[Work[Any]], Awaitable[Any]]) -> Outcome:
        """Do one step; its result or its error is what gets recorded."""
        self._reporter.log(name)
        while True:
            try:
                self._work.check_cancelled()
                return {"result": await act(self._work)}
            except (DatabaseFull, DatabaseAway) as exc:  # not the step's fault: it waits, and tries again
                self._reporter.update(None, exc.message)
                await asyncio.sleep(_STORE_WAIT_S)
            except SkerryError as exc:
                _log.info("the step %r of task %s failed: %s", name, self._work.task_id, exc)
                return {"error": problem_of(exc).model_dump(mode="json")}
            except Exception as exc:  # noqa: BLE001 - a supervisor: a bug in one step ends its task only
                return {"error": problem_of_bug(f"the step {name!r}", exc).model_dump(mode="json")}
