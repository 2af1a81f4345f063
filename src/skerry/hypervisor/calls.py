"""A small pool of threads for calls that block, of which some may block for good.

A call that passes its deadline is abandoned: its caller hears so, its thread is replaced, and ends by itself
should the call ever return. So a stuck monitor or a dead NFS server costs one thread and not the pool, up to a cap
above which calls are refused. The threads are daemons: a stuck one does not keep the process from ending.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from skerry.errors import TimedOut, Unavailable

T = TypeVar("T")


class _Job:
    """One call, and whether somebody still waits for it."""

    def __init__(self, run: Callable[[], object]) -> None:
        self.run = run
        self.future: Future[Any] = Future()
        self.abandoned = False


class CallPool:
    """Runs blocking calls in threads, each with a deadline."""

    def __init__(self, *, threads: int = 8, most_stuck: int = 32) -> None:
        self._threads = threads
        self._most_stuck = most_stuck
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards what follows, and each job's `abandoned`
        self._active = 0  # threads that are not stuck
        self._open = 0  # jobs that wait or run, without the abandoned ones
        self._stuck = 0  # threads in abandoned jobs
        self._closed = False

    @property
    def stuck(self) -> int:
        """How many calls were given up and have not returned yet."""
        return self._stuck

    async def run(self, call: Callable[[], T], *, deadline_s: float) -> T:
        """Run a call in a thread.

        Raises:
            TimedOut: the deadline passed; the call may still happen, if it had begun.
            Unavailable: too many calls are stuck already.
        """
        job = _Job(call)
        self._submit(job)
        waiting = asyncio.wrap_future(job.future)
        waiting.add_done_callback(_look_at)  # nobody may be left to hear of a late failure
        given_up = False
        try:
            await asyncio.wait([waiting], timeout=deadline_s)
        finally:
            if not waiting.done():
                given_up = self._abandon(job)
        if given_up:
            raise TimedOut(f"no answer from the hypervisor within {deadline_s:g} s")
        return job.future.result()  # type: ignore[no-any-return]  # the future of this very call

    def close(self) -> None:
        """Take no more calls, and let the threads end; may be called twice."""
        with self._lock:
            self._closed = True
            for _ in range(self._active):
                self._queue.put(None)

    def _submit(self, job: _Job) -> None:
        with self._lock:
            if self._closed:
                raise Unavailable("the connection to the hypervisor is closed")
            if self._stuck >= self._most_stuck:
                raise Unavailable(
                    f"{self._stuck} calls to the hypervisor never came back",
                    hint="look at libvirtd's log, and at the storage of the machines",
                )
            self._open += 1
            self._queue.put(job)
            self._grow()

    def _grow(self) -> None:
        if self._active < min(self._threads, self._open):
            self._active += 1
            threading.Thread(target=self._work, name="hypervisor-call", daemon=True).start()

    def _abandon(self, job: _Job) -> bool:
        """Stop waiting for a job; False where it ended meanwhile."""
        if job.future.cancel():
            return True  # it had not begun, and never will
        with self._lock:
            if job.future.done():
                return False
            job.abandoned = True
            self._open -= 1
            self._active -= 1
            self._stuck += 1
            self._grow()
        return True

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if job.future.set_running_or_notify_cancel():
                _run(job)
            if not self._carry_on(job):
                return
            del job  # and the connection that it holds, before the next one comes

    def _carry_on(self, job: _Job) -> bool:
        """Whether the thread takes another job: not if it was replaced while it was stuck."""
        with self._lock:
            if job.abandoned:
                self._stuck -= 1
            else:
                self._open -= 1
            return not job.abandoned


def _run(job: _Job) -> None:
    try:
        result = job.run()
    except BaseException as exc:  # noqa: BLE001 - handed to whoever awaits the call
        job.future.set_exception(exc)
    else:
        job.future.set_result(result)


def _look_at(waiting: asyncio.Future[Any]) -> None:
    if not waiting.cancelled():
        waiting.exception()
