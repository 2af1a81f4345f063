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
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import websockets
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from skerry.cli import running
from skerry.cli.up_settings import load_settings
from skerry.commands import CommandRunner, Daemon, start_daemon
from skerry.errors import SkerryError, TimedOut, Unavailable
from skerry.images.build import build_image
from skerry.images.settings import load_settings as load_build_settings

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "aos"
LOG = "demo.log"
PASSWORD = re.compile(r"password:?\s+(\S+)", re.IGNORECASE)
VM = "demo"
READY_S = 60.0  # until `skerry up` answers, from a cold start
LOGIN_S = 600.0  # until the guest's login prompt; about 20 s is usual under emulation on a quiet machine
LOGIN = re.compile(rb"login: $")

screen = Console(stderr=True)


@dataclass
class Phases:
    """Names the long parts, draws the current one, and keeps how long each took."""

    seconds: dict[str, float] = field(default_factory=dict)
    reused: set[str] = field(default_factory=set)

    @contextmanager
    def phase(self, name: str, title: str) -> Iterator[Bar]:
        """Time and draw one phase."""
        started = time.monotonic()
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:24}"),
            BarColumn(bar_width=28),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
        )
        with Progress(*columns, console=screen, transient=True) as drawn:
            yield Bar(drawn, drawn.add_task(title, total=None, detail=""))
        self.seconds[name] = round(time.monotonic() - started, 1)
        again = " [dim](as before)[/dim]" if name in self.reused else ""
        screen.print(f"[green]✓[/green] {title:26} {self.seconds[name]:6.1f} s{again}", highlight=False)


@dataclass
class Bar:
    """One line of progress; speaks the Progress protocol, so that the builder can write to it."""

    drawn: Progress
    task: TaskID

    def step(self, name: str) -> None:
        """Show the step."""
        self.drawn.update(self.task, detail=name)

    def update(self, fraction: float | None, detail: str = "") -> None:
        """Move the bar."""
        if fraction is None:
            self.drawn.update(self.task, total=None)
        else:
            self.drawn.update(self.task, total=1.0, completed=fraction)
        if detail:
            self.drawn.update(self.task, detail=detail[:60])

    def log(self, line: str) -> None:
        """Lines of output stay out of the demo's picture."""


@dataclass(frozen=True)
class Server:
    """A running `skerry up`."""

    url: str
    data: Path
    daemon: Daemon | None  # None: it ran before we came

    def tls(self) -> ssl.SSLContext:
        """Trust exactly the certificate that lies in the data folder."""
        return ssl.create_default_context(cafile=str(self.data / "tls" / "certificate.pem"))


def running_server(data: Path) -> Server | None:
    """A `skerry up` that already works on this data folder."""
    found = running.find(data)
    return Server(found.url, data, None) if found else None


async def start_server(data: Path, bar: Bar) -> Server:
    """Use the running manager, or start one and wait until it answers."""
    already = running_server(data)
    if already:
        return already
    data.mkdir(parents=True, exist_ok=True)
    log = data / LOG
    log.touch(mode=0o600)
    log.chmod(0o600)  # the first start prints the admin password there
    started = log.stat().st_size
    daemon = start_daemon([Path(sys.executable).parent / "skerry", "up", "--data-dir", data], log=log)
    bar.step("waiting for the manager")
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        server = running_server(data)
        if server:
            return Server(server.url, data, daemon)
        if not daemon.alive():
            raise Unavailable(f"`skerry up` ended: {log.read_bytes()[started:].decode(errors='replace').strip()}")
        await asyncio.sleep(0.1)
    daemon.signal(signal.SIGTERM)
    raise TimedOut(f"`skerry up` was not ready within {READY_S:.0f} s", hint=f"its log is {log}")


class Cloud:
    """The few calls of the REST API that the demo makes."""

    def __init__(self, server: Server, client: httpx.AsyncClient) -> None:
        self.server = server
        self.client = client

    async def get(self, path: str, **query: str) -> Any:
        """Read something."""
        return self._body(await self.client.get(path, params=query))

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Ask for something."""
        return self._body(await self.client.post(path, json=body))

    async def find(self, noun: str, name: str) -> dict[str, Any] | None:
        """The thing with this name, or None."""
        answer = await self.client.get(f"{noun}/{name}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else self._body(answer)

    async def done(self, task: dict[str, Any], bar: Bar) -> dict[str, Any]:
        """Follow a task to its end over the event stream; a failed one is raised."""
        async with self.client.stream("GET", "events", timeout=None) as stream:
            told: dict[str, Any] = await self.get(f"tasks/{task['id']}")  # it may have ended before we listened
            kind = ""
            async for line in stream.aiter_lines():
                if told["state"] not in {"queued", "running"}:
                    break
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    if kind == "progress" and data["task"] == task["id"]:
                        bar.step(data["detail"] or data["step"])
                        bar.update(data["progress"])
                    elif kind == "fact" and data["object"]["id"] == task["id"]:
                        told = data["data"]
        if told["state"] != "succeeded":
            problem = told["error"] or {"detail": f"{told['title']}: {told['state']}", "hint": None}
            raise SkerryError(problem["detail"], hint=problem["hint"])
        return told

    @staticmethod
    def _body(answer: httpx.Response) -> Any:
        if answer.is_error:
            problem = answer.json()
            raise SkerryError(problem["detail"], hint=problem.get("hint"))
        return answer.json() if answer.content else None


def admin_password(server: Server) -> str:
    """The password that the first start printed into the demo's own log."""
    log = server.data / LOG
    printed = PASSWORD.findall(log.read_text()) if log.exists() else []
    if not printed:
        raise Unavailable(
            f"the first start on {server.data} was not by the demo, so it does not know the admin password",
            hint="give it a data folder of its own: SKERRY_DATA_DIR=/some/folder make demo",
        )
    return str(printed[-1])


