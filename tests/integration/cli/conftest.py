"""The command line against a small server over TLS."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli import contract
from tests.integration.cli.fake_server import Fake, serving

from skerry.api.certificate import Certificate, ensure_certificate
from skerry.cli.certificates import Pin, parse_fingerprint
from skerry.cli.credentials import Credentials, Server, default_path
from skerry.cli.main import main

TOKEN = "token-of-admin"


@dataclass
class Result:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Skerry = Callable[..., Result]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """As `skerry up` makes it."""
    return ensure_certificate(tmp_path_factory.mktemp("tls"), ["127.0.0.1"], now=dt.datetime.now(dt.UTC))


@pytest.fixture(scope="session")
def running_fake(certificate: Certificate) -> Iterator[Fake]:
    with serving(certificate.file, certificate.key_file) as fake:
        yield fake


@pytest.fixture
def fake(running_fake: Fake) -> Iterator[Fake]:
    """The server, that was told nothing yet; whatever it is asked must be in the API's document."""
    running_fake.reset()
    yield running_fake
    for request in running_fake.requests:
        contract.check(request)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A person who never used Skerry."""
    for name in [name for name in os.environ if name.startswith("SKERRY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SKERRY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background jobs
    yield tmp_path
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def nobody(home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Skerry:
    """Runs a command line as somebody who is not signed in; there is no terminal."""

    def run(*words: object, stdin: str | bytes = b"") -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        capfd.readouterr()
        status = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Result(int(status), out, err)

    return run


@pytest.fixture
def skerry(nobody: Skerry, fake: Fake, certificate: Certificate) -> Skerry:
    """Runs a command line as somebody who is signed in to the fake server."""
    pin = Pin(parse_fingerprint(certificate.fingerprint))
    Credentials(default_path(os.environ)).remember(Server(fake.url, pin, "admin", TOKEN, "id-of-token"))
    return nobody


@pytest.fixture
def command(skerry: Skerry) -> list[str]:
    """The program as a process of its own, signed in as well."""
    assert skerry
    return [sys.executable, "-X", "faulthandler", "-W", "error", "-m", "skerry.cli.main"]


def output_of(argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a process to its end."""
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **options)
