"""What a page of 100 of 5,000 machines costs over HTTPS: real manager, SQLite, simulated host, a client beside."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvloop

from bench.figure import Figure
from skerry.api.app import create_app
from skerry.api.certificate import ensure_certificate
from skerry.api.server import serving
from skerry.cli.listening import listen, url
from skerry.cli.up_settings import UpSettings
from skerry.host.simulated import simulated_host
from skerry.host.types import Consoles, Disk, Machine, MachineState, Nic
from skerry.link.local import LocalLink
from skerry.manager.manager import Manager
from skerry.manager.types import SignIn

MACHINES = 5_000
REQUESTS = 200
GOAL_S = 0.050
LISTED_S = 120.0


def measure() -> list[Figure]:
    """The 95th percentile of `GET /vms`."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        times = runner.run(_times(Path(folder)))
    p95 = statistics.quantiles(times, n=20)[-1]
    text = f"{p95 * 1000:.0f} ms (median {statistics.median(times) * 1000:.0f} ms)"
    return [Figure(f"p95 of GET /vms, 100 of {MACHINES}", text, f"{GOAL_S * 1000:.0f} ms", p95 <= GOAL_S)]


async def _times(folder: Path) -> list[float]:
    host = simulated_host("rack1-a", folder=folder, machines=[_machine(number) for number in range(MACHINES)])
    settings = UpSettings(data_dir=folder / "data", storage_pool="skerry")
    manager = Manager(settings, LocalLink([host]))
    await host.start()
    await manager.start()
    try:
        password = await manager.people.first_password()
        assert password
        certificate = ensure_certificate(folder / "tls", ["127.0.0.1"], now=dt.datetime.now(dt.UTC))
        sockets = listen(["127.0.0.1"], 0)
        tls = ssl.create_default_context(cafile=certificate.file)
        async with (
            serving(create_app(manager, settings), sockets, certificate.context()),
            httpx.AsyncClient(base_url=url(sockets, "me"), verify=tls, timeout=60) as client,
        ):
            await client.post("/api/v1/sessions", json=SignIn(user="admin", password=password).model_dump())
            async with asyncio.timeout(LISTED_S):
                await _settled(client)
            told = {
                "url": str(client.base_url),
                "ca": str(certificate.file),
                "user": "admin",
                "password": password,
            }
            return await _asked(told | {"requests": REQUESTS})
    finally:
        await manager.stop()
        await host.stop()


async def _settled(client: httpx.AsyncClient) -> None:
    """Return when the inventory has all machines and nothing is told any more."""
    before, now = -1, 0
    while before != now or now < MACHINES:
        await asyncio.sleep(2)
        before, now = now, (await client.get("/api/v1/facts", params={"limit": "1"})).json()["total"]


async def _asked(told: dict[str, Any]) -> list[float]:
    """What the client measured, which shares neither process nor lock with the server."""
    argv = (sys.executable, "-m", "bench.list_client")
    asking = await asyncio.create_subprocess_exec(*argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said, _ = await asking.communicate(json.dumps(told).encode() + b"\n")
    if asking.returncode:
        raise RuntimeError("the client failed")
    times: list[float] = json.loads(said)
    return times


def _machine(number: int) -> Machine:
    return Machine(
        uuid=UUID(int=number + 1),
        name=f"vm-{number:05}",
        state=MachineState.RUNNING if number % 3 else MachineState.STOPPED,
        vcpus=2,
        memory=1024**3,
        max_vcpus=2,
        max_memory=1024**3,
        disks=(
            Disk(
                target="vda", device="disk", bus="virtio", source=f"/images/vm-{number:05}.qcow2", format="qcow2"
            ),
        ),
        nics=(Nic(mac=f"52:54:00:00:{number // 256:02x}:{number % 256:02x}", kind="network", network="default"),),
        consoles=Consoles(graphics=True, serial=True),
        etag=f"{number:016x}",
    )
