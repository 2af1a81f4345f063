"""The one port between managers and hosts.

`LocalLink` (same process) is its first adapter. A call carries an id and a deadline; a host answers a repeated id
with its first answer while it remembers it. That is an optimisation: what makes retries safe is that every step
of a task looks before it acts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from skerry.host.operation import ByteStream, Operation
from skerry.host.types import Frozen, HostEvent
from skerry.progress import Progress

A = TypeVar("A", bound=Frozen)
R = TypeVar("R")


@dataclass(frozen=True)
class Presence:
    """Whether a host can be called, and since when that is so."""

    host: str  # the host's name
    online: bool
    since: datetime


@dataclass(frozen=True)
class FromHost:
    """An event and the host that told it."""

    host: str
    event: HostEvent


class Link(Protocol):
    """Calls operations on hosts, receives their events, knows who is present."""

    async def call(
        self,
        host: str,
        operation: Operation[A, R],
        args: A,
        *,
        call_id: str | None = None,
        deadline_s: float = 30.0,
        progress: Progress | None = None,
    ) -> R:
        """Do one operation on one host and return its result.

        Raises:
            Unavailable: the host is not present.
            TimedOut: no answer within the deadline; whether it was done is not known.
            SkerryError: whatever the operation itself raised.
        """
        ...

    async def stream(self, host: str, operation: Operation[A, ByteStream], args: A) -> ByteStream:
        """Open a stream, such as a console. The caller closes it."""
        ...

    def events(self) -> AsyncIterator[FromHost]:
        """All events of all hosts from now on, in order per host, beginning with a listing of each present host.

        A consumer that falls too far behind gets a fresh listing in place of what it missed.
        """
        ...

    def present(self) -> Mapping[str, Presence]:
        """Who is there now, by host name."""
        ...
