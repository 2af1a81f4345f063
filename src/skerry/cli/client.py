"""The REST API, called with what Python brings along: quick to import, and careful whom it talks to."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from skerry import errors
from skerry.cli.certificates import CannotReach, check_pin, tls_context
from skerry.cli.credentials import Server
from skerry.errors import SkerryError

BASE = "/api/v1"
CONNECT_S = 10.0
ANSWER_S = 60.0
_IDLE_S = 2.0  # servers close connections that are idle for longer; a fresh one costs little
_PAGE = 500
_PROBLEM = "application/problem+json"
_BROKEN = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)

Query = Mapping[str, object]
Json = dict[str, Any]


class Refused(SkerryError):
    """The server's own words, with the whole problem document for programs."""

    code = "refused"

    def __init__(
        self, message: str, *, hint: str | None = None, problem: Json | None = None, where: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem or {}
        self.where = where  # the path that was asked for

    @classmethod
    def of(cls, problem: Json, *, where: str = "") -> Self:
        """The error that a problem document tells."""
        words = str(problem.get("detail") or problem.get("title"))
        return cls(words, hint=problem.get("hint"), problem=problem, where=where)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    content: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever the contract says for this route
        """The body, or None where there is none."""
        return json.loads(self.content) if self.content else None


def path(*parts: object) -> str:
    """`("vms", "web 1", "nics")` becomes `/vms/web%201/nics`."""
    return "".join("/" + quote(str(part), safe="") for part in parts)


class _Connection(http.client.HTTPSConnection):
    """A connection that looks at the certificate before it sends anything."""

    def __init__(self, server: Server, timeout_s: float, *, check: bool = True) -> None:
        parts = urlsplit(server.url)
        assert parts.hostname
        super().__init__(parts.hostname, parts.port, timeout=timeout_s, context=tls_context(server.pin))
        self.server = server
        self._check = check

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            if self._check:
                check_pin(self.server.pin, self.sock.getpeercert(binary_form=True), self.server.url)
        except CannotReach:
            self.close()
            raise
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Client:
    """Speaks to one server, over one connection that is kept while it is used."""

    def __init__(self, server: Server, *, debug: bool = False, connect_s: float = CONNECT_S) -> None:
        self.server = server
        self.headers: dict[str, str] = {"User-Agent": "skerry-cli", "Accept": f"application/json, {_PROBLEM}"}
        if server.token:
            self.headers["Authorization"] = f"Bearer {server.token}"
        self._debug = debug
        self._connect_s = connect_s
        self._kept: _Connection | None = None
        self._used = 0.0
        self._prefix = urlsplit(server.url).path + BASE

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._kept:
            self._kept.close()
            self._kept = None

    def get(self, where: str, query: Query | None = None) -> Any:  # noqa: ANN401 - as the route answers
        """Read something."""
        return self.call("GET", where, query=query).json()

    def post(self, where: str, body: object = None, query: Query | None = None) -> Any:  # noqa: ANN401
        """Ask for something; a repetition after a lost answer is recognised by the server."""
        return self.call("POST", where, body, query=query).json()

    def patch(self, where: str, body: object) -> Any:  # noqa: ANN401
        """Change something."""
        return self.call("PATCH", where, body).json()

    def put(self, where: str, body: object) -> Any:  # noqa: ANN401
        """Replace something."""
        return self.call("PUT", where, body).json()

    def delete(self, where: str, query: Query | None = None) -> Any:  # noqa: ANN401
        """Remove something."""
        return self.call("DELETE", where, query=query).json()

    def every(self, where: str, query: Query | None = None, *, most: int | None = None) -> Iterator[Json]:
        """All items of a list, page after page, or the first `most`."""
        asked: dict[str, object] = dict(query or {})
        left = most
        while left is None or left > 0:
            asked["limit"] = _PAGE if left is None else min(left, _PAGE)
            page = self.get(where, asked)
            yield from page["items"]
            asked["cursor"] = page.get("next_cursor")
            if not asked["cursor"]:
                return
            left = None if left is None else left - len(page["items"])

    def call(
        self,
        method: str,
        where: str,
        body: object = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ANSWER_S,
    ) -> Answer:
        """One request; `body` is JSON, or bytes as they are.

        Raises:
            Refused: the server said no.
            CannotReach: it did not say anything.
        """
        if self._kept and time.monotonic() - self._used > _IDLE_S:
            self.close()
        fresh = self._kept is None
        sent = self._request_headers(method, body, headers)
        try:
            answer = self._exchange(method, where, body, query, sent, timeout_s)
        except _BROKEN as exc:
            self.close()
            if fresh or not (method == HTTPMethod.GET or "Idempotency-Key" in sent):
                raise self._unreachable(exc) from exc
            answer = self._retried(method, where, body, query, sent, timeout_s)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise self._unreachable(exc) from exc
        except BaseException:
            self.close()  # an answer that was not read would be taken for that of the next request
            raise
        self._used = time.monotonic()
        return self._checked(answer, where)

    def _retried(
        self, method: str, where: str, body: object, query: Query | None, headers: dict[str, str], timeout_s: float
    ) -> Answer:
        try:
            return self._exchange(method, where, body, query, headers, timeout_s)
        except (OSError, http.client.HTTPException) as exc:
            self.close()
            raise self._unreachable(exc) from exc

    def _exchange(
        self, method: str, where: str, body: object, query: Query | None, headers: dict[str, str], timeout_s: float
    ) -> Answer:
        began = time.monotonic()
        if self._kept is None:
            self._kept = self._connect()
        assert self._kept.sock is not None
        self._kept.sock.settimeout(timeout_s)
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        self._kept.request(method, self._target(where, query), content, headers)
        response = self._kept.getresponse()
        answer = Answer(response.status, _lower(response), response.read())
        if response.will_close:
            self.close()
        if self._debug:
            print(f"{method} {where} {answer.status} {(time.monotonic() - began) * 1000:.0f} ms", file=sys.stderr)
        return answer

    def _connect(self, *, check: bool = True) -> _Connection:
        connection = _Connection(self.server, self._connect_s, check=check)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection

    def _target(self, where: str, query: Query | None) -> str:
        words = {name: _word(value) for name, value in (query or {}).items() if value is not None}
        return self._prefix + where + (f"?{urlencode(words)}" if words else "")

    def _request_headers(self, method: str, body: object, more: Mapping[str, str] | None) -> dict[str, str]:
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        if method == HTTPMethod.POST:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        return headers | dict(more or {})

    @contextlib.contextmanager
    def stream(self, where: str, headers: Mapping[str, str], *, silence_s: float) -> Iterator[Iterator[bytes]]:
        """The lines of an answer that does not end, on a connection of its own; ends with it.

        Raises:
            Refused: the server said no.
            CannotReach: it cannot be reached, broke off, or was silent for `silence_s`.
        """
        connection: _Connection | None = None
        try:
            connection = self._connect()
            assert connection.sock is not None
            connection.sock.settimeout(silence_s)
            connection.request("GET", self._target(where, None), headers=self.headers | dict(headers))
            response = connection.getresponse()
            if response.status != HTTPStatus.OK:
                self._checked(Answer(response.status, _lower(response), response.read()), where)
            yield iter(response.readline, b"")
        except (OSError, http.client.HTTPException) as exc:
            raise self._unreachable(exc) from exc
        finally:
            if connection:
                connection.close()

    @contextlib.contextmanager
    def socket(self, *, check: bool = True) -> Iterator[ssl.SSLSocket]:
        """A connection of its own to the trusted server, for what is not HTTP.

        Without `check` it may be any server: only its certificate is to be looked at.

        Raises:
            CannotReach: it cannot be reached.
        """
        try:
            connection = self._connect(check=check)
        except (OSError, http.client.HTTPException) as exc:
            raise self._unreachable(exc) from exc
        try:
            assert isinstance(connection.sock, ssl.SSLSocket)
            connection.sock.settimeout(None)
            yield connection.sock
        finally:
            connection.close()

    def _checked(self, answer: Answer, where: str) -> Answer:
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer
        if not answer.headers.get("content-type", "").startswith(_PROBLEM):
            phrase = HTTPStatus(answer.status).phrase if answer.status in list(HTTPStatus) else ""
            raise CannotReach(
                f"{self.server.url} answered {answer.status} {phrase}".strip() + ", and not as Skerry does",
                hint="is this the address of a Skerry server, or does a proxy stand before it?",
            )
        refused = Refused.of(answer.json(), where=where)
        if answer.status == HTTPStatus.UNAUTHORIZED and "Authorization" in self.headers:
            refused.hint = f"sign in again: skerry login {self.server.url}"
        raise refused

    def _unreachable(self, exc: Exception) -> CannotReach:
        where = self.server.url
        if isinstance(exc, ssl.SSLCertVerificationError):
            return CannotReach(
                f"no authority that this machine trusts signed the certificate of {where}: {exc.verify_message}",
                hint=f"look at its fingerprint and trust it: skerry login {where}",
            )
        if isinstance(exc, ssl.SSLError) and exc.reason in {
            "WRONG_VERSION_NUMBER",
            "UNEXPECTED_EOF_WHILE_READING",
        }:
            return CannotReach(
                f"{where} does not speak TLS", hint="is the port right? Skerry's is 8443 by default"
            )
        if isinstance(exc, socket.gaierror):
            return CannotReach(f"the name in {where} is not known: {exc.strerror}", hint="is it spelled right?")
        if isinstance(exc, ConnectionRefusedError):
            return CannotReach(f"nothing listens at {where}", hint="is the server running? skerry up starts one")
        if isinstance(exc, TimeoutError):
            return CannotReach(f"{where} did not answer in time", hint="try again; a firewall may be in the way")
        words = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        return CannotReach(f"the connection to {where} broke: {words}", hint="try again")


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_STATUS_OF_CODE = {cls.code: cls.http_status for cls in errors.every_error()}


def http_status_of(error: SkerryError) -> int:
    """The status that belongs to an error, be it the server's or ours."""
    if isinstance(error, Refused):
        return int(error.problem.get("status") or _STATUS_OF_CODE.get(str(error.problem.get("code")), 500))
    return error.http_status
