"""`skerry login`, `logout` and `whoami`: which server, as whom, and how we know that it is the right one."""

from __future__ import annotations

import contextlib
import getpass
import platform
import re
import secrets
import ssl
import sys
from dataclasses import dataclass
from typing import Annotated

from skerry.cli import output
from skerry.cli.certificates import (
    CannotReach,
    CertificateChanged,
    Pin,
    parse_fingerprint,
    pin_of,
    shown_fingerprint,
)
from skerry.cli.client import Client, Json, Refused, path
from skerry.cli.credentials import Server, normal_url
from skerry.cli.local import LocalServer, find_local
from skerry.cli.program import Run, is_terminal, single, typer
from skerry.errors import BadInput, NotFound, SkerryError, Unauthenticated

ADMIN = "admin"


class NotTrusted(CannotReach):
    """Nobody vouched for the server's certificate."""

    code = "not-trusted"


def login(
    run: Run,
    url: Annotated[
        str | None,
        typer.Argument(metavar="[URL]", help="The server; without it, the one that runs on this machine."),
    ] = None,
    *,
    user: Annotated[str | None, typer.Option(help="Sign in as this person.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin; do not ask.")
    ] = False,
    fingerprint: Annotated[
        str | None, typer.Option(help="Trust the certificate with this SHA-256 fingerprint; do not ask.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Stay signed in for so many days.")] = 90,
) -> None:
    """Sign in to a server: trust its certificate once, and keep an API token."""
    asked = url or run.server_url
    found = _local_at(run, asked) if asked else find_local(run.environ)
    address = normal_url(asked or (found.url if found else _nothing_here(run)))
    pin = _trusted(run, address, fingerprint, found)
    before = run.credentials.find(address)
    server = _with_first_password(run, Server(address, pin), user, None if password_stdin else found, days)
    if server is None:
        name, password = _who(user, from_stdin=password_stdin)
        server = _with_token(run, Server(address, pin), name, password, days)
    run.credentials.remember(server)
    if before and before.token_id and before.token:
        _revoke(Client(server), before.token_id)
    if run.json:
        output.put_json({"url": server.url, "user": server.user, "fingerprint": pin.certificate if pin else None})
    else:
        output.say(f"signed in to {server.url} as {server.user}")


def _nothing_here(run: Run) -> str:
    if named := run.environ.get("SKERRY_URL"):
        return named
    raise NotFound("no Skerry runs here for you", hint="skerry up starts one; or name one: skerry login URL")


# ---- which server


@dataclass(frozen=True)
class _Shown:
    """The certificate that a server shows, and whether this machine's authorities vouch for it."""

    der: bytes
    vouched: bool


def _local_at(run: Run, url: str) -> LocalServer | None:
    """The server of this machine, where that is the one that was named: nobody is asked about its certificate."""
    with contextlib.suppress(SkerryError):  # what is here, and cannot be looked at, is not what was asked for
        found = find_local(run.environ)
        return found if found is not None and found.url == url.rstrip("/") else None
    return None


def _trusted(run: Run, url: str, fingerprint: str | None, local: LocalServer | None) -> Pin | None:
    """The pin of the server's certificate, or None where an authority of this machine vouches for it.

    Raises:
        NotTrusted: the person, or what they gave, says that it is not theirs.
    """
    shown = _look(url)
    pin = pin_of(shown.der)
    told = parse_fingerprint(fingerprint) if fingerprint else local.fingerprint if local else None
    if told:
        if told == pin.certificate:
            return pin
        raise NotTrusted(
            f"{url} shows the certificate {shown_fingerprint(pin.certificate)}, and not {shown_fingerprint(told)}",
            hint="look at the fingerprint again; if it is right, somebody stands between you and the server",
        )
    if shown.vouched:
        return None
    before = run.credentials.find(url)
    if before and before.pin and before.pin.accepts(shown.der):
        return pin
    _ask_for_trust(url, pin, before)
    return pin


def _look(url: str) -> _Shown:
    """See what certificate a server shows; nothing is sent to it.

    Raises:
        CannotReach: it does not answer.
    """
    try:
        with Client(Server(url)).socket() as socket:
            return _Shown(socket.getpeercert(binary_form=True) or b"", vouched=True)
    except CannotReach as exc:
        if not isinstance(exc.__cause__, ssl.SSLCertVerificationError):
            raise
    with Client(Server(url, Pin(""))).socket(check=False) as socket:
        return _Shown(socket.getpeercert(binary_form=True) or b"", vouched=False)


