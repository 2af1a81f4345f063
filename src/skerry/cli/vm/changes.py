"""What changes a machine that is there: set, rename, autostart, clone, delete."""

from __future__ import annotations

from typing import Annotated, Any

from skerry.cli import follow, names, options, output
from skerry.cli.client import Json, path
from skerry.cli.program import Run, typer
from skerry.cli.vm.noun import VM
from skerry.errors import BadInput


def _change(run: Run, name: str, changes: Json, *, wait: bool) -> None:
    follow.finish(
        run,
        [run.client.patch(path("vms", name), changes)],
        wait=wait,
        put=lambda tasks: tell_restart(run, changes.get("name", name), tasks[0]),
    )


@VM.command("set")
def set_(
    run: Run,
    name: options.Vm,
    *,
    vcpus: Annotated[int | None, typer.Option(min=1, help="Number of virtual CPUs.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory, such as 2G; a bare number means MiB.")] = None,
    boot: Annotated[str | None, typer.Option(help="Boot order, such as cdrom,hd,network.")] = None,
    title: Annotated[str | None, typer.Option(help="A title for people.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    autostart: Annotated[
        bool | None, typer.Option("--autostart/--no-autostart", help="Start it when its host starts.")
    ] = None,
    kernel: Annotated[str | None, typer.Option(help="Boot this kernel (a path on the host), not a disk.")] = None,
    initrd: Annotated[str | None, typer.Option(help="With this initrd.")] = None,
    append: Annotated[str | None, typer.Option(help="With this kernel command line.")] = None,
    no_kernel: Annotated[bool, typer.Option("--no-kernel", help="Boot from disks again.")] = False,
    cd: Annotated[
        str | None,
        typer.Option("--cd", help="Put this ISO image into its CD drive, or none.", autocompletion=names.images),
    ] = None,
    no_wait: options.NoWait = False,
) -> None:
    """Change a machine; what is not named stays as it is."""
    changes: dict[str, Any] = {
        "vcpus": vcpus,
        "memory": options.memory(memory),
        "boot_order": options.boot_order(boot),
        "title": title,
        "description": description,
        "autostart": autostart,
        "direct_kernel": direct_kernel(kernel, initrd, append),
        "remove_direct_kernel": no_kernel or None,
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    if cd is not None:
        _change_cd(run, name, cd, wait=not no_wait)
        if not changes:
            return
    if not changes:
        raise BadInput("nothing to change was named", hint="skerry vm set --help lists what can be")
    _change(run, name, changes, wait=not no_wait)


def _change_cd(run: Run, name: str, word: str, *, wait: bool) -> None:
    """Change the CD in the only drive; where a machine has none, it gets one.

    Raises:
        BadInput: there are several.
    """
    image = None if word == "none" else word
    # The drive of the first settings is not the one that people mean.
    drives = [
        disk["target"]
        for disk in run.client.get(path("vms", name))["disks"]
        if disk["device"] == "cdrom" and not (disk["volume"] or "").endswith("-seed")
    ]
    if len(drives) > 1:
        raise BadInput(
            f"{name} has several CD drives: {', '.join(drives)}", hint=f"skerry vm disk media {name} DRIVE {word}"
        )
    with names.said(run, "images", image):
        if drives:
            task = run.client.put(path("vms", name, "disks", drives[0], "media"), {"image": image})
        else:
            task = run.client.post(path("vms", name, "disks"), {"kind": "cdrom", "image": image})
    follow.finish(run, [task], wait=wait, put=lambda tasks: tell_restart(run, name, tasks[0]))


def tell_restart(run: Run, name: str, task: Json) -> None:
    """Say where a change waits until the machine was off."""
    vm = run.client.get(path("vms", name))
    if run.json:
        output.put_json(task)
    elif vm["needs_restart"]:
        word = vm["name"]  # a reboot of the guest is not enough: QEMU itself must start anew
        output.say(f"{word} uses some of it only when it was off: skerry vm shutdown {word}, then start it")


def direct_kernel(kernel: str | None, initrd: str | None, append: str | None) -> Json | None:
    """What `--kernel`, `--initrd` and `--append` say together.

    Raises:
        BadInput: the last two without the first.
    """
    if kernel is None:
        if initrd is not None or append is not None:
            raise BadInput("--initrd and --append need --kernel")
        return None
    return {"kernel": kernel, "initrd": initrd, "command_line": append or ""}


@VM.command("rename")
def rename(run: Run, name: options.Vm, new_name: str, no_wait: options.NoWait = False) -> None:
    """Give a stopped machine another name."""
    _change(run, name, {"name": new_name}, wait=not no_wait)


@VM.command("autostart")
def autostart(
    run: Run,
    name: options.Vm,
    off: Annotated[bool, typer.Option("--off", help="Do not start it any more.")] = False,
    no_wait: options.NoWait = False,
) -> None:
    """Start a machine whenever its host starts."""
    _change(run, name, {"autostart": not off}, wait=not no_wait)


@VM.command("clone")
def clone(
    run: Run,
    name: options.Vm,
    new_name: str,
    full: Annotated[
        bool,
        typer.Option("--full", help="Copy all bytes; otherwise it stands on the same image, if there is one."),
    ] = False,
    start: Annotated[bool, typer.Option("--start", help="Start the clone.")] = False,
    no_wait: options.NoWait = False,
) -> None:
    """Clone a stopped machine."""
    task = run.client.post(path("vms", name, "clone"), {"name": new_name, "full_copy": full, "start": start})
    follow.finish(run, [task], wait=not no_wait)


@VM.command("delete")
def delete(
    run: Run,
    machines: options.Vms,
    keep_disks: Annotated[
        bool, typer.Option("--keep-disks", help="Leave its disks where they are (skerry volume ls --unused).")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Power it off first, where it runs.")] = False,
    yes: options.Yes = False,
    no_wait: options.NoWait = False,
) -> None:
    """Delete machines and their disks."""
    what = "but keep the disks" if keep_disks else "with all their disks"
    run.confirm(f"Delete {', '.join(machines)}, {what}?", yes=yes)
    query = {"disks": "keep" if keep_disks else "delete", "force": force}

    def ask(machine: str) -> Json:
        task: Json = run.client.delete(path("vms", machine), query)
        return task

    follow.finish_each(run, machines, ask, wait=not no_wait)
