"""Whom the command line talks to, and what it makes of the answers."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from tests.integration.cli.conftest import TOKEN, Skerry
from tests.integration.cli.fake_server import TASK, VM, Fake, Reply, Request, page, problem, serving

from skerry.api.certificate import Certificate, ensure_certificate
from skerry.cli import names
from skerry.cli.credentials import default_path


def test_every_request_carries_the_token(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", page([]))

    assert skerry("vm", "ls").status == 0

    assert fake.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_list_is_asked_for_page_after_page(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", page([VM], "next"), page([VM | {"name": "web2"}]))

    result = skerry("vm", "ls", "--json")

    assert [vm["name"] for vm in result.json] == ["web1", "web2"]
    assert [request.query.get("cursor") for request in fake.requests] == [None, "next"]


def test_a_limit_ends_the_pages(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", page([VM], "next"))

    result = skerry("vm", "ls", "--json", "--limit", 1)

    assert len(result.json) == 1
    assert [request.query["limit"] for request in fake.requests] == ["1"]


def test_names_are_quoted_in_paths(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms/a b?c#d%", VM)

    assert skerry("vm", "show", "a b?c#d%").status == 0


def test_another_certificate_is_refused_before_anything_is_sent(
    skerry: Skerry, fake: Fake, home: Path, tmp_path: Path
) -> None:
    other = ensure_certificate(tmp_path / "other", ["127.0.0.1"], now=dt.datetime.now(dt.UTC))
    with serving(other.file, other.key_file) as stranger:
        stranger.on("GET", "/vms", page([]))
        _remember_as(fake, stranger.url)

        result = skerry("vm", "ls")

    assert result.status == 5
    assert "does not show the certificate that you trusted" in result.err
    assert other.fingerprint in result.err
    assert "hint: " in result.err
    assert not stranger.requests


def _remember_as(fake: Fake, url: str) -> None:
    """What was remembered of the fake server is now said of this one."""
    file = default_path(os.environ)
    file.write_text(file.read_text().replace(fake.url, url))


def test_a_renewed_certificate_with_the_same_key_is_trusted(
    nobody: Skerry, certificate: Certificate, tmp_path: Path
) -> None:
    folder = tmp_path / "tls"
    first = ensure_certificate(folder, ["127.0.0.1"], now=dt.datetime.now(dt.UTC))
    with serving(first.file, first.key_file) as fake:
        _sign_in(nobody, fake, first)
    renewed = ensure_certificate(folder, ["127.0.0.1", "cloud.example"], now=dt.datetime.now(dt.UTC))
    assert renewed.fingerprint != first.fingerprint
    with serving(renewed.file, renewed.key_file) as later:
        later.on("GET", "/vms", page([]))
        _remember_as(fake, later.url)

        assert nobody("vm", "ls").status == 0


def _sign_in(skerry: Skerry, fake: Fake, certificate: Certificate) -> None:
    fake.on("POST", "/sessions", {"csrf_token": "csrf"})
    fake.on("POST", "/tokens", {"secret": TOKEN, "id": "t1"})
    fake.on("DELETE", "/sessions/current", Reply(204))
    result = skerry(
        "login", fake.url, "--fingerprint", certificate.fingerprint, "--password-stdin", stdin="right\n"
    )
    assert result.status == 0, result.err


def test_without_a_pin_an_authority_must_vouch(
    nobody: Skerry, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKERRY_URL", fake.url)
    monkeypatch.setenv("SKERRY_TOKEN", TOKEN)

    result = nobody("vm", "ls")

    assert result.status == 5
    assert "no authority that this machine trusts" in result.err
    assert f"skerry login {fake.url}" in result.err
    assert not fake.requests


def test_the_environment_names_server_token_and_fingerprint(
    nobody: Skerry, fake: Fake, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.on("GET", "/vms", page([]))
    monkeypatch.setenv("SKERRY_URL", fake.url)
    monkeypatch.setenv("SKERRY_TOKEN", "other-token")
    monkeypatch.setenv("SKERRY_FINGERPRINT", certificate.fingerprint)

    assert nobody("vm", "ls").status == 0

    assert fake.requests[0].headers["authorization"] == "Bearer other-token"


def test_a_server_that_is_not_there_is_told_in_two_lines(skerry: Skerry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"

    result = skerry("vm", "ls", "--server", url)

    assert result.status == 5
    assert result.err == (f"error: nothing listens at {url}\nhint: is the server running? skerry up starts one\n")


def test_a_server_that_does_not_speak_tls_is_told_so(skerry: Skerry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        result = skerry("vm", "ls", "--server", f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()

    assert result.status == 5
    assert "does not speak TLS" in result.err


def test_an_answer_that_is_not_of_skerry_is_told_so(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", Reply(502, b"<html>", "text/html"))

    result = skerry("vm", "ls")

    assert result.status == 5
    assert "answered 502 Bad Gateway, and not as Skerry does" in result.err


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("internal-error", 500, 1),
        ("bad-input", 422, 2),
        ("not-found", 404, 3),
        ("denied", 403, 4),
        ("name-taken", 409, 6),
        ("changed", 412, 6),
    ],
)
def test_the_exit_status_says_what_kind_of_error_it_was(
    skerry: Skerry, fake: Fake, code: str, status: int, expected: int
) -> None:
    fake.on("GET", "/hosts", problem(code, status, "that was wrong", "do it better"))

    result = skerry("host", "ls")

    assert (result.status, result.out) == (expected, "")
    assert result.err == "error: that was wrong\nhint: do it better\n"


def test_a_token_that_has_ended_is_told_so(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/hosts", problem("unauthenticated", 401, "the token has ended"))

    result = skerry("host", "ls")

    assert result.status == 4
    assert result.err == f"error: the token has ended\nhint: sign in again: skerry login {fake.url}\n"


def test_with_json_an_error_is_the_problem_document_on_stderr(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/hosts", problem("denied", 403, "you may not"))

    result = skerry("host", "ls", "--json")

    assert result.out == ""
    told = json.loads(result.err)
    assert (told["code"], told["status"], told["detail"]) == ("denied", 403, "you may not")


def test_a_wrong_command_line_is_two_lines_and_status_2(skerry: Skerry) -> None:
    result = skerry("vm", "ls", "--colour")

    assert result.status == 2
    assert result.err == "error: No such option: --colour\nhint: skerry vm ls --help shows what can be said\n"


def test_a_misspelt_noun_is_answered_with_the_nearest(skerry: Skerry) -> None:
    result = skerry("imgae", "ls")

    assert result.status == 2
    assert "hint: did you mean skerry image? " in result.err


def test_an_unknown_machine_is_answered_with_near_names(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms/wbe1", problem("not-found", 404, "there is no machine wbe1"))
    fake.on("GET", "/vms", page([VM, VM | {"name": "database"}]))

    result = skerry("vm", "show", "wbe1")

    assert result.status == 3
    assert result.err == ("error: there is no machine wbe1\nhint: did you mean web1? skerry vm ls lists them\n")


def test_an_unknown_snapshot_is_answered_with_near_names(skerry: Skerry, fake: Fake) -> None:
    fake.on("DELETE", "/vms/web1/snapshots/befor", problem("not-found", 404, "web1 has no snapshot befor"))
    fake.on("GET", "/vms/web1/snapshots", {"items": [{"name": "before"}]})

    result = skerry("vm", "snapshot", "delete", "web1", "befor", "--yes")

    assert "did you mean before?" in result.err


def test_a_request_whose_answer_was_lost_is_repeated_with_the_same_key(
    skerry: Skerry, fake: Fake, certificate: Certificate
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key_file)
    keys: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _remember_as(fake, f"https://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_answer_and_drop, args=(listener, context, keys))
        thread.start()
        result = skerry("task", "cancel", "t1", "t2", "--no-wait")
        thread.join()

    assert result.status == 0, result.err
    assert len(keys) == 3
    assert keys[0] != keys[1] == keys[2]


def _answer_and_drop(listener: socket.socket, context: ssl.SSLContext, keys: list[bytes]) -> None:
    """Answer one request, take the next one and close without a word, answer on a new connection."""
    body = json.dumps(TASK).encode()
    reply = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)

    def take(connection: ssl.SSLSocket) -> None:
        head = connection.recv(65536)
        keys.append(next(line for line in head.split(b"\r\n") if line.startswith(b"Idempotency-Key")))

    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True) as first:
        take(first)
        first.sendall(reply + body)
        take(first)
    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True) as second:
        take(second)
        second.sendall(reply + body)


def test_debug_shows_the_requests(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", page([]))

    result = skerry("vm", "ls", "--debug")

    assert "GET /vms 200" in result.err


def test_json_and_debug_may_stand_before_the_noun(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms", page([VM]))

    assert skerry("--json", "vm", "ls").json[0]["name"] == "web1"


def test_completion_asks_the_server_for_names(skerry: Skerry, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> Reply:
        return Reply(body=page([VM, VM | {"name": "database"}]))

    fake.on("GET", "/vms", answer)

    assert list(names.vms("we")) == ["web1"]


def test_completion_is_silent_where_nobody_is_signed_in(nobody: Skerry) -> None:
    assert list(names.vms("")) == []


def test_the_file_of_logins_survives_what_it_does_not_know(skerry: Skerry, home: Path) -> None:
    file = home / "config" / "skerry" / "login.json"
    file.write_text("[1, 2")

    result = skerry("vm", "ls")

    assert result.status == 1
    assert "is not what skerry login writes" in result.err
