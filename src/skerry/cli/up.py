"""`skerry up`: manager and host of this machine in one process, in the foreground."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skerry.cli import output
from skerry.cli.program import Run, single
from skerry.cli.running import under_systemd
from skerry.cli.up_settings import load_settings, options

if TYPE_CHECKING:
    from skerry.cli.serve import Ready

PASSWORD_FILE = "admin-password"  # noqa: S105 - a file name

# Their lines carry query strings and tickets, or say nothing to people who run Skerry.
_QUIET = ("aiosqlite", "alembic", "asyncio", "dbos", "httpx", "uvicorn", "websockets")

_log = logging.getLogger(__name__)


def up(run: Run, **given: object) -> None:
    """Start manager and host on this machine, and stay until Ctrl-C; machines stay running.

    The address, and at the first start the password of admin, go to stdout; the log goes to stderr. Each option
    can also stand in the environment, or in the file of settings: /etc/skerry/up.toml for root, else
    ~/.config/skerry/up.toml.
    """
    config = given.pop("config")
    reset = given.pop("reset_admin_password") is True
    settings = load_settings(given, config if isinstance(config, Path) else None)
    _log_to_stderr("debug" if run.debug else settings.log_level)
    from skerry.cli.serve import serve  # noqa: PLC0415 - slow; mistakes in the settings were told before

    def announce(ready: Ready) -> None:
        password = ready.password
        if password is not None and under_systemd():  # what is printed would stay in the journal
            _keep(settings.data_dir / PASSWORD_FILE, password)
            password = None
        output.put(_as_json(ready, password) if run.json else _as_words(ready, password))
        sys.stdout.flush()

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(serve(settings, announce, reset_password=reset))


_CONFIG = Annotated[Path | None, typer.Option("--config", help="File of settings (TOML).", metavar="PATH")]
_RESET = Annotated[
    bool, typer.Option("--reset-admin-password", help="Make a new password for admin, and print it.")
]


def _parameter(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


up.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # read by Typer
    [
        inspect.Parameter("run", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Run),
        _parameter("config", _CONFIG, None),
        _parameter("reset_admin_password", _RESET, default=False),
        *options(),
    ]
)
app = single(up)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop  # noqa: PLC0415 - only the running program needs it

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _log_to_stderr(level: str) -> None:
    form = "%(levelname)s %(name)s: %(message)s"
    if not under_systemd():
        form = "%(asctime)s " + form
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format=form)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _keep(file: Path, password: str) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(password + "\n")
    _log.warning("the password of admin is in %s; remove the file when you know it", file)


def _as_json(ready: Ready, password: str | None) -> str:
    told = {"url": ready.url, "certificate_sha256": ready.fingerprint, "user": "admin", "password": password}
    return json.dumps(told) + "\n"


def _as_words(ready: Ready, password: str | None) -> str:
    lines = [f"Skerry is ready: {ready.url}"]
    if password is not None:
        lines += [
            "  user      admin",
            f"  password  {password}",
            "            (shown this once; change it on the page)",
        ]
    if ready.own_certificate:
        lines.append("Browsers will ask about the certificate, as this machine made it itself.")
    lines += ["The SHA-256 fingerprint of the certificate is", f"  {ready.fingerprint}"]
    return "\n".join([*lines, "Ctrl-C stops Skerry; virtual machines keep running.", ""])
