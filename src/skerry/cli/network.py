"""`skerry network`: what machines can be plugged into."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import names
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer

NETWORK = Noun("Networks that machines can be plugged into.")
app = NETWORK.app

_COLUMNS = (
    Column("NAME", lambda network: network["name"]),
    Column("KIND", lambda network: network["kind"]),
    Column("STATE", lambda network: "active" if network["active"] else "inactive"),
    Column("FORWARDS", lambda network: network["forward"] or "isolated"),
    Column("BRIDGE", lambda network: network["bridge"]),
    Column("ADDRESSES", lambda network: ", ".join(network["addresses"])),
    Column("DHCP", lambda network: network["dhcp"]),
    Column("AUTOSTART", lambda network: network["autostart"]),
)


@NETWORK.command("ls")
def ls(
    run: Run,
    *,
    host: Annotated[str | None, typer.Option(help="Only those of this host.", autocompletion=names.hosts)] = None,
) -> None:
    """List networks."""
    run.table(run.client.get("/networks", {"host": host})["items"], _COLUMNS, empty="no networks")
