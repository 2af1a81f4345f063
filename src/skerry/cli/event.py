"""`skerry event`: what happened, and what happens."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import events, names, output
from skerry.cli.client import Json
from skerry.cli.options import shown_time
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer
from skerry.cli.task import object_id

EVENT = Noun("What happened, and what happens.")
app = EVENT.app

_Vm = Annotated[str | None, typer.Option(help="Only about this machine.", autocompletion=names.vms)]
_Kind = Annotated[
    str | None, typer.Option(help="Only of this kind, such as vm.changed.", autocompletion=names.kinds_of_facts)
]

_COLUMNS = (
    Column("TIME", lambda fact: shown_time(fact["at"])),
    Column("KIND", lambda fact: fact["kind"]),
    Column("USER", lambda fact: fact["user"]),
    Column("WHAT", lambda fact: fact["summary"]),
)


@EVENT.command("ls")
def ls(
    run: Run,
    *,
    vm: _Vm = None,
    kind: _Kind = None,
    before: Annotated[str | None, typer.Option(metavar="ID", help="Only older ones than this.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="Show so many.")] = 30,
) -> None:
    """List what happened, the newest first."""
    query = {"object": object_id(run, vm), "kind": kind, "before": before, "limit": limit}
    run.table(run.client.get("/facts", query)["items"], _COLUMNS, empty="nothing has happened")


@EVENT.command("follow")
def follow(
    run: Run,
    *,
    vm: _Vm = None,
    kind: _Kind = None,
    after: Annotated[str | None, typer.Option(metavar="ID", help="Begin after this one, not now.")] = None,
) -> None:
    """Print what happens, until Ctrl-C; with --json one object a line."""
    about = object_id(run, vm)
    for event in events.follow(run.client, after=after):
        if event.kind == "reset":
            output.say("some events were missed: they are too old by now")
        elif event.kind == "fact" and _wanted(event.data, about, kind):
            if run.json:
                output.put_json(event.data, one_line=True)
            else:
                fact = event.data
                who = f" ({fact['user']})" if fact["user"] else ""
                output.put_line(f"{shown_time(fact['at'])}  {fact['summary']}{who}")
            output.flush()


def _wanted(fact: Json, about: str | None, kind: str | None) -> bool:
    return about in {None, fact["object"]["id"]} and kind in {None, fact["kind"]}
