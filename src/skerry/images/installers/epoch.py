"""The time that a build claims: when the distribution signed the suite that it is made from."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Sequence

from skerry.commands import Commands
from skerry.errors import Unavailable
from skerry.images.cache import Workspace
from skerry.images.words import Source

_HELPER = "/usr/lib/apt/apt-helper"  # fetches as apt would: its proxies, its certificates
_USUAL = {"debian": "http://deb.debian.org/debian", "ubuntu": "http://archive.ubuntu.com/ubuntu"}


async def release_date(source: Source, deb_lines: Sequence[str], workspace: Workspace, commands: Commands) -> int:
    """Seconds since 1970 at which the suite's Release file was made.

    Raises:
        CommandFailed: it cannot be fetched.
        Unavailable: it says no date.
    """
    target = workspace.path / "InRelease"
    address = release_address(source, deb_lines)
    options = ("-oAcquire::Retries=2", "-oAcquire::http::Timeout=30", "-oAPT::Sandbox::User=")
    await commands.run(
        [_HELPER, *options, "download-file", address, target],
        cwd=workspace.path,
        timeout=120,
        pass_fds=[workspace.lock],
    )
    return date_of(target.read_text(errors="replace"), address)


def release_address(source: Source, deb_lines: Sequence[str]) -> str:
    """Where the suite's Release file is; mmdebstrap's own mirror when none was chosen."""
    places = (re.match(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", line) for line in deb_lines)
    mirrors = (place.group(1) for place in places if place and place.group(2) == source.suite)
    mirror = next(mirrors, _USUAL[source.distribution])
    return f"{mirror.rstrip('/')}/dists/{source.suite}/InRelease"


def date_of(release: str, address: str) -> int:
    """The Date of a Release file."""
    match = re.search(r"^Date: (.+)$", release, re.MULTILINE)
    try:
        return int(email.utils.parsedate_to_datetime(match.group(1) if match else "").timestamp())
    except ValueError:
        raise Unavailable(f"{address} says no date") from None
