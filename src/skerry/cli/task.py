"""`skerry task`: long work, its progress, log and end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from skerry.cli import events, follow, names, options, output
from skerry.cli.client import Json, path
from skerry.cli.options import shown_duration, shown_time
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer

TASK = Noun("Tasks: long work, its progress, log and end.")
app = TASK.app

_Task = Annotated[str, typer.Argument(metavar="TASK", help="Id of the task.", autocompletion=names.tasks)]
STATES = ("queued", "running", "succeeded", "failed", "cancelled")
_Tasks = Annotated[list[str], typer.Argument(metavar="TASK", help="Ids of tasks.", autocompletion=names.tasks)]


def _progress(task: Json) -> str:
    if task["state"] != "running" or task["progress"] is None:
        return ""
    return f"{task['progress'] * 100:.0f} %"


_COLUMNS = (
    Column("ID", lambda task: task["id"]),
    Column("STATE", lambda task: task["state"]),
    Column("TITLE", lambda task: task["title"]),
    Column("PROGRESS", lambda task: _progress(dict(task)), right=True),
    Column("USER", lambda task: task["user"]),
    Column("CREATED", lambda task: shown_time(task["created_at"])),
    Column("TOOK", lambda task: shown_duration(task["started_at"], task["ended_at"]), right=True),
)


@TASK.command("ls")
def ls(
    run: Run,
    *,
    state: Annotated[
        str | None,
        typer.Option(
            help=f"Only {', '.join(STATES[:-1])} or {STATES[-1]} ones.", autocompletion=names.words(*STATES)
        ),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only of this kind, such as vm.create.", autocompletion=names.kinds_of_tasks)
    ] = None,
    vm: Annotated[str | None, typer.Option(help="Only of this machine.", autocompletion=names.vms)] = None,
    user: Annotated[str | None, typer.Option(help="Only of this person.", autocompletion=names.users)] = None,
    limit: options.Limit = 30,
) -> None:
    """List tasks, the newest first."""
    query = {"state": state, "kind": kind, "object": object_id(run, vm), "user": user}
    run.table(run.client.every("/tasks", query, most=limit), _COLUMNS, empty="no tasks")


def object_id(run: Run, vm: str | None) -> str | None:
    """The id by which tasks and facts name a machine."""
    return None if vm is None else str(run.client.get(path("vms", vm))["id"])


@TASK.command("show")
def show(run: Run, task: _Task) -> None:
    """Show all that is known of a task."""
    told = run.client.get(path("tasks", task))
    if run.json:
        output.put_json(told)
        return
    error = told["error"] or {}
    step = f"{told['step_number']} of {told['step_count']}: {told['step']}" if told["step_count"] else told["step"]
    output.put_facts(
        [
            ("Title", told["title"]),
            ("State", told["state"] + (", to be cancelled" if told["cancel_requested"] else "")),
            ("Step", step),
            ("Progress", _progress(told)),
            ("Detail", told["detail"]),
            ("Error", error.get("detail")),
            ("Hint", error.get("hint")),
            ("Left behind", "\n".join(told["not_undone"])),
            ("About", f"{told['object']['kind']} {told['object']['name']}"),
            ("Kind", told["kind"]),
            ("User", told["user"]),
            ("Created", shown_time(told["created_at"])),
            ("Took", shown_duration(told["started_at"], told["ended_at"])),
            ("Id", told["id"]),
        ]
    )


@TASK.command("wait")
def wait(run: Run, tasks: _Tasks) -> None:
    """Follow tasks to their end; the exit status says how they ended."""
    follow.finish(run, [run.client.get(path("tasks", task)) for task in tasks], wait=True)


@TASK.command("cancel")
def cancel(run: Run, tasks: _Tasks, no_wait: options.NoWait = False) -> None:
    """Ask tasks to stop, and to undo what they did."""
    asked = [run.client.post(path("tasks", task, "cancel")) for task in tasks]
    if no_wait:
        follow.finish(run, asked, wait=False)
        return
    ended = follow.follow(run, asked)
    if run.json:
        output.put_json(ended[0] if len(ended) == 1 else ended)
    late = [task for task in ended if task["state"] != "cancelled"]
    for task in ended:
        if task["state"] == "cancelled":
            output.say(f"{task['title']}: cancelled")
            for thing in task["not_undone"]:
                output.say(f"  left behind: {thing}")
    if late:
        output.say("too late for: " + ", ".join(f"{task['title']} ({task['state']})" for task in late))
        raise typer.Exit(output.Status.FAILED)


@TASK.command("log")
def log(
    run: Run,
    task: _Task,
    *,
    follow_it: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the task has ended.")] = False,
) -> None:
    """Print the log of a task."""
    lines = _followed(run, task) if follow_it else _lines(run, task, after=0)
    if run.json and not follow_it:
        output.put_json(list(lines))
        return
    for line in lines:
        if run.json:
            output.put_json(line, one_line=True)
        else:
            output.put_line(f"{shown_time(line['at'])}  {line['text']}")
        output.flush()


def _lines(run: Run, task: str, *, after: int) -> Iterator[Json]:
    """The lines that the server has, from a number on."""
    while page := run.client.get(path("tasks", task, "log"), {"after": after, "limit": 500})["items"]:
        yield from page
        after = page[-1]["number"]


def _followed(run: Run, task: str) -> Iterator[Json]:
    """All lines, those there are and those that come, until the task has ended."""
    last = 0
    for event in events.follow(run.client):
        told: Json | None = None
        if event.is_new_start():
            told = events.patiently(run.client, path("tasks", task))
        elif event.kind == "fact" and event.data["object"]["id"] == task:
            told = event.data["data"]
        elif event.kind != "progress" or event.data["task"] != task:
            continue
        for line in _lines(run, task, after=last):
            last = line["number"]
            yield line
        if told and told["state"] in follow.ENDED:
            return
