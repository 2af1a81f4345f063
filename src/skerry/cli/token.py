"""`skerry token`: API tokens for programs."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import names, output
from skerry.cli.client import path
from skerry.cli.options import Yes, shown_time
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer
from skerry.errors import NotFound

TOKEN = Noun("API tokens for programs.")
app = TOKEN.app

_COLUMNS = (
    Column("NAME", lambda token: token["name"]),
    Column("CREATED", lambda token: shown_time(token["created_at"])),
    Column("ENDS", lambda token: shown_time(token["expires_at"]) or "never"),
    Column("LAST USED", lambda token: shown_time(token["last_used_at"]) or "never"),
    Column("ID", lambda token: token["id"]),
)


@TOKEN.command("ls")
def ls(run: Run) -> None:
    """List your API tokens; their secrets are shown nowhere."""
    run.table(run.client.every("/tokens"), _COLUMNS, empty="no tokens; make one: skerry token create NAME")


@TOKEN.command("create")
def create(
    run: Run,
    name: str,
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="It ends after so many days.")] = 90,
    never: Annotated[bool, typer.Option("--never", help="It does not end.")] = False,
) -> None:
    """Make an API token, and print its secret: the only time it is shown."""
    token = run.client.post("/tokens", {"name": name, "expires_in_days": None if never else days})
    if run.json:
        output.put_json(token)
    else:
        output.say("keep this secret; it is not shown again. Programs use it as SKERRY_TOKEN.")
        output.put_line(token["secret"])


@TOKEN.command("delete")
def delete(
    run: Run,
    token: Annotated[str, typer.Argument(help="Name or id of the token.", autocompletion=names.tokens)],
    *,
    yes: Yes = False,
) -> None:
    """End an API token; what uses it is signed out."""
    known = {word: item for item in run.client.every("/tokens") for word in (item["name"], item["id"])}
    if token not in known:
        raise NotFound(f"there is no token {token}", hint="skerry token ls lists them")
    run.confirm(f"End the token {known[token]['name']}?", yes=yes)
    run.client.delete(path("tokens", known[token]["id"]))
    if not run.json:
        output.say(f"ended {known[token]['name']}")
