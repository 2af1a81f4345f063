"""What an installation leaves in a root of the RPM family: what the image shall remember, and no more."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from skerry.images.installers.dnf import languages
from skerry.images.installers.rpm_database import compact
from skerry.images.recipe import Packages
from skerry.images.repositories import RpmRepository, section

KEYS = "etc/pki/rpm-gpg"  # where images keep the keys of repositories
LEFT_BEHIND = ("var/cache/ldconfig/aux-cache", "var/cache/dnf", "var/lib/systemd/random-seed")
DNF_4 = ("usr/bin/dnf-3", "usr/bin/yum-3")  # the programs whose history is in var/lib/dnf


def remembered(packages: Packages, kept: Sequence[RpmRepository], root: Path) -> dict[str, str]:
    """Files of the root by which it treats later packages as the build did: by path."""
    files = {}
    macros = ""
    if packages.languages is not None:
        macros += f"%_install_langs {languages(packages.languages)}\n"
    if not packages.docs:
        macros += "%_excludedocs 1\n"
    if macros:
        files["etc/rpm/macros.image"] = macros
    lines = []
    if not packages.docs:
        lines.append("tsflags=nodocs")
    if not packages.weak_dependencies:
        lines.append("install_weak_deps=False")
    config = inside(root, "etc/dnf/dnf.conf")
    if lines and config and config.is_file():
        text = config.read_text(errors="replace")
        files["etc/dnf/dnf.conf"] = text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"
    for repository in kept:
        keys = (f"file:///{KEYS}/{repository.name}-{number}" for number in range(len(repository.keys)))
        own = replace(
            repository,
            keys=tuple(key if is_address(key) else copy for key, copy in zip(repository.keys, keys, strict=True)),
        )
        files[f"etc/yum.repos.d/{repository.name}.repo"] = section(own)
    return files


def is_address(key: str) -> bool:
    """Whether a key is dnf's to fetch, and not a file of this machine."""
    return "://" in key and not key.startswith("file://")


def inside(root: Path, name: str) -> Path | None:
    """A path of the root, or None where a link on the way could lead out of it."""
    path = root
    for part in Path(name).parts:
        path /= part
        if path.is_symlink():
            return None
    return path


def forget_when(history: Path, epoch: int) -> None:
    """Let dnf's history tell of an installation at `epoch`, not of this machine."""
    with contextlib.closing(sqlite3.connect(history)) as connection, connection:
        connection.execute("UPDATE trans SET dt_begin = ?, dt_end = ?, cmdline = 'install'", (epoch, epoch))
    compact(history)
