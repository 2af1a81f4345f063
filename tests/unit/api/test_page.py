"""The web page as files."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from tests.unit.api.conftest import ORIGIN
from tests.unit.api.stand_in import StandIn

from skerry.api.app import create_app
from skerry.api.settings import ApiSettings


@pytest.mark.parametrize("path", ["/", "/vms", "/vms/web1/console", "/index.html", "/vms/a.b"])
async def test_the_page_answers_on_every_path_that_its_router_owns(nobody: httpx.AsyncClient, path: str) -> None:
    answer = await nobody.get(path)

    assert "<title>the page</title>" in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_assets_are_packed_and_kept_for_ever(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.get("/assets/index-a1b2.js", headers={"Accept-Encoding": "gzip, br"})
    plain = await nobody.get("/assets/index-a1b2.js", headers={"Accept-Encoding": "identity"})

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == plain.content
    assert "content-encoding" not in plain.headers
    assert len(gzip.compress(plain.content)) < len(plain.content)


async def test_what_did_not_change_is_not_sent_again(nobody: httpx.AsyncClient) -> None:
    etag = (await nobody.get("/")).headers["etag"]

    again = await nobody.get("/", headers={"If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")


async def test_a_page_that_was_built_anew_is_sent_anew(nobody: httpx.AsyncClient, settings: ApiSettings) -> None:
    await nobody.get("/")
    assert settings.page_dir
    (settings.page_dir / "index.html").write_text("<title>the new page</title>")

    assert "the new page" in (await nobody.get("/")).text


async def test_a_missing_asset_is_not_answered_with_the_page(nobody: httpx.AsyncClient) -> None:
    answer = await nobody.get("/assets/index-0000.js")

    assert answer.status_code == 404
    assert "load it again" in answer.json()["hint"]


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/assets/../../secret", "/..%2fsecret", "/%00", "//etc/passwd"]
)
async def test_no_path_leaves_the_folder(nobody: httpx.AsyncClient, path: str) -> None:
    answer = await nobody.get(httpx.URL(ORIGIN).copy_with(raw_path=path.encode()))

    assert "not for everybody" not in answer.text
    assert "root:" not in answer.text


async def test_a_page_that_was_not_built_says_so(behind: StandIn, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    app = create_app(behind.manager(), ApiSettings(page_dir=tmp_path / "empty"))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        answer = await client.get("/")

    assert answer.status_code == 503
    assert "make web" in answer.text


async def test_the_page_can_be_asked_for_its_head(nobody: httpx.AsyncClient) -> None:
    assert (await nobody.head("/")).status_code == 200
