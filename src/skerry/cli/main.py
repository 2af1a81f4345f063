"""The program `skerry`: finds the noun, runs its command, turns what went wrong into two lines and a status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from skerry.cli import names, output
from skerry.cli.groups import Entry, Lazy, group, typer, without_typers_own
from skerry.cli.output import Status
from skerry.cli.program import Run
from skerry.cli.quick import quicken
from skerry.errors import BadInput, SkerryError, Unavailable

NOUNS: dict[str, Entry] = {
    "up": Lazy("skerry.cli.up", "Start manager and host on this machine."),
    "down": Lazy("skerry.cli.down", "Stop what `skerry up` started; machines stay running."),
    "login": Lazy("skerry.cli.login", "Sign in to a server, and remember it.", "login_app"),
    "logout": Lazy("skerry.cli.login", "Sign out, and forget the token.", "logout_app"),
    "whoami": Lazy("skerry.cli.login", "Say who is signed in, and where.", "whoami_app"),
    "vm": Lazy("skerry.cli.vm.app", "Virtual machines."),
    "image": Lazy("skerry.cli.image", "Images: templates to clone machines from, and ISO files."),
    "guest-os": Lazy("skerry.cli.guest_os", "Guest OS definitions: what fills the disks of machines."),
    "volume": Lazy("skerry.cli.volume", "Volumes in storage pools."),
    "upload": Lazy("skerry.cli.uploads", "Images that were sent, and not imported yet."),
    "network": Lazy("skerry.cli.network", "Networks that machines can be plugged into."),
    "host": Lazy("skerry.cli.host", "Hosts that run the machines."),
    "pool": Lazy("skerry.cli.pool", "Resource pools: what belongs together."),
    "task": Lazy("skerry.cli.task", "Tasks: long work, its progress, log and end."),
    "event": Lazy("skerry.cli.event", "What happened, and what happens."),
    "user": Lazy("skerry.cli.user", "People who may sign in."),
    "token": Lazy("skerry.cli.token", "API tokens for programs."),
    "service": Lazy("skerry.cli.service", "Run `skerry up` at every boot, as a systemd unit."),
    "backup": Lazy("skerry.cli.backup", "Save the manager's database into a file.", "backup_app"),
    "restore": Lazy("skerry.cli.backup", "Bring the manager's database back from a file.", "restore_app"),
    "completion": Lazy("skerry.cli.completion", "Print the completion script for a shell."),
    "version": Lazy("skerry.cli.version", "Say which version this is, and which the server is."),
}


app = typer.Typer(cls=group(NOUNS))  # with completion, so that Typer answers shells; its options are left out


@app.callback()
def skerry(
    ctx: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show requests, and tracebacks of errors.")] = False,
    server: Annotated[str | None, typer.Option("--server", metavar="URL", help="Talk to this server.")] = None,
) -> None:
    """Turns bare machines into a private cloud.

    Data goes to stdout, words to stderr. Every command takes --json, and --help.
    """
    run = ctx.obj
    assert isinstance(run, Run)
    run.json, run.debug, run.server_url = json, debug, server


def root() -> Any:  # noqa: ANN401 - Typer's own class
    """The whole command line."""
    command = typer.main.get_command(app)
    command.params = without_typers_own(command.params)
    quicken(command)
    return command


def complete(instruction: str) -> None:
    """Answer a shell, such as `source_bash` with the script for it."""
    os.environ["_SKERRY_COMPLETE"] = instruction
    with contextlib.suppress(SystemExit):
        root().main([], "skerry")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = run_command(Run(), arguments or ["--help"])
        output.flush()
    except output.ReaderGone:
        # Whatever is left in the buffer must not be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.BROKEN_PIPE
    return status


def run_command(run: Run, arguments: Sequence[str]) -> int:
    """Run one command, with every error told and turned into a status; a broken pipe is left to the caller."""
    as_json = "--json" in arguments
    try:
        status = root().main(list(arguments), "skerry", standalone_mode=False, obj=run)
    except SkerryError as error:
        _trace(run)
        names.add_near_names(run, error)
        return output.show_error(error, as_json=as_json)
    except typer.TyperException as exc:
        return _wrong_usage(exc, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        output.say("stopped")
        return Status.INTERRUPTED
    except output.ReaderGone:
        raise
    except ModuleNotFoundError as exc:
        _trace(run)
        return output.show_error(_missing(exc), as_json=as_json)
    except Exception as exc:  # noqa: BLE001 - the one place of this program where bugs are caught
        _trace(run)
        bug = SkerryError(
            f"something went wrong inside skerry: {type(exc).__name__}: {exc}",
            hint="this is a bug; run it again with --debug, and report what it shows",
        )
        return output.show_error(bug, as_json=as_json)
    finally:
        if "client" in vars(run):
            run.client.close()
    return status if isinstance(status, int) else Status.DONE


def _missing(exc: ModuleNotFoundError) -> SkerryError:
    """A part of Skerry that was not installed along."""
    return Unavailable(
        f"this part of Skerry is not installed here: the Python package {exc.name} is missing",
        hint="pip install 'skerry[all]'",
    )


def _trace(run: Run) -> None:
    if run.debug:
        import traceback  # noqa: PLC0415 - slow

        traceback.print_exc()


def _wrong_usage(exc: typer.TyperException, *, as_json: bool) -> Status:
    """A command line that cannot be meant; one without a verb gets the list of verbs."""
    ctx = getattr(exc, "ctx", None)
    message = exc.format_message()
    if ctx is not None and message == ctx.get_help():
        output.say(message)
        return Status.USAGE
    command = ctx.command_path if ctx is not None else "skerry"
    error = BadInput(message.rstrip("."), hint=f"{command} --help shows what can be said")
    return output.show_error(error, as_json=as_json)


if __name__ == "__main__":
    sys.exit(main())
