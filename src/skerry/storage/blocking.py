"""Leaving the event loop for work on files, without leaving it running behind our back."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from skerry.errors import Cancelled, HostError, NoSpace

T = TypeVar("T")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Stop:
    """A flag that long work looks at between two blocks."""

    def __init__(self) -> None:
        self._set = threading.Event()

    def set(self) -> None:
        """Ask the work to end."""
        self._set.set()

    def check(self) -> None:
        """Raise Cancelled when the work was asked to end."""
        if self._set.is_set():
            raise Cancelled("stopped")


async def in_thread(work: Callable[[Stop], T]) -> T:
    """Run blocking work in a thread; on cancellation ask it to stop, and wait until it has.

    So nothing that the caller undoes afterwards can be done again by a thread that still runs.
    """
    stop = Stop()
    thread = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([thread])
        if not thread.cancelled():
            thread.exception()  # looked at: what ended the work no longer matters
        raise


@contextmanager
def file_errors(what: str) -> Iterator[None]:
    """Turn an OSError into ours; `what` is what could not be done, such as `volume disk-1 cannot be written`."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _FULL:
            raise NoSpace(f"{what}: no space left", hint="delete what is not needed, or grow the storage") from exc
        raise HostError(f"{what}: {exc.strerror}") from exc
