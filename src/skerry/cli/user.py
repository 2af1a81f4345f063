"""`skerry user`: people who may sign in."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

from skerry.cli import names, output
from skerry.cli.client import path
from skerry.cli.options import Yes, shown_time
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, is_terminal, typer
from skerry.errors import BadInput

USER = Noun("People who may sign in.")
app = USER.app

_COLUMNS = (
    Column("NAME", lambda user: user["name"]),
    Column("ADMINISTRATOR", lambda user: user["admin"]),
    Column("CREATED", lambda user: shown_time(user["created_at"])),
)
_Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read passwords from stdin, one a line; do not ask.")
]


@USER.command("ls")
def ls(run: Run) -> None:
    """List people."""
    run.table(run.client.every("/users"), _COLUMNS, empty="nobody")


@USER.command("add")
def add(
    run: Run,
    name: str,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    password_stdin: _Stdin = False,
) -> None:
    """Add a person, who signs in with a password."""
    password = _password("Password", from_stdin=password_stdin, again=True)
    user = run.client.post("/users", {"name": name, "password": password, "admin": admin})
    if run.json:
        output.put_json(user)
    else:
        output.say(f"added {user['name']}")


@USER.command("delete")
def delete(
    run: Run,
    name: Annotated[str, typer.Argument(help="Who.", autocompletion=names.users)],
    *,
    yes: Yes = False,
) -> None:
    """Remove a person, with their sessions and tokens; their machines stay."""
    run.confirm(f"Remove {name}?", yes=yes)
    run.client.delete(path("users", name))
    if not run.json:
        output.say(f"removed {name}")


@USER.command("passwd")
def passwd(run: Run, *, password_stdin: _Stdin = False) -> None:
    """Change your own password; with --password-stdin the old one comes first."""
    old = _password("Old password", from_stdin=password_stdin)
    new = _password("New password", from_stdin=password_stdin, again=True)
    run.client.put("/users/me/password", {"old_password": old, "new_password": new})
    if not run.json:
        output.say("your password was changed")


def _password(what: str, *, from_stdin: bool, again: bool = False) -> str:
    """A password, from stdin or typed unseen.

    Raises:
        BadInput: there is nobody to ask, or the two are not the same.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not is_terminal(0) or not is_terminal(2):
        raise BadInput("there is nobody to ask for the password", hint="give it with --password-stdin")
    password = getpass.getpass(f"{what}: ", stream=sys.stderr)
    if again and getpass.getpass(f"{what}, again: ", stream=sys.stderr) != password:
        raise BadInput("the two passwords are not the same")
    return password
