"""A real manager (SQLite, a simulated host) behind the whole API, each answer checked against the document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from tests.fixtures.little_definition import write_definition
from tests.integration.api.contract import document

from skerry.api.app import create_app
from skerry.cli.up_settings import UpSettings
from skerry.host.simulated import simulated_host
from skerry.link.local import LocalLink
from skerry.manager.manager import Manager

BASE = "https://localhost/api/v1/"
PASSWORD = "annas-long-password"


@dataclass
class Cloud:
    """A manager with one host, and ways to speak to it."""

    app: FastAPI
    admin: httpx.AsyncClient
    new_client: Callable[[], httpx.AsyncClient]

    async def do(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask as admin."""
        return await self.admin.request(method, path, **more)

    async def done(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Ask for a task, and wait until it has succeeded."""
        answer = await self.do(method, path, **more)
        assert answer.status_code == 202, answer.text
        task = await self.ended(answer.json()["id"])
        assert task["state"] == "succeeded", task["error"]
        return task

    async def ended(self, task_id: str) -> dict[str, Any]:
        """The task when it has ended."""
        async with asyncio.timeout(60):
            while True:
                task = (await self.do("GET", f"tasks/{task_id}")).json()
                if task["state"] in {"succeeded", "failed", "cancelled"}:
                    return dict(task)
                await asyncio.sleep(0.02)

    async def make_vm(self, name: str, **more: Any) -> dict[str, Any]:
        """A machine that is stopped."""
        await self.done("POST", "vms", json={"name": name, "start": False, **more})
        return dict((await self.do("GET", f"vms/{name}")).json())

    async def import_image(self, name: str, content: bytes) -> dict[str, Any]:
        """An image of the library."""
        upload = (await self.do("POST", "uploads", json={"size": len(content)})).json()
        await self.do("PUT", f"uploads/{upload['id']}", content=content)
        await self.done("POST", "images", json={"name": name, "upload": upload["id"]})
        return dict((await self.do("GET", f"images/{name}")).json())


@asynccontextmanager
async def open_cloud(folder: Path) -> AsyncIterator[Cloud]:
    """A cloud whose host and storage pools are known."""
    host = simulated_host("rack1-a", folder=folder)
    write_definition(folder / "guest-os")
    settings = UpSettings(data_dir=folder / "data", page_dir=folder, storage_pool="skerry")
    manager = Manager(settings, LocalLink([host]))
    async with AsyncExitStack() as stack:
        await host.start()
        stack.push_async_callback(host.stop)
        stack.push_async_callback(manager.stop)
        await manager.start()
        password = await manager.people.first_password()
        app = create_app(manager, settings)
        clients: list[httpx.AsyncClient] = []

        def new_client() -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(
                transport=transport, base_url=BASE, event_hooks={"response": [document.check]}, timeout=30
            )
            clients.append(client)
            return client

        admin = new_client()
        session = await admin.post("sessions", json={"user": "admin", "password": password})
        admin.headers["X-CSRF-Token"] = session.json()["csrf_token"]
        async with asyncio.timeout(30):
            while not (await admin.get("storage-pools")).json()["items"]:
                await asyncio.sleep(0.02)
        yield Cloud(app, admin, new_client)
        for client in clients:
            await client.aclose()


async def sign_in(cloud: Cloud, user: str, password: str) -> httpx.AsyncClient:
    """A browser of this person."""
    client = cloud.new_client()
    answer = await client.post("sessions", json={"user": user, "password": password})
    assert answer.status_code == 201
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client
