"""`skerry guest-os create`: what the script `create` of our definition is."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

from skerry.cli import output
from skerry.cli.program import Noun, Run, typer

SysConfDir = Annotated[str, typer.Option("--sysconfdir", help="Where settings are.")]
LocalStateDir = Annotated[str, typer.Option("--localstatedir", help="Where the cache of prepared tars is.")]


def add_verbs(noun: Noun) -> None:
    """Add `create`."""
    noun.command("create")(create)


def create(run: Run, *, sysconfdir: SysConfDir = "/etc", localstatedir: LocalStateDir = "/var") -> None:
    """Install a guest on the first disk of the instance that the environment describes.

    Ganeti calls this, by the script `create` of the definition; all it says goes into Ganeti's log.
    """
    from skerry.commands import CommandRunner  # noqa: PLC0415 - slow, and only for this
    from skerry.guestos.settings import Places  # noqa: PLC0415
    from skerry.guestos.told import create_as_told  # noqa: PLC0415

    del run
    open_standard_streams()
    os.umask(0o022)  # Ganeti's would keep users of the guest from its files
    places = Places(Path(sysconfdir), Path(localstatedir))
    asyncio.run(create_as_told(os.environ, places, Path.cwd(), CommandRunner(), Log()))


def open_standard_streams() -> None:
    """Whoever calls us may have closed them, and what we open must not become one of them."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)


class Log:
    """Progress for a log; both outputs of a script go there."""

    def step(self, name: str) -> None:
        """Say the step."""
        output.say(name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """A log has no bar."""

    def log(self, line: str) -> None:
        """Say the line."""
        output.say(line)
