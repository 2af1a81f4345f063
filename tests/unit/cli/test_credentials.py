"""The file of logins."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from skerry.cli.certificates import Pin
from skerry.cli.credentials import Credentials, NotSignedIn, Server, default_path, normal_url
from skerry.errors import BadInput, SkerryError

ANN = Server("https://a:8443", Pin("ab" * 32, "cd" * 32), "ann", "s3cret", "t1")
BOB = Server("https://b:8443", None, "bob", "other", "t2")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "login.json"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("cloud", "https://cloud:8443"),
        ("cloud:9000", "https://cloud:9000"),
        ("https://cloud", "https://cloud:443"),
        ("https://cloud:8443/", "https://cloud:8443"),
        ("https://cloud/skerry/", "https://cloud:443/skerry"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        (" 192.0.2.1 ", "https://192.0.2.1:8443"),
    ],
)
def test_addresses_are_remembered_in_one_form(text: str, url: str) -> None:
    assert normal_url(text) == url


@pytest.mark.parametrize("text", ["", "http://a", "https://a:x", "https://u:p@a", "https://a?b", "ftp://a"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        normal_url(text)


def test_what_was_remembered_is_there_again(file: Path) -> None:
    Credentials(file).remember(ANN)
    Credentials(file).remember(BOB)

    assert Credentials(file).find("a") == ANN
    assert Credentials(file).current({}) == BOB


def test_only_the_person_can_read_it_and_nothing_else_is_left(file: Path) -> None:
    Credentials(file).remember(ANN)
    Credentials(file).remember(BOB)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_the_token_is_not_in_the_representation() -> None:
    assert "s3cret" not in repr(ANN)


def test_a_named_server_comes_before_the_environment_and_that_before_the_last_login(file: Path) -> None:
    kept = Credentials(file)
    kept.remember(ANN)
    kept.remember(BOB)

    assert kept.current({"SKERRY_URL": "https://a:8443"}) == ANN
    assert kept.current({"SKERRY_URL": "https://a:8443"}, "b").user == "bob"
    assert kept.current({"SKERRY_URL": "c"}) == Server("https://c:8443")


def test_a_token_of_the_environment_does_not_say_whose_it_is(file: Path) -> None:
    kept = Credentials(file)
    kept.remember(ANN)

    server = kept.current({"SKERRY_TOKEN": "of-ci", "SKERRY_FINGERPRINT": "ef" * 32})

    assert server == Server(ANN.url, Pin("ef" * 32), None, "of-ci", None)


def test_nobody_is_signed_in_at_first(file: Path) -> None:
    with pytest.raises(NotSignedIn):
        Credentials(file).current({})


def test_to_forget_leaves_the_pin(file: Path) -> None:
    Credentials(file).remember(ANN)
    Credentials(file).forget(ANN.url)

    assert Credentials(file).find("a") == Server(ANN.url, ANN.pin)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1}', '{"current": null, "servers": [{"x": 1}]}'])
def test_a_broken_file_is_named(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content)

    with pytest.raises(SkerryError, match=r"login\.json is not what skerry login writes"):
        Credentials(file)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SkerryError, match="cannot be"):
        Credentials(tmp_path / "file" / "login.json").remember(ANN)


def test_the_file_is_plain_json(file: Path) -> None:
    Credentials(file).remember(ANN)

    content = json.loads(file.read_text())
    assert (content["version"], content["current"], len(content["servers"])) == (1, ANN.url, 1)


def test_the_file_lies_where_the_person_keeps_settings() -> None:
    assert default_path({"XDG_CONFIG_HOME": "/c"}) == Path("/c/skerry/login.json")
    assert default_path({}).parts[-3:] == (".config", "skerry", "login.json")
