"""The API behind the real web server, over TLS on a port of its own."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.api.stand_in import StandIn

from skerry.api.app import create_app
from skerry.api.certificate import Certificate, ensure_certificate
from skerry.api.server import serving
from skerry.api.settings import ApiSettings
from skerry.cli.listening import listen, url


@dataclass
class Served:
    """A running server, and a client with the administrator's token."""

    app: FastAPI
    behind: StandIn
    url: str
    tls: ssl.SSLContext
    client: httpx.AsyncClient
    life: AsyncExitStack

    async def stop(self) -> None:
        """Stop the server."""
        await self.life.aclose()


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """For this machine."""
    return ensure_certificate(tmp_path / "tls", ["127.0.0.1"], now=dt.datetime.now(dt.UTC))


@pytest.fixture
async def served(tmp_path: Path, certificate: Certificate) -> AsyncIterator[Served]:
    """The API over the stand-in manager."""
    behind = StandIn()
    app = create_app(behind.manager(), ApiSettings(page_dir=tmp_path))
    tls = ssl.create_default_context(cafile=certificate.file)
    headers = {"Authorization": "Bearer token-of-admin"}
    async with AsyncExitStack() as stack:
        sockets = listen(["127.0.0.1"], 0)
        address = url(sockets, "me")
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=address, verify=tls, headers=headers, timeout=60)
        )
        life = await stack.enter_async_context(AsyncExitStack())
        await life.enter_async_context(serving(app, sockets, certificate.context()))
        yield Served(app, behind, address, tls, client, life)
