"""`vm ls`, `vm show` and `vm log`: what there is."""

from __future__ import annotations

import sys
from typing import Annotated

from skerry.cli import names, options, output
from skerry.cli.client import Json, path
from skerry.cli.options import shown_duration, shown_size, shown_time
from skerry.cli.output import Column
from skerry.cli.program import Run, typer
from skerry.cli.vm.noun import VM, addresses, state

STATES = (
    *("running", "paused", "stopping", "stopped", "saved", "suspended", "crashed"),
    *("creating", "unreachable"),
)
ORDERS = ("name", "created_at", "state", "memory", "vcpus")


def _cpu(vm: Json) -> str:
    sample = vm["sample"]
    return f"{sample['cpu'] * 100:.0f} %" if sample and vm["state"] == "running" else ""


COLUMNS = (
    Column("NAME", lambda vm: vm["name"]),
    Column("STATE", lambda vm: state(dict(vm))),
    Column("VCPUS", lambda vm: vm["vcpus"], right=True),
    Column("MEMORY", lambda vm: shown_size(vm["memory"]), right=True),
    Column("CPU", lambda vm: _cpu(dict(vm)), right=True),
    Column("UP", lambda vm: shown_duration(vm["started_at"], None), right=True),
    Column("ADDRESSES", lambda vm: ", ".join(addresses(dict(vm)))),
    Column("HOST", lambda vm: vm["host"]),
)


@VM.command("ls")
def ls(
    run: Run,
    *,
    state: Annotated[
        str | None,
        typer.Option(help="Only machines in this state, such as running.", autocompletion=names.words(*STATES)),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Only machines on this host.", autocompletion=names.hosts)
    ] = None,
    search: Annotated[str | None, typer.Option("--search", "-q", help="Only names that hold this.")] = None,
    sort: Annotated[
        str,
        typer.Option(help=f"{', '.join(ORDERS[:-1])} or {ORDERS[-1]}.", autocompletion=names.words(*ORDERS)),
    ] = "name",
    descending: Annotated[bool, typer.Option("--descending", help="The largest or newest first.")] = False,
    limit: options.Limit = None,
) -> None:
    """List machines, with their states and addresses."""
    query = {"state": state, "host": host, "q": search, "sort": sort, "descending": descending or None}
    run.table(
        run.client.every("/vms", query, most=limit),
        COLUMNS,
        empty="no such machines; skerry vm ls lists all"
        if state or host or search
        else "no machines; make one: skerry vm create NAME --template IMAGE",
    )


@VM.command("show")
def show(run: Run, name: options.Vm) -> None:
    """Show all that is known of a machine."""
    vm = run.client.get(path("vms", name))
    if run.json:
        output.put_json(vm)
    else:
        output.put_facts(_facts(vm))


def _facts(vm: Json) -> list[tuple[str, object]]:
    kernel = vm["direct_kernel"]
    features = [word for word, has in (("secure boot", vm["secure_boot"]), ("TPM", vm["tpm"])) if has]
    return [
        ("Name", vm["name"]),
        ("Title", vm["title"]),
        ("Description", vm["description"]),
        ("State", state(vm) + ("; shut it down and start it to use all changes" if vm["needs_restart"] else "")),
        ("Addresses", "\n".join(addresses(vm))),
        ("vCPUs", vm["vcpus"]),
        ("Memory", shown_size(vm["memory"])),
        ("CPU", _cpu(vm)),
        ("Firmware", ", ".join([vm["firmware"], *features])),
        ("Runs with", "KVM" if vm["domain_type"] == "kvm" else "emulation (slow)"),
        ("Boot order", ", ".join(vm["boot_order"])),
        ("Kernel", " ".join(str(word) for word in kernel.values() if word) if kernel else ""),
        ("Disks", "\n".join(_disk(disk) for disk in vm["disks"])),
        ("NICs", "\n".join(_nic(nic) for nic in vm["nics"])),
        ("Template", vm["template"]),
        ("Autostart", "yes" if vm["autostart"] else "no"),
        ("Host", vm["host"]),
        ("Owner", vm["owner"]),
        ("Created", shown_time(vm["created_at"])),
        ("Up since", _since(vm)),
        ("Tasks queued", vm["queued_tasks"] or ""),
        ("Id", vm["id"]),
    ]


def _since(vm: Json) -> str:
    began = vm["started_at"]
    return f"{shown_time(began)}, for {shown_duration(began, None)}" if began else ""


def _disk(disk: Json) -> str:
    pool, volume = disk["storage_pool"], disk["volume"]
    source = f"{pool}/{volume}" if volume else disk["source"] or "empty"
    size = shown_size(disk["size"])
    words = [disk["target"], disk["device"], disk["bus"], source, disk["format"], size]
    return "  ".join(word for word in words if word) + ("  read-only" if disk["read_only"] else "")


def _nic(nic: Json) -> str:
    words = [nic["mac"], nic["kind"], nic["network"], nic["model"], None if nic["link_up"] else "link down"]
    return "  ".join(word for word in words if word)


@VM.command("log")
def log(run: Run, name: options.Vm) -> None:
    """Print what a machine last wrote to its serial console."""
    text = run.client.call("GET", path("vms", name, "serial-log"), headers={"Accept": "text/plain"}).content
    words = text.decode(errors="replace")
    if run.json:
        output.put_json({"vm": name, "text": words})
    elif sys.stdout.isatty():  # a guest does not get to control the terminal here; vm console is for that
        output.put(output.safe(words, lines=True))
    else:
        output.put(words)
