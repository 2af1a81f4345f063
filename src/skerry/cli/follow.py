"""Follows tasks to their end: bars on a terminal, a line each elsewhere; Ctrl-C leaves the tasks running."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from skerry.cli import events, names, output
from skerry.cli.client import Json, Refused, path
from skerry.cli.output import Interrupted
from skerry.cli.program import Run, is_terminal
from skerry.errors import Cancelled, SkerryError

ENDED = frozenset({"succeeded", "failed", "cancelled"})


class TaskFailed(Refused):
    """A task did not do what it was for."""

    code = "task-failed"


class Bars(Protocol):
    """Shows how far tasks are."""

    def show(self, task: Json) -> None:
        """This is how far it is now."""


class NoBars:
    """Nobody looks."""

    def show(self, task: Json) -> None:
        """Show nothing."""


def finish(
    run: Run, tasks: Sequence[Json], *, wait: bool, put: Callable[[list[Json]], None] | None = None
) -> None:
    """What every long command ends with: follow its tasks, print them or what they made, fail if they failed.

    Without `wait` the tasks are printed as they are. `put` prints what they made, once they have succeeded.

    Raises:
        TaskFailed, Cancelled: the first task that did not succeed.
        Interrupted: Ctrl-C.
    """
    if not wait:
        _put_started(run, tasks)
        return
    ended = follow(run, tasks)
    wrong = [task for task in ended if task["state"] != "succeeded"]
    if put and not wrong:
        put(ended)
    elif run.json:
        output.put_json(ended[0] if len(ended) == 1 else ended)
    if wrong:
        for task in wrong[1:]:
            output.show_error(failure(task), as_json=run.json)
        raise failure(wrong[0])


def finish_each(run: Run, things: Sequence[str], ask: Callable[[str], Json], *, wait: bool) -> None:
    """Ask for the same on several things, then follow all: what one of them cannot do does not keep the others.

    Raises:
        SkerryError: what went wrong last; all else that did has been said before.
    """
    tasks: list[Json] = []
    wrong: list[SkerryError] = []
    for thing in things:
        try:
            tasks.append(ask(thing))
        except Refused as exc:
            wrong.append(exc)
    if tasks:
        try:
            finish(run, tasks, wait=wait)
        except Interrupted:
            raise
        except SkerryError as exc:
            wrong.append(exc)
    for error in wrong[:-1]:
        names.add_near_names(run, error)
        output.show_error(error, as_json=run.json)
    if wrong:
        raise wrong[-1]


def _put_started(run: Run, tasks: Sequence[Json]) -> None:
    if run.json:
        output.put_json(tasks[0] if len(tasks) == 1 else list(tasks))
        return
    for task in tasks:
        output.say(f"{task['title']}: queued; follow it with: skerry task wait {task['id']}")
        output.put_line(task["id"])


def failure(task: Json) -> SkerryError:
    """Why a task did not succeed, as an error."""
    left = "".join(f"\n  left behind: {thing}" for thing in task["not_undone"])
    if task["state"] == "cancelled":
        return Cancelled(f"{task['title']}: cancelled{left}", hint=f"skerry task log {task['id']}")
    problem: Json = task["error"] or {"detail": "the task failed", "code": "internal-error", "status": 500}
    return TaskFailed(
        f"{task['title']}: {problem['detail']}{left}",
        hint=problem.get("hint") or f"its log: skerry task log {task['id']}",
        problem=problem,
    )


def follow(run: Run, tasks: Sequence[Json]) -> list[Json]:
    """Follow tasks until all have ended; returns them as they ended, in the same order.

    Raises:
        Interrupted: Ctrl-C.
    """
    known = {task["id"]: task for task in tasks}
    began = time.monotonic()
    try:
        with bars(run) as shown:
            _follow(run, known, shown)
    except KeyboardInterrupt:
        raise interrupted(task for task in known.values() if task["state"] not in ENDED) from None
    if not run.json:
        for task in known.values():
            if task["state"] == "succeeded":
                output.say(f"{task['title']}: done ({time.monotonic() - began:.1f} s)")
    return [known[task["id"]] for task in tasks]


def _follow(run: Run, known: dict[str, Json], shown: Bars) -> None:
    """Keep `known` true until all tasks in it have ended."""

    def note(task: Json) -> None:
        known[task["id"]] = task
        shown.show(task)

    for task in known.values():
        shown.show(task)
    if all(task["state"] in ENDED for task in known.values()):
        return
    for event in events.follow(run.client):
        if event.is_new_start():
            for id_ in [id_ for id_, task in known.items() if task["state"] not in ENDED]:
                note(events.patiently(run.client, path("tasks", id_)))
        elif event.kind == "fact" and event.data["object"]["id"] in known and event.data["data"]:
            note(event.data["data"])
        elif event.kind == "progress" and event.data["task"] in known:
            told = {name: event.data[name] for name in ("step", "step_number", "step_count", "progress", "detail")}
            task = known[event.data["task"]]
            note(task | told | {"state": "running" if task["state"] == "queued" else task["state"]})
        if all(task["state"] in ENDED for task in known.values()):
            return


def interrupted(tasks: Any) -> Interrupted:  # noqa: ANN401 - any iterable of tasks
    """Ctrl-C while these were followed."""
    running = list(tasks)
    if not running:
        return Interrupted("stopped")
    ids = " ".join(task["id"] for task in running)
    titles = ", ".join(task["title"] for task in running)
    return Interrupted(
        f"no longer following; going on: {titles}", hint=f"skerry task wait {ids}, or: skerry task cancel {ids}"
    )


@contextlib.contextmanager
def bars(run: Run) -> Iterator[Bars]:
    """One bar a task on stderr, where a person looks; they are gone at the end."""
    if run.json or not is_terminal(2) or run.environ.get("TERM") == "dumb":
        yield NoBars()
        return
    from skerry.cli.bars import task_bars  # noqa: PLC0415 - Rich, for terminals only

    with task_bars() as shown:
        yield shown
