"""`vm create`: from one line to a machine with an address."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from skerry.cli import events, follow, names, options, output
from skerry.cli.client import Json, path
from skerry.cli.program import Run, is_terminal, typer
from skerry.cli.vm.changes import direct_kernel
from skerry.cli.vm.devices import nic, none_or
from skerry.cli.vm.noun import VM, addresses, state
from skerry.errors import BadInput, NotFound

DEFINED_SIZE = "4G"  # of a disk that a definition installs, where none is told
WATCHED_S = 60.0  # how long a person who watches is ready to wait for an address


@VM.command("create")
def create(
    run: Run,
    name: Annotated[str, typer.Argument(help="Name of the new machine.")],
    *,
    template: Annotated[
        str | None,
        typer.Option(
            "--template", "-t", help="Clone its first disk from this image.", autocompletion=names.images
        ),
    ] = None,
    memory: Annotated[str, typer.Option(help="Memory; a bare number means MiB.")] = "512M",
    vcpus: Annotated[int, typer.Option(min=1, help="Number of virtual CPUs.")] = 1,
    disk: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIZE",
            help="An empty disk of this size, or with --template first the size of its disk. Can be repeated. "
            "With --guest-os otherwise one of 4G.",
        ),
    ] = None,
    guest_os: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[+VARIANT]",
            help="Let this guest OS definition install its disk (see --disk).",
            autocompletion=names.guest_oses,
        ),
    ] = None,
    os_param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A parameter for the definition. Can be repeated."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Copy all bytes of the template; not thin.")] = False,
    cd: Annotated[
        list[str] | None,
        typer.Option("--cd", help="A CD drive with this ISO image, or with none.", autocompletion=names.images),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            help="Plug it into this network: a name, bridge:NAME, user, or none. Can be repeated.",
            autocompletion=names.networks,
        ),
    ] = None,
    user_data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Give cloud-init this user-data; - is stdin.")
    ] = None,
    ssh_key: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Let this public key in: a file, or the key. Can be repeated."),
    ] = None,
    hostname: Annotated[str | None, typer.Option(help="What the guest calls itself; otherwise its name.")] = None,
    no_cloud_init: Annotated[bool, typer.Option("--no-cloud-init", help="Tell the guest nothing.")] = False,
    uefi: Annotated[bool, typer.Option("--uefi", help="Start from UEFI, not BIOS.")] = False,
    secure_boot: Annotated[bool, typer.Option("--secure-boot", help="UEFI that starts signed code only.")] = False,
    tpm: Annotated[bool, typer.Option("--tpm", help="Give it a TPM 2.0.")] = False,
    kernel: Annotated[str | None, typer.Option(help="Boot this kernel (a path on the host), not a disk.")] = None,
    initrd: Annotated[str | None, typer.Option(help="With this initrd.")] = None,
    append: Annotated[str | None, typer.Option(help="With this kernel command line.")] = None,
    boot: Annotated[str | None, typer.Option(help="Boot order, such as cdrom,hd,network.")] = None,
    title: Annotated[str, typer.Option(help="A title for people.")] = "",
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    host: Annotated[str | None, typer.Option(help="On this host.", autocompletion=names.hosts)] = None,
    pool: Annotated[str | None, typer.Option(help="In this pool: name, path or id.")] = None,
    no_start: Annotated[bool, typer.Option("--no-start", help="Do not start it.")] = False,
    autostart: Annotated[bool, typer.Option("--autostart", help="Start it when its host starts.")] = False,
    wait_ip: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help="Wait so long for its addresses. Otherwise 60 s for clones of templates, where a person watches.",
        ),
    ] = None,
    no_wait: options.NoWait = False,
) -> None:
    """Create a machine, start it, and tell its addresses."""
    cloud_init = _cloud_init(name, template, user_data, ssh_key or [], hostname, wanted=not no_cloud_init)
    wanted: dict[str, Any] = {
        "name": name,
        "title": title,
        "description": description,
        "host": host,
        "pool_id": pool_id(run, pool) if pool else None,
        "vcpus": vcpus,
        "memory": options.memory(memory),
        "firmware": "uefi" if uefi or secure_boot else "bios",
        "secure_boot": secure_boot,
        "tpm": tpm,
        "disks": _disks(template, disk or [DEFINED_SIZE] * bool(guest_os), cd or [], full=full),
        "direct_kernel": direct_kernel(kernel, initrd, append),
        "boot_order": options.boot_order(boot),
        "cloud_init": cloud_init,
        "guest_os": guest_os,
        "os_parameters": options.parameters(os_param or []) or None,
        "autostart": autostart,
        "start": not no_start,
        "nics": None if network is None else [nic(word) for word in network if word != "none"],
    }
    with names.said(run, "images", template, *map(none_or, cd or [])):
        task = run.client.post("/vms", {key: value for key, value in wanted.items() if value is not None})
    watched = WATCHED_S if template and is_terminal(2) else 0.0
    address_s = 0.0 if no_start or wanted["nics"] == [] else watched if wait_ip is None else wait_ip
    follow.finish(run, [task], wait=not no_wait, put=lambda tasks: _put(run, tasks[0]["result"]["vm"], address_s))


def _disks(template: str | None, sizes: Sequence[str], cds: Sequence[str], *, full: bool) -> list[Json]:
    """Disks and drives in the order in which the machine gets them."""
    disks: list[Json] = []
    left = [options.disk_size(size) for size in sizes]
    if template is not None:
        disks.append(
            {"kind": "image", "image": template, "full_copy": full, "size": left.pop(0) if left else None}
        )
    disks += [{"kind": "empty", "size": size} for size in left]
    return disks + [{"kind": "cdrom", "image": none_or(word)} for word in cds]


def _cloud_init(
    name: str,
    template: str | None,
    user_data: str | None,
    ssh_keys: Sequence[str],
    hostname: str | None,
    *,
    wanted: bool,
) -> Json | None:
    """What the guest is told: its name at least, where it is cloned from a template.

    Raises:
        BadInput: a file cannot be read, or is not what it should be.
    """
    told = user_data is not None or ssh_keys or hostname is not None
    if not wanted:
        if told:
            raise BadInput("--no-cloud-init leaves no way to tell the guest anything")
        return None
    if not told and template is None:
        return None
    text = None if user_data is None else options.read_text(user_data)
    keys = [_public_key(word) for word in ssh_keys]
    return {"user_data": text, "ssh_keys": keys, "hostname": hostname or name}


def _public_key(word: str) -> str:
    """A public key: the word itself, or what is in the file."""
    if " " in word.strip() and not Path(word).exists():
        return word.strip()
    key = options.read_text(word).strip()
    if "PRIVATE KEY" in key:
        raise BadInput(f"{word} is a private key", hint=f"the public one is beside it: {word}.pub")
    if "\n" in key or len(key.split()) < 2:
        raise BadInput(f"{word} is not one public SSH key", hint="such as ~/.ssh/id_ed25519.pub")
    return key


def pool_id(run: Run, word: str) -> str:
    """The id of a pool that was named in any way.

    Raises:
        NotFound: there is none.
    """
    for pool in run.client.every("/pools"):
        if word in {pool["id"], pool["name"], pool["path"]}:
            return str(pool["id"])
    raise NotFound(f"there is no pool {word}", hint="skerry pool ls lists them")


def _put(run: Run, vm_id: str, address_s: float) -> None:
    """Tell what was made."""
    vm = run.client.get(path("vms", vm_id))
    if address_s and not addresses(vm):
        vm = wait_for_addresses(run, vm, address_s)
    if run.json:
        output.put_json(vm)
        return
    output.put_facts([("Name", vm["name"]), ("State", state(vm)), ("Addresses", "\n".join(addresses(vm)))])
    if address_s and not addresses(vm):
        output.say(f"it has no address yet; look again: skerry vm show {vm['name']}")


def wait_for_addresses(run: Run, vm: Json, seconds: float) -> Json:
    """The machine as it is once it has an address, or when the time is over or the person loses patience."""
    if not run.json:
        output.say(f"waiting for the addresses of {vm['name']}; Ctrl-C stops waiting")
    try:
        for event in events.follow(run.client, until=time.monotonic() + seconds):
            if event.is_new_start():
                vm = events.patiently(run.client, path("vms", vm["id"]))
            elif event.kind == "fact" and event.data["object"]["id"] == vm["id"] and event.data["data"]:
                vm = event.data["data"]
            if addresses(vm) or vm["state"] not in {"running", "creating"}:
                break
    except KeyboardInterrupt:
        pass
    return vm
