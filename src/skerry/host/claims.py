"""What running operations are about to do with volumes, so that two of them do not contradict each other.

An operation looks at the inventory, then acts, and the inventory tells the result later. Between the two it holds
a claim: many may share a volume (clone it), one may own it (give it to a machine, delete it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from skerry.errors import InUse


class Claims:
    """The claims of one host. Nobody waits: who comes second is told."""

    def __init__(self) -> None:
        self._shared: Counter[str] = Counter()
        self._owned: set[str] = set()

    @contextmanager
    def share(self, path: str, what: str) -> Iterator[None]:
        """Read a volume; `what` names it in the error.

        Raises:
            InUse: somebody owns it.
        """
        if path in self._owned:
            raise _busy(what)
        self._shared[path] += 1
        try:
            yield
        finally:
            self._shared[path] -= 1
            if not self._shared[path]:
                del self._shared[path]

    @contextmanager
    def own(self, path: str, what: str) -> Iterator[None]:
        """Change a volume, or who has it.

        Raises:
            InUse: somebody shares or owns it.
        """
        if path in self._owned or path in self._shared:
            raise _busy(what)
        self._owned.add(path)
        try:
            yield
        finally:
            self._owned.discard(path)


def _busy(what: str) -> InUse:
    return InUse(f"another operation works with {what} now", hint="try again when it is done")
