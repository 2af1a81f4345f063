"""The API over the stand-in manager, without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.api.stand_in import PASSWORD, StandIn

from skerry.api.app import create_app
from skerry.api.settings import ApiSettings

ORIGIN = "https://localhost:8443"


@pytest.fixture
def behind() -> StandIn:
    """What the API asks."""
    return StandIn()


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    """A page of two files."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>the page</title>")
    (tmp_path / "assets" / "index-a1b2.js").write_text("console.log(1);" * 200)
    (tmp_path.parent / "secret").write_text("not for everybody")
    return ApiSettings(page_dir=tmp_path, names=("cloud.example.org",))


@pytest.fixture
def app(behind: StandIn, settings: ApiSettings) -> FastAPI:
    """The whole application."""
    return create_app(behind.manager(), settings)


@pytest.fixture
async def nobody(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody is signed in."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        yield client


@pytest.fixture
async def admin(nobody: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same browser, after the administrator signed in."""
    answer = await nobody.post("/api/v1/sessions", json={"user": "admin", "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    nobody.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return nobody


@pytest.fixture
async def program(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A program with the administrator's API token."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.8", 4711))
    headers = {"Authorization": "Bearer token-of-admin"}
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        yield client
