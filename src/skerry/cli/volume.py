"""`skerry volume`: disks in storage pools."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import names, options
from skerry.cli.options import shown_size
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer

VOLUME = Noun("Volumes in storage pools.")
app = VOLUME.app

_COLUMNS = (
    Column("POOL", lambda volume: volume["storage_pool"]),
    Column("NAME", lambda volume: volume["name"]),
    Column("FORMAT", lambda volume: volume["format"]),
    Column("SIZE", lambda volume: shown_size(volume["capacity"]), right=True),
    Column("ON DISK", lambda volume: shown_size(volume["allocation"]), right=True),
    Column("USED BY", lambda volume: ", ".join(volume["used_by"])),
    Column("STANDS ON", lambda volume: volume["backing"]),
)


@VOLUME.command("ls")
def ls(
    run: Run,
    *,
    storage_pool: Annotated[str | None, typer.Option("--pool", help="Only those in this storage pool.")] = None,
    host: Annotated[str | None, typer.Option(help="Only those of this host.", autocompletion=names.hosts)] = None,
    limit: options.Limit = None,
) -> None:
    """List volumes."""
    query = {"storage_pool": storage_pool, "host": host}
    run.table(run.client.every("/volumes", query, most=limit), _COLUMNS, empty="no volumes")
