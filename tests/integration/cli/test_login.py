"""Signing in: what is trusted, what is kept, what is forgotten."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from tests.integration.cli.conftest import TOKEN, Skerry
from tests.integration.cli.fake_server import Fake, Reply, Request, page, problem, serving

from skerry.api.certificate import Certificate, ensure_certificate
from skerry.cli.credentials import Credentials, default_path
from skerry.cli.running import announced

LOGIN = ("--password-stdin", "--user", "ann")


@pytest.fixture
def people(fake: Fake) -> Fake:
    """Lets ann in."""

    def sign_in(request: Request) -> Reply:
        if request.json == {"user": "ann", "password": "right"}:
            return Reply(
                201, {"csrf_token": "csrf"}, headers={"set-cookie": "skerry_session=s3cret; Path=/; Secure"}
            )
        return problem("unauthenticated", 401, "the name or the password is wrong")

    fake.on("POST", "/sessions", sign_in)
    fake.on("POST", "/tokens", Reply(201, {"secret": "new-token", "id": "t2"}))
    fake.on("DELETE", "/sessions/current", Reply(204))
    return fake


def _file(home: Path) -> Path:
    return home / "config" / "skerry" / "login.json"


def test_login_keeps_a_token_that_only_the_person_can_read(
    nobody: Skerry, people: Fake, certificate: Certificate, home: Path
) -> None:
    result = nobody("login", people.url, *LOGIN, "--fingerprint", certificate.fingerprint, stdin="right\n")

    assert result.status == 0, result.err
    assert stat.S_IMODE(_file(home).stat().st_mode) == 0o600
    kept = Credentials(_file(home)).current({})
    assert (kept.url, kept.user, kept.token) == (people.url, "ann", "new-token")
    assert "right" not in _file(home).read_text()


def test_login_makes_the_token_within_a_session_and_ends_it(
    nobody: Skerry, people: Fake, certificate: Certificate
) -> None:
    nobody("login", people.url, *LOGIN, "--fingerprint", certificate.fingerprint, "--days", 7, stdin="right\n")

    [token] = people.got("POST", "/tokens")
    assert token.headers["cookie"] == "skerry_session=s3cret"
    assert token.headers["x-csrf-token"] == "csrf"
    assert token.json["expires_in_days"] == 7
    assert people.got("DELETE", "/sessions/current")


def test_a_certificate_that_nobody_vouches_for_is_shown_and_not_trusted_by_itself(
    nobody: Skerry, people: Fake, certificate: Certificate, home: Path
) -> None:
    result = nobody("login", people.url, *LOGIN, stdin="right\n")

    assert result.status == 5
    assert certificate.fingerprint in result.err
    assert not people.requests
    assert not _file(home).exists()


def test_another_fingerprint_than_the_given_one_is_refused(nobody: Skerry, people: Fake) -> None:
    result = nobody("login", people.url, *LOGIN, "--fingerprint", "ab" * 32, stdin="right\n")

    assert result.status == 5
    assert not people.requests


def test_what_is_no_fingerprint_is_told_so(nobody: Skerry, people: Fake) -> None:
    result = nobody("login", people.url, *LOGIN, "--fingerprint", "abc", stdin="right\n")

    assert result.status == 2
    assert "'abc' is not a SHA-256 fingerprint" in result.err


def test_a_wrong_password_leaves_nothing(
    nobody: Skerry, people: Fake, certificate: Certificate, home: Path
) -> None:
    result = nobody("login", people.url, *LOGIN, "--fingerprint", certificate.fingerprint, stdin="wrong\n")

    assert result.status == 4
    assert "the name or the password is wrong" in result.err
    assert not _file(home).exists()


def test_a_known_server_is_not_asked_about_again_and_the_old_token_ends(
    skerry: Skerry, people: Fake, home: Path
) -> None:
    people.on("DELETE", "/tokens/id-of-token", Reply(204))

    result = skerry("login", people.url, *LOGIN, stdin="right\n")

    assert result.status == 0, result.err
    assert people.got("DELETE", "/tokens/id-of-token")
    assert Credentials(_file(home)).current({}).token == "new-token"


def test_a_changed_certificate_is_warned_of_at_the_next_login(
    skerry: Skerry, fake: Fake, home: Path, tmp_path: Path
) -> None:
    other = ensure_certificate(tmp_path / "other", ["127.0.0.1"], now=dt.datetime.now(dt.UTC))
    with serving(other.file, other.key_file) as stranger:
        _file(home).write_text(_file(home).read_text().replace(fake.url, stranger.url))

        result = skerry("login", stranger.url, *LOGIN, stdin="right\n")

    assert result.status == 5
    assert "WARNING" in result.err
    assert not stranger.requests


def test_without_a_terminal_and_a_password_login_says_how_to_give_one(
    nobody: Skerry, people: Fake, certificate: Certificate
) -> None:
    result = nobody("login", people.url, "--fingerprint", certificate.fingerprint)

    assert result.status == 2
    assert "--password-stdin" in result.err


def test_login_without_a_server_finds_the_one_that_runs_here(
    nobody: Skerry, people: Fake, certificate: Certificate, home: Path
) -> None:
    data = home / "data"
    (data / "tls").mkdir(parents=True)
    shutil.copy(certificate.file, data / "tls" / "certificate.pem")
    with announced(data, people.url, "0.1.0"):
        result = nobody("login", *LOGIN, stdin="right\n")

    assert result.status == 0, result.err
    assert Credentials(_file(home)).current({}).url == people.url


def test_the_one_that_runs_here_is_known_by_its_note_also_with_a_given_certificate(
    nobody: Skerry, people: Fake, certificate: Certificate, home: Path
) -> None:
    (home / "data").mkdir()
    with announced(home / "data", people.url, "0.1.0", certificate.fingerprint):
        for words in ([], [people.url]):  # also where its address is named
            result = nobody("login", *words, *LOGIN, stdin="right\n")

            assert result.status == 0, result.err


def test_the_first_password_of_the_one_that_runs_here_is_used_while_it_holds(
    nobody: Skerry, people: Fake, certificate: Certificate, home: Path
) -> None:
    data = home / "data"
    data.mkdir()
    (data / "admin-password").write_text("of-old\n")
    with announced(data, people.url, "0.1.0", certificate.fingerprint):
        result = nobody("login")

    assert result.status == 2
    assert "admin has another password than the first one by now" in result.err
    assert "--password-stdin" in result.err  # nobody is there to ask


def test_login_without_a_server_where_none_runs_tells_the_next_step(nobody: Skerry) -> None:
    result = nobody("login")

    assert result.status == 3
    assert "skerry up starts one" in result.err


@pytest.mark.parametrize("address", ["http://127.0.0.1:8443", "https://", "https://a:99999", "https://user@host"])
def test_what_is_no_address_of_a_server_is_told_so(nobody: Skerry, address: str) -> None:
    result = nobody("login", address)

    assert result.status == 2
    assert address in result.err


def test_logout_ends_the_token_there_and_here(skerry: Skerry, fake: Fake, home: Path) -> None:
    fake.on("DELETE", "/tokens/id-of-token", Reply(204))

    assert skerry("logout").status == 0

    assert fake.got("DELETE", "/tokens/id-of-token")
    assert TOKEN not in _file(home).read_text()


def test_after_logout_the_pin_is_still_known(skerry: Skerry, fake: Fake, certificate: Certificate) -> None:
    fake.on("DELETE", "/tokens/id-of-token", Reply(204))
    skerry("logout")

    kept = Credentials(default_path(os.environ)).find(fake.url)

    assert kept is not None
    assert kept.pin is not None
    assert kept.token is None


def test_logout_forgets_the_token_even_where_the_server_is_away(skerry: Skerry, fake: Fake, home: Path) -> None:
    content = _file(home).read_text()
    _file(home).write_text(content.replace(fake.url, "https://127.0.0.1:1"))

    result = skerry("logout")

    assert result.status == 0
    assert "could not be deleted on the server" in result.err
    assert TOKEN not in _file(home).read_text()


def test_whoami_says_who_and_where(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/tokens", page([{"user": "ann"}]))

    assert skerry("whoami").out == f"User:   ann\nServer: {fake.url}\n"


def test_nobody_is_told_to_sign_in(nobody: Skerry) -> None:
    result = nobody("vm", "ls")

    assert result.status == 4
    assert result.err.endswith("hint: sign in: skerry login [URL]\n")


def test_version_works_for_nobody_and_tells_the_servers(nobody: Skerry, skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/about", {"version": "9.8.7"})

    told = skerry("version")

    assert f"server 9.8.7 at {fake.url}" in told.out
    assert json.loads(skerry("version", "--json").out)["server"] == "9.8.7"


def test_a_dead_server_does_not_keep_the_version_secret(skerry: Skerry, fake: Fake) -> None:
    result = skerry("version", "--server", "https://127.0.0.1:1")

    assert result.status == 0
    assert result.out.startswith("skerry ")
