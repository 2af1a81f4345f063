"""The small nouns: lists, what is shown, people and tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.integration.cli.conftest import Skerry
from tests.integration.cli.fake_server import HOST, IMAGE, TASK, Fake, Reply, example, page

PLACES = [("one", "a"), ("two", "a"), ("two", "b")]
LISTS = [
    (["image", "ls"], "/images", IMAGE),
    (["host", "ls"], "/hosts", HOST),
    (["network", "ls"], "/networks", example("Network")),
    (["volume", "ls"], "/volumes", example("VolumeInfo")),
    (["upload", "ls"], "/uploads", example("Upload")),
    (["pool", "ls"], "/pools", example("Pool")),
    (["task", "ls"], "/tasks", TASK),
    (["user", "ls"], "/users", example("User")),
    (["token", "ls"], "/tokens", example("Token")),
]


@pytest.mark.parametrize(("words", "path", "item"), LISTS, ids=[" ".join(row[0]) for row in LISTS])
def test_every_list_is_a_table_and_with_json_what_the_server_said(
    skerry: Skerry, fake: Fake, words: list[str], path: str, item: dict[str, Any]
) -> None:
    fake.on("GET", path, page([item]))

    lines = skerry(*words).out.splitlines()
    assert len(lines) == 2
    assert str(item.get("name") or item["id"]) in lines[1]

    assert json.loads(skerry(*words, "--json").out) == [item]


@pytest.mark.parametrize(
    ("words", "path"), [(["image", "show", "x"], "/images/x"), (["host", "show", "x"], "/hosts/x")]
)
def test_what_is_shown_comes_with_json_as_the_server_said_it(
    skerry: Skerry, fake: Fake, words: list[str], path: str
) -> None:
    item = IMAGE if "image" in words else HOST
    fake.on("GET", path, item)

    assert item["name"] in skerry(*words).out
    assert skerry(*words, "--json").json == item


def test_the_only_host_needs_no_name(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/hosts", page([HOST]))

    assert HOST["facts"]["accelerator"]["reason"] in skerry("host", "show").out


def test_of_several_hosts_one_must_be_named(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/hosts", page([HOST, HOST | {"name": "b"}]))

    result = skerry("host", "show")

    assert result.status == 2
    assert f"{HOST['name']}, b" in result.err


def test_people_and_tokens(skerry: Skerry, fake: Fake) -> None:
    fake.on("POST", "/users", Reply(201, example("User")))
    fake.on("PUT", "/users/me/password", Reply(204))
    fake.on("DELETE", "/users/ann", Reply(204))
    fake.on("POST", "/tokens", Reply(201, example("TokenWithSecret")))
    fake.on("GET", "/tokens", page([example("Token")]))
    fake.on("DELETE", f"/tokens/{example('Token')['id']}", Reply(204))

    assert skerry("user", "add", "ann", "--admin", "--password-stdin", stdin="long enough\n").status == 0
    assert skerry("user", "passwd", "--password-stdin", stdin="old one\nnew password\n").status == 0
    assert skerry("user", "delete", "ann", "--yes").status == 0
    secret = skerry("token", "create", "ci", "--never")
    assert skerry("token", "delete", example("Token")["name"], "--yes").status == 0

    assert fake.got("POST", "/users")[0].json == {"name": "ann", "password": "long enough", "admin": True}
    passwords = {"old_password": "old one", "new_password": "new password"}
    assert fake.got("PUT", "/users/me/password")[0].json == passwords
    assert fake.got("POST", "/tokens")[0].json == {"name": "ci", "expires_in_days": None}
    assert secret.out == example("TokenWithSecret")["secret"] + "\n"
    assert len(fake.got("DELETE", f"/tokens/{example('Token')['id']}")) == 1


def test_volumes_are_deleted_by_name_or_by_pool_and_name(skerry: Skerry, fake: Fake) -> None:
    volumes = [example("VolumeInfo") | {"name": name, "storage_pool": pool} for name, pool in PLACES]
    fake.on("GET", "/volumes", page(volumes))
    done = TASK | {"state": "succeeded"}
    for name, pool in PLACES:
        fake.on("DELETE", f"/volumes/{pool}/{name}", Reply(202, done))
    fake.on("GET", f"/tasks/{done['id']}", done)

    assert skerry("volume", "delete", "one", "b/two", "--yes").status == 0
    assert fake.got("DELETE", "/volumes/a/one")
    assert fake.got("DELETE", "/volumes/b/two")
    several = skerry("volume", "delete", "two", "--yes")
    assert "two is in several pools: a, b" in several.err
    assert "there is no volume three" in skerry("volume", "delete", "three", "--yes").err


def test_uploads_are_thrown_away(skerry: Skerry, fake: Fake) -> None:
    fake.on("DELETE", "/uploads/u1", Reply(204))

    assert skerry("upload", "delete", "u1", "--yes").status == 0
    assert fake.got("DELETE", "/uploads/u1")