@asynccontextmanager
async def signed_in(server: Server) -> AsyncIterator[Cloud]:
    """A signed-in client; it signs out again at the end."""
    base = f"{server.url}/api/v1/"
    headers = {"Origin": server.url}
    async with httpx.AsyncClient(base_url=base, verify=server.tls(), headers=headers, timeout=60) as client:
        cloud = Cloud(server, client)
        session = await cloud.post("sessions", {"user": "admin", "password": admin_password(server)})
        client.headers["X-CSRF-Token"] = session["csrf_token"]
        try:
            yield cloud
        finally:
            await client.delete("sessions/current")


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
            answer = await cloud.client.put(f"uploads/{upload['id']}", params={"offset": offset}, content=chunk)
            answer.raise_for_status()
            bar.update(content.tell() / upload["size"] / 2)
    description = "Appliance OS: the small Debian that appliances stand on"
    body = {"name": name, "description": description, "upload": upload["id"], "sha256": sha256}
    await cloud.done(await cloud.post("images", body), bar)
    return False


async def create_machine(cloud: Cloud, sha256: str, bar: Bar) -> bool:
    """Make the machine as a thin clone, not yet started; True where it is there already."""
    if await cloud.find("vms", VM):
        return True
    current = await cloud.find("images", f"{TEMPLATE}-{sha256[:8]}")
    template = current["name"] if current else TEMPLATE
    body = {
        "name": VM,
        "description": "Made by `make demo`",
        "memory": 512 * 1024**2,
        "disks": [{"kind": "image", "image": template, "size": 4 * 1024**3}],
        "cloud_init": {"hostname": VM},
        "start": False,
    }
    await cloud.done(await cloud.post("vms", body), bar)
    return False


async def start_and_wait_for_login(cloud: Cloud, bar: Bar) -> bool:
    """Start the machine and read its serial console until it asks who is there; True where it ran already."""
    vm = await cloud.get(f"vms/{VM}")
    already = vm["state"] == "running"
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
                origin=cloud.server.url,
                max_size=None,  # type: ignore[arg-type]
            ) as console,
        ):
            if already:
                await console.send(b"\r")  # a prompt that waits says so again
            async for data in console:
                seen = (seen + (data if isinstance(data, bytes) else data.encode()))[-4096:]
                lines = seen.decode(errors="replace").strip().splitlines()
                bar.step(lines[-1][:60] if lines else "")
                if LOGIN.search(seen.rstrip(b"\x00")) or re.search(rb"login: ", seen):
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
    rows.add_row("Sign in as", f"[bold]admin[/bold] with [bold]{admin_password(cloud.server)}[/bold]")
    rows.add_row("Machine", f"{vm['name']}: {vm['state']}, addresses: {addresses}")
    rows.add_row("Time", ", ".join(f"{name} {seconds:g} s" for name, seconds in phases.seconds.items()))
    rows.add_row("Next", f".venv/bin/skerry vm console {vm['name']}   [dim](Ctrl-] leaves it)[/dim]")
    rows.add_row("", "[dim]Ctrl-C stops the manager; the machine stays running.[/dim]")
    return Panel(rows, title="Skerry", expand=False)


async def run(*, once: bool) -> None:
    """All phases, in order; then stay until Ctrl-C, or power off and end."""
    phases = Phases()
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
            screen.print(summary(cloud, vm, phases))
        await asyncio.Event().wait()
    finally:
        if server.daemon:
            await stop(server.daemon)


async def machine_phases(cloud: Cloud, image: Path, sha256: str, phases: Phases) -> None:
    """From the image to the login prompt."""
    steps: list[tuple[str, str, Callable[[Bar], Any]]] = [
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
    line = {f"{name}_s": seconds for name, seconds in phases.seconds.items()}
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
