"""The manager that the demo starts or finds, and the few calls of its API that the demo makes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from phases import Bar

from skerry.cli import running
from skerry.commands import Daemon, start_daemon
from skerry.errors import SkerryError, TimedOut, Unavailable

LOG = "demo.log"
TOKEN = "demo/token"
TOKEN_DAYS = 365
PASSWORD = re.compile(r"password:?\s+(\S+)", re.IGNORECASE)
READY_S = 60.0  # until `skerry up` answers, from a cold start
HOST_S = 180.0  # until libvirt told what the host can do; on a busy machine, trying QEMU takes it a while


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
    chosen = {name: value for name, value in os.environ.items() if name.startswith("SKERRY_")}
    program = Path(sys.executable).parent / "skerry"
    daemon = start_daemon([program, "up", "--data-dir", data], log=log, env=chosen)
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
        self.first_password = True  # whether it still holds

    async def get(self, path: str, **query: str) -> Any:
        """Read something."""
        return self._body(await self.client.get(path, params=query))

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Ask for something."""
        return self._body(await self.client.post(path, json=body))

    async def delete(self, path: str) -> Any:
        """Ask for the end of something."""
        return self._body(await self.client.delete(path))

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

    async def host_answers(self, bar: Bar) -> bool:
        """Wait until this machine is there as a host; True where it was already."""
        waited, problem = False, ""
        try:
            async with asyncio.timeout(HOST_S), self.client.stream("GET", "events", timeout=None) as stream:
                lines = stream.aiter_lines()
                while offline := [each for each in (await self.get("hosts"))["items"] if not each["online"]]:
                    waited, problem = True, offline[0]["problem"] or "it did not answer"
                    bar.step(problem)
                    await anext(lines)
        except TimeoutError:
            raise TimedOut(
                f"the host was not there within {HOST_S:.0f} s: {problem}",
                hint=f"the log is {self.server.data / LOG}",
            ) from None
        return not waited

    async def put(self, path: str, content: bytes, **query: int) -> Any:
        """Send bytes."""
        return self._body(await self.client.put(path, params=query, content=content))

    async def sign_in(self, password: str) -> bool:
        """As admin; False where that is no longer the password."""
        answer = await self.client.post("sessions", json={"user": "admin", "password": password})
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return False
        self.client.headers["X-CSRF-Token"] = self._body(answer)["csrf_token"]
        return True

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
    """A signed-in client; it signs out again at the end.

    The first demo keeps a token of its own, for admin will get another password.
    """
    base = f"{server.url}/api/v1/"
    headers = {"Origin": server.url}
    async with httpx.AsyncClient(base_url=base, verify=server.tls(), headers=headers, timeout=60) as client:
        cloud = Cloud(server, client)
        token = server.data / TOKEN
        if await cloud.sign_in(admin_password(server)):
            if not token.exists():
                made = await cloud.post("tokens", {"name": "demo", "expires_in_days": TOKEN_DAYS})
                token.touch(mode=0o600)
                token.write_text(made["secret"])
        elif token.exists():
            client.headers["Authorization"] = f"Bearer {token.read_text()}"
            cloud.first_password = False
        else:
            raise Unavailable(
                "admin has another password by now, and the demo has no token",
                hint=f"give it a data folder of its own: SKERRY_DATA_DIR=/some/folder make demo; or make a token "
                f"(`skerry token create demo`) and write it into {token}",
            )
        try:
            yield cloud
        finally:
            if cloud.first_password:
                await client.delete("sessions/current")
