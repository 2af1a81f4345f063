"""`skerry image boot`: start what was built, with its serial console on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from skerry.cli import output
from skerry.cli.image_lock import Locked, LockFile, order_of_recipe
from skerry.cli.image_options import RECIPES, Lenient, Syntax
from skerry.cli.program import Noun, Run, typer
from skerry.errors import BadInput
from skerry.sizes import parse_size


def add_verbs(noun: Noun) -> None:
    """Put this verb below `image`."""
    noun.command("boot")(boot)


def boot(
    run: Run,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE|RECIPE",
            help="A disk (or all disks of one machine), an ISO, an EFI program, a network set, or a recipe.",
        ),
    ],
    *,
    uefi: Annotated[bool, typer.Option("--uefi", help="Start by UEFI instead of BIOS.")] = False,
    secure_boot: Annotated[
        bool, typer.Option("--secure-boot", help="Start by UEFI that only starts what is signed.")
    ] = False,
    memory: Annotated[str | None, typer.Option(metavar="SIZE", help="Memory, such as 512M.")] = None,
    cpus: Annotated[int, typer.Option(min=1, max=64, help="Number of CPUs.")] = 1,
    forward: Annotated[
        list[str] | None,
        typer.Option(metavar="HERE:GUEST", help="Lead a TCP port of this machine to one of the guest: 2222:22."),
    ] = None,
    user_data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A cloud-config for the guest's cloud-init.")
    ] = None,
    ssh_key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A public key that may sign in, by cloud-init.")
    ] = None,
    window: Annotated[bool, typer.Option("--window", help="Show the guest's screen in a window too.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep in the disk what the guest writes.")] = False,
    locked: Locked = False,
    lock: LockFile = None,
    syntax: Syntax = "",
    lenient: Lenient = False,
) -> None:
    """Start what was built, with its serial console on the terminal; Ctrl-] and then x ends it.

    What the guest writes is thrown away, unless --keep. Nothing of the library or of libvirt is used.
    """
    del run
    from skerry.cli import booting  # noqa: PLC0415 - slow imports, and the build extra
    from skerry.images.booting import Trial, parse_forward  # noqa: PLC0415

    if keep and any(image.suffix in RECIPES for image in images):
        raise BadInput(
            "a recipe has no disk to keep anything in", hint="build it first: skerry image build RECIPE"
        )
    trial = Trial(
        memory=parse_size(memory) if memory else None,
        cpus=cpus,
        firmware="secure" if secure_boot else "uefi" if uefi else "bios",
        forwards=tuple(map(parse_forward, forward or [])),
        window=window,
        keep=keep,
    )
    recipe = images[0] if len(images) == 1 and images[0].suffix in RECIPES else None
    order = order_of_recipe(recipe, syntax=syntax, lenient=lenient, locked=locked, lock=lock)
    output.say("Ctrl-] and then x ends the machine")
    status = booting.boot_here(images, order, trial, booting.Seed(user_data, tuple(ssh_key or [])))
    if status:
        raise typer.Exit(status)
