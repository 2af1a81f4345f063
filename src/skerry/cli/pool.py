"""`skerry pool`: resource pools."""

from __future__ import annotations

from skerry.cli.output import Column
from skerry.cli.program import Noun, Run

POOL = Noun("Resource pools: what belongs together.")
app = POOL.app

_COLUMNS = (
    Column("PATH", lambda pool: pool["path"]),
    Column("NAME", lambda pool: pool["name"]),
    Column("ID", lambda pool: pool["id"]),
)


@POOL.command("ls")
def ls(run: Run) -> None:
    """List resource pools."""
    run.table(run.client.every("/pools"), _COLUMNS, empty="no pools")
