"""The server's stream of events, read so that nothing is missed: it is taken up again where it broke off."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from skerry.cli.certificates import CannotReach, CertificateChanged
from skerry.cli.client import Client

SILENCE_S = 45.0  # the server says something every 15 s
GIVE_UP_S = 60.0  # how long a server may be away, such as for an upgrade
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


@dataclass(frozen=True)
class Event:
    """One event: `hello`, `fact`, `progress`, `samples`, or `reset`."""

    kind: str
    data: Any
    id: str | None = None

    def is_new_start(self) -> bool:
        """Whether something may have been missed, so that all must be asked anew."""
        return self.kind in {"hello", "reset"}


def patiently(client: Client, where: str) -> Any:  # noqa: ANN401 - as the route answers
    """Read something while events are followed: a server that is away for a while is waited for.

    Raises:
        CannotReach: it was away for longer than `GIVE_UP_S`.
    """
    give_up = time.monotonic() + GIVE_UP_S
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            return client.get(where)
        except CertificateChanged:
            raise
        except CannotReach:
            if time.monotonic() > give_up:
                raise
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def parse(lines: Iterable[bytes]) -> Iterator[Event]:
    """Server-sent events from the lines of a stream; comments and unknown fields are skipped."""
    kind, number, data = "message", None, list[str]()
    for raw in lines:
        line = raw.decode(errors="replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(kind, json.loads("\n".join(data)), number)
            kind, number, data = "message", None, []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                kind = value
            case "id":
                number = value
            case "data":
                data.append(value)


def follow(
    client: Client, *, after: str | None = None, until: float | None = None, give_up_s: float = GIVE_UP_S
) -> Iterator[Event]:
    """All events from now on, or from the number `after` on; a broken stream goes on where it was.

    Ends at the monotonic time `until`, if that is given.

    Raises:
        CannotReach: the server was away for longer than `give_up_s`.
    """
    away_since: float | None = None
    wait_s = _FIRST_WAIT_S
    while until is None or time.monotonic() < until:
        silence_s = SILENCE_S if until is None else min(SILENCE_S, max(0.1, until - time.monotonic()))
        try:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
            with client.stream("/events", headers, silence_s=silence_s) as lines:
                for event in parse(lines):
                    away_since, wait_s = None, _FIRST_WAIT_S
                    after = event.id or (event.data["id"] if event.is_new_start() else after)
                    yield event
                    if until is not None and time.monotonic() >= until:
                        return
        except CertificateChanged:
            raise
        except CannotReach:
            if until is not None and time.monotonic() >= until:
                return
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > give_up_s:
                raise
        time.sleep(wait_s)  # a server that comes back must not be overrun
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
