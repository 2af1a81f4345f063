"""The steps of a build as pure data: what goes into each, and the key that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skerry.images.cache import key_of


@dataclass(frozen=True)
class Step:
    """One thing to make, named by the hash of all that goes into it."""

    name: str  # unique in a plan, such as `root` or `output qcow2`
    kind: str  # of the cache's entries
    title: str  # while it runs
    inputs: Mapping[str, object]
    key: str
    needs: tuple[str, ...] = ()  # names of steps


def step(
    name: str,
    kind: str,
    title: str,
    inputs: Mapping[str, object],
    needs: Sequence[Step] = (),
    key: str | None = None,
) -> Step:
    """A step whose key covers its inputs and the keys of the steps that it needs."""
    own = key or key_of(kind, inputs, [each.key for each in needs])
    return Step(name, kind, title, inputs, own, tuple(each.name for each in needs))
