"""`skerry upload`: images that were sent, wholly or in part, and are not in the library."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import names, output
from skerry.cli.client import path
from skerry.cli.options import Yes, shown_size, shown_time
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer

UPLOAD = Noun("Images that were sent, and not imported yet.")
app = UPLOAD.app

_COLUMNS = (
    Column("ID", lambda upload: upload["id"]),
    Column("FILE", lambda upload: upload["name"]),
    Column("USER", lambda upload: upload["user"]),
    Column("RECEIVED", lambda upload: shown_size(upload["received"]), right=True),
    Column("SIZE", lambda upload: shown_size(upload["size"]), right=True),
    Column("REMOVED AT", lambda upload: shown_time(upload["expires_at"])),
)


@UPLOAD.command("ls")
def ls(run: Run) -> None:
    """List uploads that were not imported; they are removed by themselves when nobody goes on with them."""
    run.table(run.client.every("/uploads"), _COLUMNS, empty="no uploads")


@UPLOAD.command("delete")
def delete(
    run: Run,
    uploads: Annotated[
        list[str], typer.Argument(metavar="UPLOAD", help="Ids of uploads.", autocompletion=names.uploads)
    ],
    *,
    yes: Yes = False,
) -> None:
    """Throw uploads away."""
    run.confirm(f"Throw {len(uploads)} uploads away?" if len(uploads) > 1 else "Throw the upload away?", yes=yes)
    for upload in uploads:
        run.client.delete(path("uploads", upload))
        if not run.json:
            output.say(f"threw {upload} away")
