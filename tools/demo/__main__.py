"""The main job, shown: recipe → image → template → machine → login prompt, and a page to watch it on.

Everything goes through the same doors that users have: the builder, `skerry up`, and the REST API over TLS.
Ctrl-C stops the manager and leaves the machine running; `--once` ends by itself with one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import websockets
from cloud import LOG, Cloud, admin_password, signed_in, start_server
from phases import Bar, Phases, progress_of_phases, screen
from rich.panel import Panel
from rich.table import Table

from skerry.cli.up_settings import load_settings
from skerry.commands import CommandRunner, Daemon
from skerry.errors import SkerryError, TimedOut, Unavailable
from skerry.images.build import build_image
from skerry.images.settings import load_settings as load_build_settings

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = "aos"
VM = "demo"
MADE_BY = "Made by `make demo`"
LOGIN_S = 600.0  # until the guest's login prompt; about 20 s is usual under emulation on a quiet machine
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][0-9A-Z]|\x1b\[?[0-9;?]*$|[\x00-\x08\x0b-\x1f\x7f]")


async def import_template(cloud: Cloud, image: Path, sha256: str, bar: Bar) -> bool:
    """Bring the image into the library; True where it is there already."""
    known = await cloud.find("images", TEMPLATE)
    if known and known["sha256"] == sha256 and known["state"] == "ready":
        return True
    name = TEMPLATE if known is None else f"{TEMPLATE}-{sha256[:8]}"
    if known and (again := await cloud.find("images", name)) and again["state"] == "ready":
        return True
    upload = await cloud.post("uploads", {"size": image.stat().st_size})
    with image.open("rb") as content:
        while chunk := content.read(8 * 1024**2):
            offset = content.tell() - len(chunk)
            await cloud.put(f"uploads/{upload['id']}", chunk, offset=offset)
            bar.update(content.tell() / upload["size"] / 2)
    description = "Appliance OS: the small Debian that appliances stand on"
    body = {"name": name, "description": description, "upload": upload["id"], "sha256": sha256}
    await cloud.done(await cloud.post("images", body), bar)
    return False


async def create_machine(cloud: Cloud, sha256: str, bar: Bar) -> bool:
    """Make the machine as a thin clone, not yet started; True where it is there already."""
    if known := await cloud.find("vms", VM):
        if not (lost := lost_disks(known)):
            return True
        await remove_remains(cloud, known, lost, bar)
    current = await cloud.find("images", f"{TEMPLATE}-{sha256[:8]}")
    template = current["name"] if current else TEMPLATE
    body = {
        "name": VM,
        "description": MADE_BY,
        "memory": 512 * 1024**2,
        "disks": [{"kind": "image", "image": template, "size": 4 * 1024**3}],
        "cloud_init": {"hostname": VM},
        "start": False,
    }
    await cloud.done(await cloud.post("vms", body), bar)
    return False


def lost_disks(vm: dict[str, Any]) -> list[str]:
    """Files of its disks that are gone: libvirt still knows the machines of a data folder that was removed."""
    files = [disk["source"] for disk in vm["disks"] if str(disk["source"]).startswith("/")]
    return [file for file in files if not Path(file).exists()]


async def remove_remains(cloud: Cloud, vm: dict[str, Any], lost: list[str], bar: Bar) -> None:
    """Delete a machine of an earlier demo that has lost its disk; anybody else's is left alone."""
    if vm["description"] != MADE_BY or vm["state"] != "stopped":
        raise Unavailable(
            f"there is a machine {VM} already, and its disk {lost[0]} is gone",
            hint=f"delete or rename it, for example with: virsh undefine {VM} --nvram",
        )
    await cloud.done(await cloud.delete(f"vms/{VM}"), bar)


async def start_and_wait_for_login(cloud: Cloud, bar: Bar) -> bool:
    """Start the machine and read its serial console until it asks who is there; True where it ran already."""
    vm = await cloud.get(f"vms/{VM}")
    already: bool = vm["state"] == "running"
    if not already:
        action = "restore" if vm["state"] == "saved" else "resume" if vm["state"] == "paused" else "start"
        await cloud.done(await cloud.post(f"vms/{VM}/actions", {"action": action}), bar)
    ticket = await cloud.post(f"vms/{VM}/consoles", {"kind": "serial"})
    url = cloud.server.url.replace("https:", "wss:") + ticket["path"]
    seen = b""
    try:
        async with (
            asyncio.timeout(LOGIN_S),
            websockets.connect(
                url,
                ssl=cloud.server.tls(),
                origin=websockets.Origin(cloud.server.url),
                max_size=None,
            ) as console,
        ):
            if already:
                await console.send(b"\r")  # a prompt that waits says so again
            async for data in console:
                seen = (seen + (data if isinstance(data, bytes) else data.encode()))[-4096:]
                lines = CONTROL.sub("", seen.decode(errors="replace")).strip().splitlines()
                bar.step(lines[-1].strip() if lines else "")
                if b"login: " in seen:
                    return already
    except TimeoutError:
        raise TimedOut(
            f"{VM} showed no login prompt within {LOGIN_S:.0f} s", hint=f"look at it: skerry vm log {VM}"
        ) from None
    raise Unavailable(f"the serial console of {VM} closed before a login prompt came")


