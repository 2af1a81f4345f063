"""Answers that were given to an Idempotency-Key, so that a repeated request does nothing twice.

A key is taken before the work begins. A manager that died in between leaves it taken without an answer; that it is
dead is known by its executor id, so the next request with the key may begin anew. Where the work is a task, the
answer is kept in the transaction that accepts the task: both are there, or neither, whenever the manager dies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import sqlalchemy as sa

from skerry.errors import BadInput, Conflict
from skerry.manager.access import Caller
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database, Writing
from skerry.manager.types import Task

_i = tables.idempotency.c


@dataclass(frozen=True)
class Answer:
    """An answer as it was sent."""

    status: int
    body: str  # JSON
    headers: dict[str, str]


@dataclass
class Promise:
    """A request with a key that is being worked on."""

    caller: Caller
    key: str
    answer_of: Callable[[Task], Answer]
    kept: bool = False  # the answer is written where the task was accepted


_promise: ContextVar[Promise | None] = ContextVar("promise", default=None)


@contextmanager
def promised(caller: Caller, key: str, answer_of: Callable[[Task], Answer]) -> Iterator[Promise]:
    """The task that is accepted within is what the request with this key, which was taken, is answered with."""
    promise = Promise(caller, key, answer_of)
    token = _promise.set(promise)
    try:
        yield promise
    finally:
        _promise.reset(token)


async def keep_promise(writing: Writing, task: Task) -> None:
    """Keep the answer to the request that is being worked on, if it has a key, in the transaction of its task."""
    promise = _promise.get()
    if promise is not None:
        await writing.execute(_answered(promise.caller, promise.key, promise.answer_of(task)))
        promise.kept = True


class Idempotency:
    """Kept for a day, per person."""

    def __init__(self, database: Database, executor: str) -> None:
        self._database = database
        self._executor = executor
        self._at_work: set[tuple[str, str]] = set()

    async def begin(self, caller: Caller, key: str, fingerprint: str) -> Answer | None:
        """Take the key for this request (a hash of method, path and body); the answer, where there was one.

        Raises:
            BadInput: the key was used for another request.
            Conflict: the first request with this key is still being worked on.
        """
        async with self._database.write() as writing:
            row = (await writing.execute(sa.select(tables.idempotency).where(*_which(caller, key)))).one_or_none()
            if row is not None:
                if row.fingerprint != fingerprint:
                    raise BadInput(
                        f"the Idempotency-Key {key!r} was used for another request", hint="use a new one for each"
                    )
                if row.answer is not None:
                    return Answer(**json.loads(row.answer))
                if row.executor != self._executor or (caller.user, key) in self._at_work:
                    raise Conflict(
                        f"the first request with the Idempotency-Key {key!r} is still being worked on",
                        hint="ask again in a moment",
                    )
                await writing.execute(sa.delete(tables.idempotency).where(*_which(caller, key)))
            taken = {
                "user": caller.user,
                "key": key,
                "fingerprint": fingerprint,
                "answer": None,
                "executor": self._executor,
                "created_at": now(),
            }
            await writing.execute(sa.insert(tables.idempotency), taken)
        self._at_work.add((caller.user, key))
        return None

    async def finish(self, caller: Caller, key: str, answer: Answer) -> None:
        """Keep the answer."""
        await self._end(caller, key, _answered(caller, key, answer))

    def kept(self, caller: Caller, key: str) -> None:
        """The answer was kept with the task."""
        self._at_work.discard((caller.user, key))

    async def forget(self, caller: Caller, key: str) -> None:
        """Give the key back: the request failed and may be tried again. Not where its task was accepted before."""
        unanswered = (*_which(caller, key), _i.answer.is_(None))
        await self._end(caller, key, sa.delete(tables.idempotency).where(*unanswered))

    async def _end(self, caller: Caller, key: str, statement: sa.Executable) -> None:
        try:
            async with self._database.write() as writing:
                await writing.execute(statement)
        finally:
            self._at_work.discard((caller.user, key))


def _answered(caller: Caller, key: str, answer: Answer) -> sa.Executable:
    text = json.dumps({"status": answer.status, "body": answer.body, "headers": answer.headers})
    unanswered = (*_which(caller, key), _i.answer.is_(None))
    return sa.update(tables.idempotency).where(*unanswered).values(answer=text)


def _which(caller: Caller, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _i.user == caller.user, _i.key == key
