"""`skerry host`: what runs the machines."""

from __future__ import annotations

from typing import Annotated

from skerry.cli import names, output
from skerry.cli.client import Json, path
from skerry.cli.options import shown_size, shown_time
from skerry.cli.output import Column
from skerry.cli.program import Noun, Run, typer
from skerry.errors import BadInput, NotFound

HOST = Noun("Hosts that run the machines.")
app = HOST.app


def _fact(host: Json, name: str) -> object:
    return host["facts"][name] if host["facts"] else ""


def _free(host: Json) -> int | None:
    """Free memory now, or, while no machine runs and nothing is measured, when the host was last looked at."""
    free: int | None = host["free_memory"]
    return host["facts"]["free_memory"] if free is None and host["facts"] else free


def _state(host: Json) -> str:
    return "online" if host["online"] else "offline"


def _accelerator(host: Json) -> str:
    return str(host["facts"]["accelerator"]["kind"]).upper() if host["facts"] else ""


_COLUMNS = (
    Column("NAME", lambda host: host["name"]),
    Column("STATE", lambda host: _state(dict(host))),
    Column("CPUS", lambda host: _fact(dict(host), "cpus"), right=True),
    Column("CPU", lambda host: "" if host["cpu"] is None else f"{host['cpu'] * 100:.0f} %", right=True),
    Column("MEMORY", lambda host: shown_size(host["facts"]["memory"]) if host["facts"] else "", right=True),
    Column("FREE", lambda host: shown_size(_free(dict(host))), right=True),
    Column("MACHINES", lambda host: f"{host['running_vms']} of {host['vms']} run"),
    Column("GUESTS", lambda host: _accelerator(dict(host))),
)


@HOST.command("ls")
def ls(run: Run) -> None:
    """List hosts."""
    run.table(run.client.every("/hosts"), _COLUMNS, empty="no hosts")


@HOST.command("show")
def show(
    run: Run,
    name: Annotated[
        str | None, typer.Argument(help="Which host; needed where there are several.", autocompletion=names.hosts)
    ] = None,
) -> None:
    """Show all that is known of a host."""
    host = run.client.get(path("hosts", name)) if name else _only(run)
    if run.json:
        output.put_json(host)
    else:
        output.put_facts(_facts(host))


def _only(run: Run) -> Json:
    hosts = list(run.client.every("/hosts"))
    if len(hosts) == 1:
        return hosts[0]
    if not hosts:
        raise NotFound("there is no host")
    raise BadInput("there are several hosts", hint=f"name one: {', '.join(host['name'] for host in hosts)}")


def _facts(host: Json) -> list[tuple[str, object]]:
    facts = host["facts"] or {}
    accelerator = facts.get("accelerator", {"kind": "", "reason": ""})
    return [
        ("Name", host["name"]),
        ("State", f"{_state(host)} since {shown_time(host['since'])}"),
        ("Problem", host["problem"]),
        ("Warnings", "\n".join(facts.get("warnings", ()))),
        ("Machines", f"{host['running_vms']} of {host['vms']} run"),
        ("Guests run with", f"{accelerator['kind'].upper()}: {accelerator['reason']}" if facts else ""),
        ("CPUs", f"{facts['cpus']}, {facts['cpu_model']}" if facts else ""),
        ("CPU used", "" if host["cpu"] is None else f"{host['cpu'] * 100:.0f} %"),
        ("Memory", f"{shown_size(facts['memory'])}, free {shown_size(_free(host))}" if facts else ""),
        ("System", f"{facts['os']}, Linux {facts['kernel']}, {facts['architecture']}" if facts else ""),
        ("QEMU", facts.get("qemu_version")),
        ("libvirt", f"{facts['libvirt_version']} at {facts['libvirt_uri']}" if facts else ""),
        ("UEFI", _yes_or_no(facts, "uefi")),
        ("TPM", _yes_or_no(facts, "tpm")),
        ("Networks", "\n".join(_network(network) for network in host["networks"])),
        ("Storage pools", "\n".join(_pool(pool) for pool in host["storage_pools"])),
    ]


def _yes_or_no(facts: Json, name: str) -> str:
    return "" if name not in facts else "yes" if facts[name] else "not installed"


def _network(network: Json) -> str:
    words = [network["name"], network["kind"], network["forward"], *network["addresses"]]
    return "  ".join(str(word) for word in words if word) + ("" if network["active"] else "  inactive")


def _pool(pool: Json) -> str:
    free = f"{shown_size(pool['available'])} free of {shown_size(pool['capacity'])}"
    return f"{pool['name']}  {pool['kind']}  {pool['path'] or ''}  {free}" + (
        "" if pool["active"] else "  inactive"
    )