def summary(cloud: Cloud, vm: dict[str, Any], phases: Phases) -> Panel:
    """What there is now, and what to do with it."""
    addresses = ", ".join(address["address"] for address in vm["addresses"]) or "none yet"
    rows = Table.grid(padding=(0, 2))
    rows.add_row("The page", f"[bold]{cloud.server.url}[/bold]")
    password = f"[bold]{admin_password(cloud.server)}[/bold]" if cloud.first_password else "your password"
    rows.add_row("Sign in as", f"[bold]admin[/bold] with {password}")
    rows.add_row("Machine", f"{vm['name']}: {vm['state']}, addresses: {addresses}")
    rows.add_row("Time", ", ".join(f"{name} {seconds:g} s" for name, seconds in phases.seconds.items()))
    rows.add_row("Next", ".venv/bin/skerry login   [dim](asks for the password)[/dim]")
    rows.add_row("", f".venv/bin/skerry vm console {vm['name']}   [dim](Ctrl-] leaves it)[/dim]")
    rows.add_row("", "[dim]Ctrl-C stops the manager; the machine stays running.[/dim]")
    return Panel(rows, title="Skerry", expand=False)


async def run(*, once: bool) -> None:
    """All phases, in order; then stay until Ctrl-C, or power off and end."""
    with progress_of_phases() as drawn:
        await all_phases(Phases(drawn), once=once)


async def all_phases(phases: Phases, *, once: bool) -> None:
    """What `run` draws."""
    setup = ROOT / ".cache" / "setup-seconds"
    if setup.exists():
        phases.seconds["setup"] = float(setup.read_text())
    with phases.phase("image", "Build the appliance") as bar:
        file = image_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        recipe, settings = ROOT / "recipes" / "aos.ks", load_build_settings()
        built = await build_image(recipe, file, progress=bar, commands=CommandRunner(), settings=settings)
        if built.from_cache:
            phases.reused.add("image")
    with phases.phase("up", "Start manager and host") as bar:
        server = await start_server(load_settings({}).data_dir, bar)
        if server.daemon is None:
            phases.reused.add("up")
    try:
        async with signed_in(server) as cloud:
            await machine_phases(cloud, built.path, built.sha256, phases)
            vm = await settled(cloud)
            if once:
                await end(cloud, phases, vm)
                return
            phases.drawn.stop()
            screen.print(summary(cloud, vm, phases))
        await asyncio.Event().wait()
    finally:
        if server.daemon:
            await stop(server.daemon)


async def machine_phases(cloud: Cloud, image: Path, sha256: str, phases: Phases) -> None:
    """From the image to the login prompt."""
    steps: list[tuple[str, str, Callable[[Bar], Any]]] = [
        ("host", "Look what the host can do", cloud.host_answers),
        ("import", "Import it as a template", lambda bar: import_template(cloud, image, sha256, bar)),
        ("create", "Clone a machine from it", lambda bar: create_machine(cloud, sha256, bar)),
        ("boot", "Boot it to its login", lambda bar: start_and_wait_for_login(cloud, bar)),
    ]
    for name, title, step in steps:
        with phases.phase(name, title) as bar:
            if await step(bar):
                phases.reused.add(name)


async def settled(cloud: Cloud) -> dict[str, Any]:
    """The machine, with its addresses where they come within a few seconds of the login prompt."""
    deadline = time.monotonic() + 20
    while True:
        vm: dict[str, Any] = await cloud.get(f"vms/{VM}")
        if vm["addresses"] or time.monotonic() > deadline:
            return vm
        await asyncio.sleep(0.5)


async def end(cloud: Cloud, phases: Phases, vm: dict[str, Any]) -> None:
    """Power the machine off and print the one line that scripts read."""
    task = await cloud.post(f"vms/{VM}/actions", {"action": "poweroff"})
    with phases.phase("poweroff", "Power it off") as bar:
        await cloud.done(task, bar)
    line: dict[str, Any] = {f"{name}_s": seconds for name, seconds in phases.seconds.items()}
    line |= {"reused": sorted(phases.reused), "vm": vm["state"], "login": True}
    line |= {"addresses": [address["address"] for address in vm["addresses"]], "url": cloud.server.url}
    print(json.dumps(line), flush=True)


async def stop(daemon: Daemon) -> None:
    """Ask the manager to end, and wait until it has."""
    daemon.signal(signal.SIGTERM)
    while daemon.alive():
        await asyncio.sleep(0.1)


def image_file() -> Path:
    """Where the built image is kept between demos."""
    return load_settings({}).data_dir / "demo" / "aos.qcow2"


def main() -> int:
    """Run the demo; two lines on stderr where it fails."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--once", action="store_true", help="power the machine off and end with a line of JSON")
    once = words.parse_args().once
    try:
        asyncio.run(run(once=once))
    except KeyboardInterrupt:
        screen.print(f"\nThe manager has stopped. {VM} stays running; `make demo` comes back to it.")
    except SkerryError as exc:
        screen.print(f"[red]demo:[/red] {exc.message}", highlight=False)
        if exc.hint:
            screen.print(f"hint: {exc.hint}", highlight=False)
        return 1
    except (httpx.HTTPError, websockets.WebSocketException) as exc:
        screen.print(f"[red]demo:[/red] the manager went away: {exc or type(exc).__name__}", highlight=False)
        screen.print(f"hint: its log is {load_settings({}).data_dir / LOG}", highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
