"""`vm console`: the serial console in this terminal, or the graphical one for a VNC viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from skerry.cli import options
from skerry.cli.program import Run, typer
from skerry.cli.vm.noun import VM
from skerry.errors import BadInput


@VM.command("console")
def console(
    run: Run,
    name: options.Vm,
    escape: Annotated[str, typer.Option(help="The key that leaves it: ^ and a letter or one of ]\\^_.")] = "^]",
    graphics: Annotated[
        bool, typer.Option("--graphics", help="Offer the screen on a unix socket, for VNC.")
    ] = False,
    socket: Annotated[Path | None, typer.Option(help="With --graphics: where the socket is to be.")] = None,
) -> None:
    """Open the serial console of a machine; Ctrl-] leaves it."""
    if graphics:
        from skerry.cli.vm.screen import offer  # noqa: PLC0415 - slow imports

        offer(run, name, socket)
        return
    if socket:
        raise BadInput("--socket needs --graphics")
    from skerry.cli.vm.serial import attach  # noqa: PLC0415 - slow imports

    attach(run, name, escape_key(escape))


def escape_key(word: str) -> bytes:
    """The byte that a terminal sends for `^]` and the like.

    Raises:
        BadInput: it is no control key.
    """
    letter = word.removeprefix("^").upper()
    if len(word) != 2 or not word.startswith("^") or not "A" <= letter <= "_":
        raise BadInput(f"--escape: {word!r} is not a control key", hint="such as ^] or ^A")
    return bytes([ord(letter) & 0x1F])
