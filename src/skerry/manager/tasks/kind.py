"""What a kind of task is: a name, typed arguments, and a plan of steps that follows from the arguments alone.

Each step looks, then acts: it may run again after it was cut off, and finds its own work by ids that follow from
the task's. Steps of a task that failed or was cancelled are undone backwards, by steps as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

from skerry.manager.store.database import Writing
from skerry.manager.tasks.work import Work
from skerry.manager.types import TaskState
from skerry.values import Frozen

A = TypeVar("A", bound=Frozen)


@dataclass(frozen=True)
class Step(Generic[A]):
    """One step. `undo` takes back what `act` may have done, also where `act` was cut off; it may run twice."""

    key: str  # names its result
    name: str  # for people: Clone debian-13
    act: Callable[[Work[A]], Awaitable[Any]]  # the result is JSON
    undo: Callable[[Work[A]], Awaitable[None]] | None = None
    no_way_back: bool = False  # a cancellation comes too late for it
    leaves: str = ""  # what stays behind when the undo fails: the volume web1-0


@dataclass(frozen=True)
class Ended(Generic[A]):
    """How a task ended."""

    task_id: UUID
    args: A
    state: TaskState
    results: Mapping[str, Any]
    user: str
    not_undone: tuple[str, ...] = ()


async def _nothing_to_settle(_writing: Writing, _ended: Ended[Any]) -> None:
    """Most kinds leave nothing of their own in the tables."""


def _no_result(_ended: Ended[Any]) -> dict[str, Any] | None:
    return None


@dataclass(frozen=True)
class TaskKind(Generic[A]):
    """One kind of task."""

    name: str  # vm.start
    arguments: type[A]
    plan: Callable[[A], Sequence[Step[A]]]
    settle: Callable[[Writing, Ended[A]], Awaitable[None]] = _nothing_to_settle  # in the transaction that ends it
    result: Callable[[Ended[A]], dict[str, Any] | None] = _no_result
    cancellable: bool = True


@dataclass
class Kinds:
    """All kinds of tasks, by name."""

    by_name: dict[str, TaskKind[Any]] = field(default_factory=dict)

    def add(self, kinds: Sequence[TaskKind[Any]]) -> None:
        """Take these in."""
        for kind in kinds:
            if kind.name in self.by_name:
                raise ValueError(f"the task kind {kind.name} is declared twice")
            self.by_name[kind.name] = kind

    def get(self, name: str) -> TaskKind[Any] | None:
        """The kind of that name; None where a newer version had it."""
        return self.by_name.get(name)


def id_from(task_id: UUID, word: str) -> UUID:
    """An id of something that a task makes: the same each time it is asked for."""
    return uuid5(task_id, word)


def mac_from(task_id: UUID, word: str) -> str:
    """A MAC address of a card that a task makes; 40 bits of it are as good as random."""
    tail = id_from(task_id, f"mac {word}").bytes[:5]
    return ":".join(f"{byte:02x}" for byte in (0x52, *tail))
