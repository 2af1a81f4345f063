"""Disks, CD drives and network cards of a machine."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import follow, names, options
from skerry.cli.client import Json, path
from skerry.cli.program import Run, typer
from skerry.cli.vm.changes import tell_restart
from skerry.cli.vm.noun import DISK, NIC
from skerry.errors import BadInput

MODELS = ("virtio", "e1000e", "rtl8139")
_Target = Annotated[
    str, typer.Argument(help="The disk, as the machine names it: vda, sda …", autocompletion=names.disks)
]


@DISK.command("add")
def add_disk(
    run: Run,
    name: options.Vm,
    size: Annotated[str | None, typer.Argument(help="Size, such as 10G; a bare number means GiB.")] = None,
    *,
    image: Annotated[
        str | None, typer.Option(help="Clone this image; SIZE grows it.", autocompletion=names.images)
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Copy all bytes of the image; not thin.")] = False,
    cd: Annotated[
        str | None,
        typer.Option(
            "--cd",
            help="Add a CD drive with this ISO image, or with none; a running machine gets it at its next start.",
            autocompletion=names.images,
        ),
    ] = None,
    no_wait: options.NoWait = False,
) -> None:
    """Add an empty disk, a clone of an image, or a CD drive."""
    if cd is not None:
        if size or image:
            raise BadInput("a CD drive has no size and no template", hint="use --cd alone")
        disk: Json = {"kind": "cdrom", "image": none_or(cd)}
    elif image is not None:
        disk = {
            "kind": "image",
            "image": image,
            "full_copy": full,
            "size": options.disk_size(size) if size else None,
        }
    elif size is not None:
        disk = {"kind": "empty", "size": options.disk_size(size)}
    else:
        raise BadInput("say how large the disk is", hint=f"such as: skerry vm disk add {name} 10G")
    with names.said(run, "images", disk.get("image")):
        task = run.client.post(path("vms", name, "disks"), disk)
    follow.finish(run, [task], wait=not no_wait, put=lambda tasks: tell_restart(run, name, tasks[0]))


def none_or(word: str) -> str | None:
    """A name, or nothing where it is the word `none`."""
    return None if word == "none" else word


@DISK.command("resize")
def resize_disk(
    run: Run,
    name: options.Vm,
    target: _Target,
    size: Annotated[str, typer.Argument(help="New size, such as 20G; +5G is so much more.")],
    no_wait: options.NoWait = False,
) -> None:
    """Grow a disk; the guest sees it at once where it can."""
    wanted = options.disk_size(size.removeprefix("+"))
    if size.startswith("+"):
        wanted += _disk(run, name, target)["size"] or 0
    follow.finish(run, [run.client.patch(path("vms", name, "disks", target), {"size": wanted})], wait=not no_wait)


def _disk(run: Run, name: str, target: str) -> Json:
    disks: list[Json] = run.client.get(path("vms", name))["disks"]
    for disk in disks:
        if disk["target"] == target:
            return disk
    raise BadInput(
        f"{name} has no disk {target}", hint=f"it has {', '.join(d['target'] for d in disks) or 'none'}"
    )


@DISK.command("rm")
def remove_disk(
    run: Run,
    name: options.Vm,
    target: _Target,
    delete: Annotated[bool, typer.Option("--delete", help="Delete its volume too.")] = False,
    yes: options.Yes = False,
    no_wait: options.NoWait = False,
) -> None:
    """Take a disk out of a machine; its volume stays, unless --delete."""
    if delete:
        run.confirm(f"Delete disk {target} of {name} with all that is on it?", yes=yes)
    task = run.client.delete(path("vms", name, "disks", target), {"delete": delete})
    follow.finish(run, [task], wait=not no_wait)


@DISK.command("media")
def change_media(
    run: Run,
    name: options.Vm,
    target: _Target,
    image: Annotated[
        str, typer.Argument(help="ISO image to put in, or none to eject.", autocompletion=names.images)
    ],
    no_wait: options.NoWait = False,
) -> None:
    """Put an ISO image into a CD drive, or take it out."""
    with names.said(run, "images", none_or(image)):
        task = run.client.put(path("vms", name, "disks", target, "media"), {"image": none_or(image)})
    follow.finish(run, [task], wait=not no_wait)


@NIC.command("add")
def add_nic(
    run: Run,
    name: options.Vm,
    network: Annotated[
        str, typer.Argument(help="Network, or bridge:NAME, or user.", autocompletion=names.networks)
    ] = "default",
    mac: Annotated[str | None, typer.Option(help="Its address; otherwise one is made.")] = None,
    model: Annotated[
        str, typer.Option(help=f"{', '.join(MODELS[:-1])} or {MODELS[-1]}.", autocompletion=names.words(*MODELS))
    ] = "virtio",
    no_wait: options.NoWait = False,
) -> None:
    """Plug a network card into a machine."""
    card = nic(network) | {"model": model, "mac": mac}
    follow.finish(run, [run.client.post(path("vms", name, "nics"), card)], wait=not no_wait)


def nic(word: str) -> Json:
    """A network card from the word of `--network`: a network's name, `bridge:NAME`, or `user`."""
    kind, _, name = word.partition(":")
    if kind == "bridge" and name:
        return {"kind": "bridge", "network": name}
    if word == "user":
        return {"kind": "user"}
    return {"kind": "network", "network": word}


@NIC.command("rm")
def remove_nic(
    run: Run,
    name: options.Vm,
    mac: Annotated[str, typer.Argument(help="Its MAC address.", autocompletion=names.nics)],
    no_wait: options.NoWait = False,
) -> None:
    """Take a network card out of a machine."""
    follow.finish(run, [run.client.delete(path("vms", name, "nics", mac))], wait=not no_wait)
