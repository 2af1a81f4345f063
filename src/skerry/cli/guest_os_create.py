"""`skerry guest-os create`, which the script `create` of our definition calls, and `hooks`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from skerry.cli import output
from skerry.cli.ending import run_until_told
from skerry.cli.guest_os_options import Localstatedir, Sysconfdir
from skerry.cli.program import Noun, Run, typer


def add_verbs(noun: Noun) -> None:
    """Put these verbs below `guest-os`."""
    noun.command("create")(create)
    noun.command("hooks")(hooks)


def create(run: Run, *, sysconfdir: Sysconfdir = "/etc", localstatedir: Localstatedir = "/var") -> None:
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
    run_until_told(create_as_told(os.environ, places, Path.cwd(), CommandRunner(), Log()))


def hooks(
    run: Run,
    names: Annotated[list[str] | None, typer.Argument(metavar="HOOK", help="Only these hooks.")] = None,
    *,
    to: Annotated[str | None, typer.Option("--to", metavar="DIR", help="Write them here, to be run.")] = None,
) -> None:
    """List the hooks that come with Skerry, or put some where they are run (CUSTOMIZE_DIR)."""
    from skerry.guestos.hook_library import library, write_hooks  # noqa: PLC0415 - slow, and only for this

    if to is not None:
        written = write_hooks(names or [hook.name for hook in library()], Path(to))
        if run.json:
            output.put_json([str(path) for path in written])
        else:
            output.put("".join(f"{path}\n" for path in written))
        return
    chosen = [hook for hook in library() if not names or hook.name in names]
    items = [{"name": hook.name, "help": hook.help} for hook in chosen]
    columns = (
        output.Column("HOOK", lambda item: item["name"]),
        output.Column("WHAT IT DOES", lambda item: item["help"]),
    )
    run.table(items, columns, empty="no such hooks")


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
