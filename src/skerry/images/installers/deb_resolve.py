"""Which packages of Debian and Ubuntu a recipe would get now, without installing any.

mmdebstrap sets up an empty root with apt's indexes, and a hook asks apt in it what it would fetch; so suites, keys
and pins are those of a real installation.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.errors import Unavailable
from skerry.images.cache import Workspace
from skerry.images.lock import LockedPackage
from skerry.images.recipe import Packages

TIMEOUT_S = 900.0
# '<address>' <file> <size> SHA256:<hash>
_URI = re.compile(r"^'([^']+)' (\S+)_([^_\s]+)_([^_\s]+)\.deb \d+ SHA256:([0-9a-f]{64})\s*$")
_BROKEN = re.compile(r"^'([^']+)' \S+\.deb ", re.MULTILINE)


@dataclass(frozen=True)
class Wanted:
    """What is asked of a suite."""

    suite: str
    words: tuple[str, ...]  # as apt-get install takes them
    recommends: bool
    preferences: str = ""  # of apt
    priorities: bool = False  # whether the archive's priorities decide, too


def wanted_packages(packages: Packages, suite: str, preferences: str) -> Wanted:
    """What mmdebstrap asks apt for, in one go."""
    here = f"?or(?archive(^{suite}$),?codename(^{suite}$))"
    words = [f"?narrow({here},?architecture(amd64),?essential)"]
    if packages.core:
        priority = "?and(?or(?priority(required),?priority(important)),?not(?essential))"
        words.append(f"?narrow({here},?architecture(amd64),{priority})")
    return Wanted(suite, (*words, *packages.names), packages.weak_dependencies, preferences, packages.core)


async def resolve(
    wanted: Wanted, lines: Sequence[str], workspace: Workspace, commands: Commands
) -> tuple[tuple[LockedPackage, ...], tuple[str, ...]]:
    """The packages that would be installed, and the lines of apt's sources that the image would have.

    Raises:
        CommandFailed: the indexes cannot be fetched, or the packages cannot be installed together.
        Unavailable: apt tells no hash of a package.
    """
    folder = workspace.path / "resolve"
    folder.mkdir()
    (folder / "preferences").write_text(wanted.preferences)
    await commands.run(
        resolve_argv(wanted, lines, user_id=os.geteuid()),
        env={"TMPDIR": str(workspace.scratch)},
        cwd=folder,
        timeout=TIMEOUT_S,
        pass_fds=[workspace.lock],
    )
    priorities = priorities_of(folder / "available") if wanted.priorities else {}
    sources = (folder / "sources").read_text().splitlines()
    packages = resolved((folder / "uris").read_text(), priorities)
    return packages, tuple(sources)


def resolve_argv(wanted: Wanted, lines: Sequence[str], *, user_id: int) -> list[Arg]:
    """The command; its working folder takes the answers."""
    recommends = str(wanted.recommends).lower()
    options = f"--yes --print-uris -oAcquire::ForceHash=SHA256 -oAPT::Install-Recommends={recommends}"
    ask = [
        'cat "$1"/etc/apt/sources.list > sources',
        f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get {options} install -- {shlex.join(wanted.words)} > uris',
    ]
    if wanted.priorities:
        ask.append('APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-cache dumpavail > available')
    return [
        "mmdebstrap",
        f"--mode={'root' if user_id == 0 else 'chrootless'}",
        "--variant=custom",
        "--format=null",
        "--architectures=amd64",
        '--setup-hook=mkdir -p "$1"/etc/apt/preferences.d && cp preferences "$1"/etc/apt/preferences.d/00skerry',
        f"--customize-hook={' && '.join(ask)}",
        wanted.suite,
        "/dev/null",
        *lines,
    ]


def resolved(text: str, priorities: Mapping[str, str]) -> tuple[LockedPackage, ...]:
    """What `apt-get --print-uris` says.

    Raises:
        Unavailable: it tells no hash of a package.
    """
    found = []
    for line in text.splitlines():
        if match := _URI.match(line):
            url, name, version, architecture, digest = match.groups()
            version = version.replace("%3a", ":")
            found.append(LockedPackage(name, version, architecture, digest, url, priorities.get(name, "")))
        elif match := _BROKEN.match(line):
            raise Unavailable(f"the repository has no SHA-256 of {match[1]}")
    return tuple(sorted(found))


def priorities_of(available: Path) -> dict[str, str]:
    """The packages that belong to every usual installation, as the archive says."""
    found = {}
    name = ""
    with available.open(errors="replace") as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition(": ")
            if key == "Package":
                name = value
            elif key == "Priority" and value in {"required", "important"}:
                found[name] = value
    return found
