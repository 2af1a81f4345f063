"""What stands before every route: is this request meant for us, sent by our own page, and of a sane size.

Plain ASGI, so that streams pass through untouched. In this order: the Host must be one of ours (against DNS
rebinding), the Origin must be ours (against pages of other sites), the body must not be larger than it may be.
Every answer gets the security headers, one line goes to the access log, and what nobody expected becomes a
problem document.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skerry.api.errors import WrongHost, WrongOrigin
from skerry.api.problems import answer, answer_to
from skerry.api.settings import ApiSettings
from skerry.errors import SkerryError, TooLarge
from skerry.manager.problems import problem_of_bug
from skerry.sizes import format_size

_access = logging.getLogger("skerry.access")

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TICKET = re.compile(r"(/consoles/)[^/]+")
_UPLOAD = re.compile(r"/api/v1/uploads/[^/]+")

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; "  # the terminal and the design system set inline styles
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def own_names() -> frozenset[str]:
    """The names under which this machine is reached without being told any."""
    hostname = socket.gethostname().lower()
    return frozenset({"localhost", hostname, hostname.partition(".")[0]})


def host_of(netloc: str) -> str:
    """The bare name or address of `name:port` or `[address]:port`, in lower case."""
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0].lower()
    return netloc.partition(":")[0].lower().rstrip(".")


def is_address(name: str) -> bool:
    """Whether this is a plain IP address. DNS cannot rebind one, so they are always fine."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def check_host(headers: Headers, names: Collection[str]) -> None:
    """Refuse a request that came under a name that is not ours.

    Raises:
        WrongHost: the Host header is missing, or names somebody else.
    """
    host = host_of(headers.get("host", ""))
    if not (is_address(host) or host in names or host.endswith(".localhost")):
        raise WrongHost(
            f"Skerry does not answer under the name {host[:100]!r}",
            hint="add the name to the setting `names` if people are to reach Skerry under it",
        )


def check_origin(headers: Headers, origins: Collection[str]) -> None:
    """Refuse a request that a page of another site sent. Programs that are no browsers send no Origin.

    Raises:
        WrongOrigin: it was.
    """
    origin = headers.get("origin")
    if origin is None:
        if headers.get("sec-fetch-site", "none") in {"same-origin", "none"}:
            return
    elif origin in origins or (origin.startswith("https://") and urlsplit(origin).netloc == headers.get("host")):
        return
    raise WrongOrigin("this request was sent by a page of another site")


class Guard:
    """Stands before the app."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings
        self._names = own_names() | {name.lower() for name in settings.names}
        self._headers = dict(_HEADERS)
        if settings.hsts:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, pass it on, and finish what leaves."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answered = _Answered(scope, send, self._headers)
        try:
            await self._pass_on(scope, receive, answered)
        except Exception as exc:  # noqa: BLE001 - the one place where bugs are caught, logged and hidden
            error = exc if isinstance(exc, SkerryError) else None
            if answered.status is None:
                response = (
                    answer_to(error) if error else answer(problem_of_bug(f"{_method(scope)} {_path(scope)}", exc))
                )
                await response(scope, receive, answered)
            elif not error:
                _access.error("%s %s broke off", _method(scope), _path(scope), exc_info=exc)
        finally:
            self._log(scope, answered.status, time.perf_counter() - began)

    @staticmethod
    def _log(scope: Scope, status: int | None, took_s: float) -> None:
        """One line; files of the page that are there are worth none."""
        client = scope["client"][0] if scope.get("client") else "-"
        level = logging.DEBUG if not scope["path"].startswith("/api/") and status in {200, 304} else logging.INFO
        _access.log(level, "%s %s %s %s %d ms", client, _method(scope), _path(scope), status, round(took_s * 1000))

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        check_host(headers, self._names)
        if _needs_origin(scope):
            check_origin(headers, self._settings.origins)
        if scope["type"] == "http" and not _UPLOAD.fullmatch(scope["path"]):
            receive = _limited(headers, receive, self._settings.max_body)
        await self._app(scope, receive, send)


def _needs_origin(scope: Scope) -> bool:
    """Whatever changes something or keeps a channel open; a plain GET tells another site nothing without CORS."""
    if scope["type"] == "websocket":
        return True
    return scope["method"] not in _SAFE_METHODS or scope["path"] == "/api/v1/events"


def _limited(headers: Headers, receive: Receive, limit: int) -> Receive:
    """Receive no more than `limit` bytes of body, whether the length was announced or not."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:  # as an error of the framework: it takes any other one for a body that cannot be read
            raise HTTPException(413, _too_large(limit).message)
        return message

    return receive_some


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than {format_size(limit)}", hint="send files through /api/v1/uploads")


class _Answered:
    """Sends on, adds the security headers, remembers the status."""

    def __init__(self, scope: Scope, send: Send, headers: dict[str, str]) -> None:
        self._api = scope["path"].startswith("/api/")
        self._send = send
        self._headers = headers
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self.status = message["status"]
            headers = MutableHeaders(raw=message["headers"])
            for name, value in self._headers.items():
                headers[name] = value
            if self._api:
                headers.setdefault("Cache-Control", "no-store")
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close" and self.status is None:
            self.status = 403
        await self._send(message)


def _method(scope: Scope) -> str:
    return str(scope.get("method", "WS"))


def _path(scope: Scope) -> str:
    """The path for the log: no query string, no console ticket."""
    path = _TICKET.sub(r"\1***", scope["path"]) if scope["type"] == "websocket" else scope["path"]
    return str(path).encode("unicode_escape").decode()[:300]
