"""`skerry guest-os run`: a script of any definition, run as Ganeti runs it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

from skerry.cli import options, output
from skerry.cli.guest_os_options import SearchPath, definitions_with_variants, search_folders
from skerry.cli.program import Noun, Run, is_terminal, typer
from skerry.errors import BadInput

if TYPE_CHECKING:
    from skerry.guestos.definition import Definition
    from skerry.guestos.helper_running import HelperRunner
    from skerry.guestos.instance import Call, InstanceDisk, InstanceNic

SCRIPTS = ("create", "import", "export", "rename", "verify")
_VERIFY = "verify"
_TRANSFERS = frozenset({"import", "export"})
_MIB = 1024**2


def add_verbs(noun: Noun) -> None:
    """Add `run`."""
    noun.command("run")(run_)


def run_(
    run: Run,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME[+VARIANT]", help="The definition.", autocompletion=definitions_with_variants),
    ],
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT",
            help=f"{', '.join(SCRIPTS[:-1])}, or {SCRIPTS[-1]}.",
            autocompletion=lambda incomplete: [word for word in SCRIPTS if word.startswith(incomplete)],
        ),
    ],
    *,
    instance: Annotated[str, typer.Option(help="Host name of the instance.")] = "guest.example.org",
    disk: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH[:SIZE]",
            help="A disk of it: a block device, or a file, made so large where it is missing. Can be repeated.",
        ),
    ] = None,
    nic: Annotated[
        list[str] | None,
        typer.Option(metavar="MAC[,BRIDGE[,IP]]", help="A network card of it. Can be repeated."),
    ] = None,
    os_param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter. Can be repeated.")
    ] = None,
    uuid: Annotated[str | None, typer.Option(help="UUID of the instance; otherwise a new one.")] = None,
    hypervisor: Annotated[str, typer.Option(help="kvm, xen-pvm, xen-hvm, lxc …")] = "kvm",
    old_name: Annotated[str, typer.Option("--old-name", help="rename: what the instance was called.")] = "",
    index: Annotated[int, typer.Option(min=0, help="export, import: which of the disks.")] = 0,
    reinstall: Annotated[bool, typer.Option("--reinstall", help="create: over an older installation.")] = False,
    minutes: Annotated[float, typer.Option(min=0.01, help="Stop it after so long.")] = 120.0,
    path: SearchPath = None,
    helper: Annotated[
        bool, typer.Option("--helper", help="create, rename: run it in a helper machine, and not here.")
    ] = False,
    helper_file: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="A file or folder that it finds there, beside its own and /etc/ganeti. Can be repeated.",
        ),
    ] = None,
) -> None:
    """Run a script of a definition with Ganeti's environment, and remove what it leaves behind.

    What it says goes to stderr; export writes to stdout, import reads from stdin. `verify` is run before `create`.
    """
    from skerry.cli.ending import run_until_told  # noqa: PLC0415 - with what follows, nothing other nouns need
    from skerry.guestos.instance import Call, Instance, Script  # noqa: PLC0415
    from skerry.guestos.search import find  # noqa: PLC0415

    del run
    if script not in (*Script, _VERIFY):
        raise BadInput(
            f"{script!r} is no script of a definition", hint=f"there are: {', '.join((*Script, _VERIFY))}"
        )
    found = find(name, search_folders(path), any_variant=script != Script.CREATE)
    if script == Script.CREATE:
        found.definition.check_trusted()
    with ExitStack() as undo:
        disks = [_disk(word, undo) for word in disk or []]
        if index >= len(disks) and script != _VERIFY:
            raise BadInput(f"the instance has no disk {index}", hint="--disk web1.raw:4G")
        call = Call(
            Script.CREATE if script == _VERIFY else Script(script),
            Instance(
                instance,
                found.name,
                hypervisor,
                tuple(map(_instance_disk, disks)),
                tuple(_nic(word) for word in nic or []),
                uuid=uuid or str(uuid4()),
                hypervisor_parameters={"kernel_path": "", "serial_console": "True"},
            ),
            found.definition.api_version,
            found.variant,
            options.parameters(os_param or []),
            reinstall=reinstall,
            old_name=old_name,
            index=index,
            device=str(disks[index]) if script in _TRANSFERS else "",
        )
        helper_files = tuple(helper_file or ()) if helper else None
        run_until_told(_run(found.definition, call, script, minutes * 60, helper_files, undo.pop_all()))


async def _run(
    definition: Definition,
    call: Call,
    script: str,
    limit_s: float,
    helper_files: tuple[Path, ...] | None,
    undo: ExitStack,
) -> None:
    """Run it; where it fails or is stopped, `undo` is done."""
    with undo:
        await _run_script(definition, call, script, limit_s, helper_files)
        undo.pop_all()


async def _run_script(
    definition: Definition, call: Call, script: str, limit_s: float, helper_files: tuple[Path, ...] | None
) -> None:
    from skerry.guestos.running import Runner, Streams  # noqa: PLC0415

    runner = Runner()
    if script in {_VERIFY, "create"}:
        await runner.verify(definition, call, output.say)
    if script == _VERIFY:
        return
    if script == "export" and is_terminal(1):
        raise BadInput("the disk would go to the terminal", hint="lead it into a file or a pipe: … > disk.export")
    if helper_files is not None:
        await _helper_runner(helper_files).run(definition, call, on_line=output.say, limit_s=limit_s)
        return
    streams = Streams(
        stdin=sys.stdin.buffer if script == "import" else None,
        stdout=sys.stdout.buffer if script == "export" else None,
    )
    await runner.run(definition, call, on_line=output.say, limit_s=limit_s, streams=streams)


def _helper_runner(files: tuple[Path, ...]) -> HelperRunner:
    from skerry.cli.guest_os_streams import helper_machine  # noqa: PLC0415 - as above
    from skerry.commands import CommandRunner  # noqa: PLC0415
    from skerry.guestos.helper_running import HelperRunner  # noqa: PLC0415
    from skerry.guestos.transfers import programs_of  # noqa: PLC0415

    return HelperRunner(lambda: programs_of(CommandRunner(), helper_machine), files)


def _disk(word: str, undo: ExitStack) -> Path:
    """The disk that a word names; a file that is made is removed again when something fails.

    Raises:
        BadInput: it is not there, and has no size to be made with.
    """
    name, _, size = word.rpartition(":")
    path = Path(name or size).absolute()
    if path.exists():
        return path
    if not name:
        raise BadInput(f"there is no disk {path}", hint=f"to make it: --disk {word}:4G")
    try:
        with path.open("xb") as file:
            path.chmod(0o600)
            undo.callback(path.unlink, missing_ok=True)
            file.truncate(options.disk_size(size))
    except OSError as exc:
        raise BadInput(f"the disk {path} cannot be made: {exc.strerror}") from exc
    return path


def _instance_disk(path: Path) -> InstanceDisk:
    from skerry.guestos.disk_files import open_disk  # noqa: PLC0415
    from skerry.guestos.instance import InstanceDisk  # noqa: PLC0415

    with open_disk(path) as disk:
        return InstanceDisk(
            str(path),
            size_mib=disk.size // _MIB,
            frontend_type="paravirtual",
            backend_type="block" if disk.is_block else "file:loop",
        )


def _nic(word: str) -> InstanceNic:
    from skerry.guestos.instance import InstanceNic  # noqa: PLC0415

    mac, bridge, ip = (*word.split(","), "", "")[:3]
    return InstanceNic(mac, link=bridge, ip=ip, frontend_type="paravirtual")
