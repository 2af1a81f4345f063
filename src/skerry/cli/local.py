"""The Skerry that runs on this machine for this person, found by the notes in its data folder.

Only a folder that belongs to the person, or to root, is believed.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skerry.cli.certificates import parse_fingerprint, pin_of


@dataclass(frozen=True)
class LocalServer:
    """Where it answers, how to know it, and the first password while it still holds."""

    url: str
    fingerprint: str | None
    password: str | None = field(default=None, repr=False)


def data_folders(environ: Mapping[str, str]) -> list[Path]:
    """Where a Skerry of this person, or of this machine, keeps its data."""
    from skerry.manager.settings import default_data_dir  # noqa: PLC0415 - slow imports

    if told := environ.get("SKERRY_DATA_DIR"):
        return [Path(told).expanduser()]
    return [default_data_dir()]


def find_local(environ: Mapping[str, str]) -> LocalServer | None:
    """The first running Skerry of these folders."""
    from skerry.cli import running  # noqa: PLC0415 - slow imports

    for folder in data_folders(environ):
        if not _ours(folder):
            continue
        found = running.find(folder)
        if found:
            told = parse_fingerprint(found.fingerprint) if found.fingerprint else None
            return LocalServer(found.url, told or _fingerprint(folder), _first_password(folder))
    return None


def _ours(folder: Path) -> bool:
    try:
        return folder.stat().st_uid in {0, os.geteuid()}
    except OSError:
        return False


def _fingerprint(folder: Path) -> str | None:
    try:
        text = (folder / "tls" / "certificate.pem").read_text(encoding="ascii")
        return pin_of(ssl.PEM_cert_to_DER_cert(text)).certificate
    except (OSError, ValueError):
        return None  # the administrator brought another certificate


def _first_password(folder: Path) -> str | None:
    try:
        return (folder / "admin-password").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
