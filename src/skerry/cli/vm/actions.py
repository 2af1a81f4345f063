"""What changes whether a machine runs: start, shut down, power off and so on, for any number of machines."""

from __future__ import annotations

from typing import Annotated, Any

from skerry.cli import follow, options
from skerry.cli.client import Json, path
from skerry.cli.program import Run, typer
from skerry.cli.vm.noun import VM

_Timeout = Annotated[float, typer.Option("--timeout", min=1, max=3600, help="Seconds that the guest may take.")]


def act(run: Run, machines: list[str], *, wait: bool, **request: Any) -> None:  # noqa: ANN401 - VmActionRequest
    """Ask for the same action on each machine, then follow all."""

    def ask(machine: str) -> Json:
        task: Json = run.client.post(path("vms", machine, "actions"), request)
        return task

    follow.finish_each(run, machines, ask, wait=wait)


def _simple(action: str, words: str) -> None:
    def command(run: Run, machines: options.Vms, no_wait: options.NoWait = False) -> None:
        act(run, machines, wait=not no_wait, action=action)

    command.__doc__ = words
    VM.command(action)(command)


_simple("start", "Start machines.")


@VM.command("shutdown")
def shutdown(
    run: Run,
    machines: options.Vms,
    timeout: _Timeout = 120,
    force: Annotated[bool, typer.Option("--force", help="Power off when the time is over.")] = False,
    no_wait: options.NoWait = False,
) -> None:
    """Ask the guests to shut down."""
    act(run, machines, wait=not no_wait, action="shutdown", timeout_s=timeout, force_after=force)


_simple("poweroff", "Switch machines off at once, like pulling the plug.")
_simple("reboot", "Ask the guests to reboot; whether they do is not waited for.")
_simple("reset", "Reset machines at once, like pressing the button.")
_simple("pause", "Halt machines where they are; they keep their memory.")
_simple("resume", "Let paused machines go on.")
_simple("save", "Save the memory of machines to disk, and stop them.")
_simple("restore", "Let saved machines go on where they were.")
