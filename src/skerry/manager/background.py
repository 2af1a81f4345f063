"""Work that goes on as long as the manager does, whatever happens to single pieces of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from skerry.errors import SkerryError

_log = logging.getLogger(__name__)


def keep_going(name: str, piece: Callable[[], Awaitable[None]], *, retry_s: float) -> asyncio.Task[None]:
    """Do a piece of work again and again; one that failed is logged, and tried again after a while."""
    return asyncio.create_task(_forever(name, piece, retry_s), name=name)


async def _forever(name: str, piece: Callable[[], Awaitable[None]], retry_s: float) -> None:
    while True:
        try:
            await piece()
        except SkerryError as exc:
            _log.warning("%s cannot go on now: %s", name, exc)
            await asyncio.sleep(retry_s)
        except Exception:  # noqa: BLE001 - a supervisor: a bug in one piece must not end all that comes after it
            _log.exception("%s met a bug", name)
            await asyncio.sleep(retry_s)


async def end_all(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel these, and wait until they have ended; may be called twice."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    tasks.clear()
