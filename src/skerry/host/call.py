"""Running operations: one answer for each call id, a deadline, and errors that are all ours.

A call that is asked for again while it runs is joined, and one that succeeded gets the same answer while it is
remembered; one that failed undid what it began, and is done anew. When nobody waits any more (deadlines passed,
callers cancelled), the operation is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from skerry.errors import BadInput, NotFound, SkerryError, TimedOut, TooLarge
from skerry.host.operation import OPERATIONS, Operation
from skerry.host.types import Frozen
from skerry.progress import Progress, Quiet

R = TypeVar("R")

_log = logging.getLogger(__name__)
_REMEMBERED = 512  # answers
_ARGUMENTS_LIMIT = 2 * 1024**2  # bytes of JSON; the largest is a domain's XML or user-data
_progress: ContextVar[Progress] = ContextVar("progress", default=Quiet())  # noqa: B039 - it holds no state


def progress_of_call() -> Progress:
    """Where the running operation tells how far it is."""
    return _progress.get()


def parse_arguments(name: str, document: bytes | str) -> tuple[Operation[Frozen, Any], Frozen]:
    """The operation of that name, and its arguments from JSON.

    Raises:
        NotFound: there is no such operation.
        BadInput, TooLarge: the arguments are not what it takes.
    """
    declared = OPERATIONS.get(name)
    if declared is None:
        raise NotFound(f"there is no operation {name[:80]!r}")
    if len(document) > _ARGUMENTS_LIMIT:
        raise TooLarge(f"the arguments of {name} are longer than {_ARGUMENTS_LIMIT} bytes")
    try:
        return declared, declared.arguments.model_validate_json(document)
    except ValidationError as exc:
        raise BadInput(f"the arguments of {name} are wrong: {_mistakes(exc)}") from exc


def _mistakes(error: ValidationError, most: int = 5) -> str:
    found = [f"{'.'.join(map(str, mistake['loc'])) or 'all'}: {mistake['msg']}" for mistake in error.errors()]
    return "; ".join(found[:most])


@dataclass
class _Running:
    """An operation and how many callers wait for it."""

    question: tuple[str, Frozen]
    task: asyncio.Task[Any]
    waiting: int = 0


class Calls:
    """The calls of one host."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._answers: OrderedDict[str, tuple[tuple[str, Frozen], Any]] = OrderedDict()
        self._unnamed = 0

    async def run(
        self,
        operation: Operation[Any, R],
        args: Frozen,
        work: Callable[[], Awaitable[R]],
        *,
        call_id: str | None,
        deadline_s: float,
        progress: Progress | None,
    ) -> R:
        """Do `work` for a call, or give the answer that there is.

        Raises:
            BadInput: the arguments are not of the operation's kind, or the id was used for another question.
            TimedOut: the deadline passed; the operation was cancelled unless another caller still waits.
            SkerryError: what the operation raised; what was not foreseen is logged and told as an internal error.
        """
        if not isinstance(args, operation.arguments):
            raise BadInput(f"{operation.name} takes {operation.arguments.__name__}, not {type(args).__name__}")
        question = (operation.name, args)
        if call_id is not None and call_id in self._answers:
            asked, answer = self._answers[call_id]
            _same(call_id, asked, question)
            return cast("R", answer)
        running = self._join(operation, question, work, call_id, progress)
        _same(call_id or "", running.question, question)
        return cast("R", await self._wait(operation, running, deadline_s))

    async def stop(self) -> None:
        """Cancel what runs, and wait until it has undone what it began."""
        tasks = [running.task for running in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _join(
        self,
        operation: Operation[Any, R],
        question: tuple[str, Frozen],
        work: Callable[[], Awaitable[R]],
        call_id: str | None,
        progress: Progress | None,
    ) -> _Running:
        if call_id is not None and call_id in self._running:
            return self._running[call_id]
        self._unnamed += 1
        key = call_id if call_id is not None else f"unnamed {self._unnamed}"
        task = asyncio.create_task(
            _guarded(operation, work, progress or Quiet()), name=f"operation {operation.name}"
        )
        running = self._running[key] = _Running(question, task)
        task.add_done_callback(lambda done: self._done(key, running, done, remember=call_id is not None))
        return running

    def _done(self, key: str, running: _Running, task: asyncio.Task[Any], *, remember: bool) -> None:
        self._running.pop(key, None)
        if task.cancelled() or task.exception() is not None:
            return
        if remember:
            self._answers[key] = (running.question, task.result())
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)

    async def _wait(self, operation: Operation[Any, Any], running: _Running, deadline_s: float) -> Any:  # noqa: ANN401
        running.waiting += 1
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.shield(running.task)
        except TimeoutError:
            raise TimedOut(f"{operation.name} took longer than {deadline_s:g} s") from None
        except asyncio.CancelledError:
            if running.task.cancelled() and not _we_are_cancelled():
                raise TimedOut(f"{operation.name} was stopped: the host agent is ending") from None
            raise
        finally:
            running.waiting -= 1
            if not running.waiting and not running.task.done():
                running.task.cancel()
                await asyncio.wait([running.task])


def _we_are_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _same(call_id: str, asked: tuple[str, Frozen], question: tuple[str, Frozen]) -> None:
    if asked != question:
        raise BadInput(f"the call id {call_id} was used for another call of {asked[0]}")


async def _guarded(operation: Operation[Any, R], work: Callable[[], Awaitable[R]], progress: Progress) -> R:
    _progress.set(progress)
    try:
        return await work()
    except SkerryError:
        raise
    except Exception as exc:  # the one place where a host's bugs become an answer
        _log.exception("operation %s failed unexpectedly", operation.name)
        raise SkerryError(
            f"{operation.name} failed for a reason that was not foreseen", hint="the log of the host tells more"
        ) from exc
