"""What `skerry login` remembers: each server's certificate and an API token, readable by the person alone."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from skerry.cli.certificates import Pin, parse_fingerprint
from skerry.errors import BadInput, SkerryError, Unauthenticated

DEFAULT_PORT = 8443


class NotSignedIn(Unauthenticated):
    """No server was named, and none is remembered."""

    code = "not-signed-in"


@dataclass(frozen=True)
class Server:
    """How to reach a server, and as whom."""

    url: str
    pin: Pin | None = None
    user: str | None = None
    token: str | None = field(default=None, repr=False)
    token_id: str | None = None


def normal_url(text: str) -> str:
    """The server's address with scheme and port, as it is remembered: `host` becomes `https://host:8443`.

    Raises:
        BadInput: it is not the address of a server.
    """
    text = text.strip()
    with_scheme = "://" in text
    parts = urlsplit(text if with_scheme else f"https://{text}")
    try:
        port = parts.port or (443 if with_scheme else DEFAULT_PORT)
    except ValueError:
        port = 0
    if parts.scheme != "https":
        raise BadInput(f"{text!r} does not begin with https://", hint="Skerry speaks TLS only")
    if not parts.hostname or not port or parts.username or parts.query or parts.fragment:
        raise BadInput(
            f"{text!r} is not the address of a server", hint=f"such as https://cloud.example:{DEFAULT_PORT}"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}:{port}{parts.path.rstrip('/')}"


class Credentials:
    """The file of remembered servers; one of them is the current one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._current, self._servers = _read(path)

    def current(self, environ: Mapping[str, str], url: str | None = None) -> Server:
        """The server to talk to: the one named, else SKERRY_URL, else that of the last login.

        SKERRY_TOKEN and SKERRY_FINGERPRINT come before what is remembered.

        Raises:
            NotSignedIn: there is none.
            BadInput: an address or a fingerprint is none.
        """
        named = url or environ.get("SKERRY_URL") or self._current
        if not named:
            raise NotSignedIn("you are not signed in to any server", hint="sign in: skerry login [URL]")
        server = self.find(named) or Server(normal_url(named))
        if token := environ.get("SKERRY_TOKEN"):
            server = replace(server, token=token, user=None, token_id=None)
        if fingerprint := environ.get("SKERRY_FINGERPRINT"):
            server = replace(server, pin=Pin(parse_fingerprint(fingerprint)))
        return server

    def find(self, url: str) -> Server | None:
        """What is remembered of a server."""
        return self._servers.get(normal_url(url))

    def remember(self, server: Server) -> None:
        """Keep this server, and make it the current one."""
        self._servers[server.url] = server
        self._current = server.url
        self._write()

    def forget(self, url: str) -> None:
        """Keep no token of this server; its pin stays, so that a change is noticed at the next login."""
        known = self._servers.get(url)
        if known:
            self._servers[url] = Server(url, known.pin)
            self._write()

    def _write(self) -> None:
        """Replace the file in one step; nobody else can read it at any moment."""
        content = {"version": 1, "current": self._current, "servers": [asdict(s) for s in self._servers.values()]}
        new = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as exc:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
            raise SkerryError(
                f"{self.path} cannot be written: {exc.strerror}",
                hint="SKERRY_URL and SKERRY_TOKEN work without it",
            ) from exc


def default_path(environ: Mapping[str, str]) -> Path:
    """Where a person's logins are kept."""
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "skerry" / "login.json"


def _read(path: Path) -> tuple[str | None, dict[str, Server]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        servers = [
            Server(**{**each, "pin": Pin(**each["pin"]) if each["pin"] else None}) for each in content["servers"]
        ]
        current = content["current"]
    except FileNotFoundError:
        return None, {}
    except OSError as exc:
        raise SkerryError(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise SkerryError(
            f"{path} is not what skerry login writes", hint="remove it, and sign in again: skerry login"
        ) from exc
    return current, {server.url: server for server in servers}
