"""Snapshots of a stopped machine's disks."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import follow, names, options
from skerry.cli.client import path
from skerry.cli.options import shown_time
from skerry.cli.output import Column
from skerry.cli.program import Run, typer
from skerry.cli.vm.noun import SNAPSHOT

_New = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="Name of the snapshot.")]
_Snapshot = Annotated[
    str, typer.Argument(metavar="SNAPSHOT", help="Name of the snapshot.", autocompletion=names.snapshots)
]

_COLUMNS = (
    Column("NAME", lambda snapshot: snapshot["name"]),
    Column("TAKEN", lambda snapshot: shown_time(snapshot["created_at"])),
    Column("CURRENT", lambda snapshot: snapshot["current"]),
    Column("DESCRIPTION", lambda snapshot: snapshot["description"]),
)


@SNAPSHOT.command("ls")
def ls(run: Run, name: options.Vm) -> None:
    """List the snapshots of a machine."""
    items = run.client.get(path("vms", name, "snapshots"))["items"]
    run.table(items, _COLUMNS, empty=f"no snapshots; take one: skerry vm snapshot create {name} SNAPSHOT")


@SNAPSHOT.command("create")
def create(
    run: Run,
    name: options.Vm,
    snapshot: _New,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    no_wait: options.NoWait = False,
) -> None:
    """Take a snapshot of a stopped machine's disks."""
    task = run.client.post(path("vms", name, "snapshots"), {"name": snapshot, "description": description})
    follow.finish(run, [task], wait=not no_wait)


@SNAPSHOT.command("revert")
def revert(
    run: Run, name: options.Vm, snapshot: _Snapshot, yes: options.Yes = False, no_wait: options.NoWait = False
) -> None:
    """Make the disks of a stopped machine what they were."""
    run.confirm(f"Lose what {name} wrote to its disks since {snapshot}?", yes=yes)
    task = run.client.post(path("vms", name, "snapshots", snapshot, "revert"))
    follow.finish(run, [task], wait=not no_wait)


@SNAPSHOT.command("delete")
def delete(
    run: Run, name: options.Vm, snapshot: _Snapshot, yes: options.Yes = False, no_wait: options.NoWait = False
) -> None:
    """Forget a snapshot; the disks stay as they are now."""
    run.confirm(f"Forget the snapshot {snapshot} of {name}?", yes=yes)
    follow.finish(run, [run.client.delete(path("vms", name, "snapshots", snapshot))], wait=not no_wait)
