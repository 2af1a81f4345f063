"""`skerry guest-os export`, `import` and `rename`: what those scripts of our definition are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from skerry.cli.ending import run_until_told
from skerry.cli.guest_os_create import Log, open_standard_streams
from skerry.cli.guest_os_options import Localstatedir, Sysconfdir
from skerry.cli.program import Noun, Run, is_terminal, typer
from skerry.errors import BadInput

if TYPE_CHECKING:
    from skerry.guestos.helper_vm import Machine
    from skerry.guestos.transfers import Told

_Format = Literal["zstd", "gzip", "none", "raw"]
_PIECE = 1024 * 1024  # bytes; of the output's buffer


def add_verbs(noun: Noun) -> None:
    """Add `export`, `import` and `rename`."""
    noun.command("export")(export)
    noun.command("import")(import_)
    noun.command("rename")(rename)


def export(
    run: Run,
    *,
    sysconfdir: Sysconfdir = "/etc",
    localstatedir: Localstatedir = "/var",
    format: Annotated[  # noqa: A002 - the name of the option
        _Format | None, typer.Option(help="Otherwise as the setting EXPORT_FORMAT says.")
    ] = None,
) -> None:
    """Write one disk of an instance to standard output, as a stream that `import` reads.

    Ganeti calls this once per disk, by the script `export` of the definition, and tells which in the environment.
    """
    from skerry.guestos.transfers import export_as_told  # noqa: PLC0415 - slow, and only for this

    if is_terminal(1):
        raise BadInput("the disk would go to the terminal", hint="lead it into a file or a pipe: … > disk.export")
    try:
        os.fstat(1)
    except OSError:
        raise BadInput("standard output is closed, and the disk would go there") from None
    open_standard_streams()
    with open(1, "wb", _PIECE, closefd=False) as target:
        run_until_told(export_as_told(_told(run, sysconfdir, localstatedir), target, format))


def import_(run: Run, *, sysconfdir: Sysconfdir = "/etc", localstatedir: Localstatedir = "/var") -> None:
    """Fill one disk of an instance from standard input: from an export, a raw disk, or a `dump` of old.

    Ganeti calls this once per disk, by the script `import` of the definition, and tells which in the environment.
    """
    from skerry.guestos.transfers import import_as_told  # noqa: PLC0415 - slow, and only for this

    if is_terminal(0):
        raise BadInput("the disk would come from the terminal", hint="lead a file or a pipe here: … < disk.export")
    open_standard_streams()
    os.umask(0o022)  # Ganeti's would keep users of the guest from what is unpacked
    with open(0, "rb", closefd=False) as source:
        run_until_told(import_as_told(_told(run, sysconfdir, localstatedir), source))


def rename(run: Run, *, sysconfdir: Sysconfdir = "/etc", localstatedir: Localstatedir = "/var") -> None:
    """Give the guest of an instance its new name, in the files that name it.

    Ganeti calls this, by the script `rename` of the definition, also after every import.
    """
    from skerry.guestos.transfers import rename_as_told  # noqa: PLC0415 - slow, and only for this

    open_standard_streams()
    run_until_told(rename_as_told(_told(run, sysconfdir, localstatedir), helper_machine))


def _told(run: Run, sysconfdir: str, localstatedir: str) -> Told:
    from skerry.commands import CommandRunner  # noqa: PLC0415 - slow, and only for this
    from skerry.guestos.settings import Places  # noqa: PLC0415
    from skerry.guestos.transfers import Told  # noqa: PLC0415

    return Told(run.environ, Places(Path(sysconfdir), Path(localstatedir)), CommandRunner(), Log())


async def helper_machine() -> Machine:
    """How helper machines run on this node."""
    import shutil  # noqa: PLC0415

    from skerry.commands import CommandRunner  # noqa: PLC0415 - slow, and only for this
    from skerry.errors import Unavailable  # noqa: PLC0415
    from skerry.guestos.helper_vm import Machine  # noqa: PLC0415
    from skerry.hypervisor.accelerator import EMULATORS, AcceleratorProbe  # noqa: PLC0415

    emulator = next((path for name in EMULATORS if (path := shutil.which(name))), None)
    if emulator is None:
        raise Unavailable(
            "a helper machine is needed for this, and QEMU is not installed",
            hint="install the package qemu-system-x86",
        )
    return Machine(emulator, (await AcceleratorProbe(CommandRunner()).result()).kind)