def _ask_for_trust(url: str, pin: Pin, before: Server | None) -> None:
    if before and before.pin:
        output.say(
            f"WARNING: the certificate of {url} is not the one that you trusted before; somebody may listen in.\n"
            f"  trusted: {shown_fingerprint(before.pin.certificate)}"
        )
    output.say(f"{url} shows a certificate with the SHA-256 fingerprint\n  {shown_fingerprint(pin.certificate)}")
    hint = (
        f"skerry up printed it when it started; if it is right: --fingerprint {shown_fingerprint(pin.certificate)}"
    )
    if not is_terminal(0) or not is_terminal(2):
        raise NotTrusted("nobody is there to say whether this certificate is the right one", hint=hint)
    if not typer.confirm("Is it the one that skerry up printed on that server?", default=False, err=True):
        raise NotTrusted(f"the certificate of {url} was not trusted, and nothing was sent to it", hint=hint)


# ---- as whom


def _with_first_password(
    run: Run, server: Server, user: str | None, local: LocalServer | None, days: int
) -> Server | None:
    """Sign in to the server of this machine as it was set up; None where that holds no longer, or is not asked."""
    if local is None or not local.password or user not in {None, ADMIN}:
        return None
    try:
        return _with_token(run, server, ADMIN, local.password, days)
    except Refused as exc:
        if exc.problem.get("code") != Unauthenticated.code:
            raise
        output.say(f"{ADMIN} has another password than the first one by now")
        return None


def _who(user: str | None, *, from_stdin: bool) -> tuple[str, str]:
    """Name and password, asked for where they were not given.

    Raises:
        BadInput: there is nobody to ask.
    """
    if from_stdin:
        return user or ADMIN, sys.stdin.readline().rstrip("\r\n")
    if not is_terminal(0) or not is_terminal(2):
        raise BadInput("there is nobody to ask for the password", hint="give it with --password-stdin")
    name = user or typer.prompt("User", default=ADMIN, err=True)
    return name, getpass.getpass(f"Password of {name}: ", stream=sys.stderr)


def _with_token(run: Run, server: Server, user: str, password: str, days: int) -> Server:
    """Sign in with the password, make a token for this machine, and sign out again.

    Raises:
        Unauthenticated: name or password is wrong.
    """
    client = Client(server, debug=run.debug)
    try:
        answer = client.call("POST", "/sessions", {"user": user, "password": password})
        client.headers["Cookie"] = answer.headers.get("set-cookie", "").partition(";")[0]
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        token: Json = client.post("/tokens", {"name": _token_name(), "expires_in_days": days})
        client.delete("/sessions/current")
    except Refused as exc:
        if exc.problem.get("code") == Unauthenticated.code:
            exc.hint = f"is {user} spelled right? passwords are case-sensitive"
        raise
    finally:
        client.close()
    return Server(server.url, server.pin, user, token["secret"], token["id"])


def _token_name() -> str:
    """Says on the server where the token is: `cli-laptop-1f3a`."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", platform.node())[:40] or "somewhere"
    return f"cli-{host}-{secrets.token_hex(2)}"


def _revoke(client: Client, token_id: str) -> None:
    try:
        client.delete(path("tokens", token_id))
    except SkerryError as exc:
        output.say(f"an old token could not be deleted: {exc.message}")
    finally:
        client.close()


def logout(run: Run) -> None:
    """Sign out: delete the token on the server, and forget it here."""
    server = run.server
    try:
        if server.token_id:
            run.client.delete(path("tokens", server.token_id))
    except CertificateChanged:
        raise
    except (CannotReach, Refused) as exc:
        output.say(f"the token could not be deleted on the server: {exc.message}")
    run.credentials.forget(server.url)
    if run.json:
        output.put_json({"url": server.url})
    else:
        output.say(f"signed out of {server.url}")


def whoami(run: Run) -> None:
    """Say who is signed in, and where."""
    [token] = run.client.every("/tokens", most=1)  # one's own; there is at least the one that is used here
    if run.json:
        output.put_json({"user": token["user"], "url": run.server.url})
    else:
        output.put_facts([("User", token["user"]), ("Server", run.server.url)])


login_app, logout_app, whoami_app = single(login), single(logout), single(whoami)
