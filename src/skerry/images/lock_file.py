"""Lock files: TOML beside the recipe, one package a line, so that version control shows what changed.

::

    format = 1
    source = "debian:trixie"
    wanted = "…"                        # a hash of what %packages and the sources of the recipe ask for
    snapshot = 2026-11-14T08:00:00Z     # the time that the build claims (SOURCE_DATE_EPOCH)
    sources = ["deb http://… trixie main"]
    packages = [
      { name = "adduser", version = "3.152", architecture = "all", sha256 = "…", url = "…" },
    ]
    tools = [ … ]                       # the programs that write file systems and boot loaders
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skerry.errors import NotFound
from skerry.images.lock import BadLock, Lock, LockedPackage

FORMAT = 1
_MOST_BYTES = 64 * 1024 * 1024
_FIELDS = {
    "name": re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*"),
    "version": re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~^_-]*"),
    "architecture": re.compile(r"[a-z0-9][a-z0-9_]*"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "url": re.compile(r"|(https?|ftp|file|copy):[!-~]+"),
    "priority": re.compile("|required|important"),
}
_KNOWN = ("format", "source", "wanted", "snapshot", "sources", "packages", "tools")


def lock_path(recipe: Path) -> Path:
    """Where the lock of a recipe is: aos.ks has aos.lock."""
    return recipe.with_suffix(".lock")


def read_lock(file: Path) -> Lock:
    """Read a lock.

    Raises:
        NotFound: there is none.
        BadLock: with file, place and what is wrong.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise BadLock(f"{file} is too large for a lock")
        return parse_lock(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        raise NotFound(f"there is no lock {file}", hint="`skerry image lock RECIPE` makes one") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise BadLock(f"{file} cannot be read: {exc}") from exc


def parse_lock(text: str, name: str) -> Lock:
    """The lock in a text; `name` is for its errors.

    Raises:
        BadLock: as `read_lock`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadLock(f"{name}: {exc}", hint="make it again with `skerry image lock`") from exc
    if data.get("format") != FORMAT:
        raise BadLock(
            f"{name}: its format is {data.get('format')!r}, and this Skerry reads {FORMAT}",
            hint="make it again with `skerry image lock`",
        )
    if unknown := sorted(data.keys() - set(_KNOWN)):
        raise BadLock(f"{name}: {unknown[0]!r} is not known; there are {', '.join(_KNOWN)}")
    snapshot = data.get("snapshot")
    if not isinstance(snapshot, datetime) or snapshot.tzinfo is None:
        raise BadLock(f"{name}: snapshot is no time with a zone, such as 2026-11-14T08:00:00Z")
    return Lock(
        epoch=int(snapshot.timestamp()),
        packages=_packages(data, "packages", name),
        source=_text(data, "source", name),
        wanted=_text(data, "wanted", name),
        sources=_sources(data, name),
        tools=_packages(data, "tools", name),
    )


def _text(data: dict[str, Any], key: str, name: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise BadLock(f"{name}: {key} is missing or no text")
    return value


def _sources(data: dict[str, Any], name: str) -> tuple[str, ...]:
    lines = data.get("sources", [])
    if not isinstance(lines, list) or not all(isinstance(each, str) and "\n" not in each for each in lines):
        raise BadLock(f"{name}: sources is no list of lines")
    return tuple(lines)


def _packages(data: dict[str, Any], key: str, name: str) -> tuple[LockedPackage, ...]:
    rows = data.get(key)
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise BadLock(f"{name}: {key} is missing or no list of packages")
    packages = [_package(row, f"{name}: {key}, number {number}") for number, row in enumerate(rows, 1)]
    seen: set[tuple[str, str]] = set()
    for each in packages:
        if (each.name, each.architecture) in seen:
            raise BadLock(f"{name}: {key}: {each.name} is there twice")
        seen.add((each.name, each.architecture))
    return tuple(sorted(packages))


def _package(row: dict[str, Any], where: str) -> LockedPackage:
    if unknown := sorted(row.keys() - _FIELDS.keys()):
        raise BadLock(f"{where}: {unknown[0]!r} is not known")
    for field, pattern in _FIELDS.items():
        value = row.get(field, "")
        if not isinstance(value, str) or not pattern.fullmatch(value):
            said = f" ({row['name']})" if isinstance(row.get("name"), str) and field != "name" else ""
            raise BadLock(
                f"{where}{said}: {field} is {value!r}" if value else f"{where}{said}: {field} is missing"
            )
    return LockedPackage(**row)


def lock_text(lock: Lock, recipe: str) -> str:
    """A lock as it is written."""
    snapshot = datetime.fromtimestamp(lock.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [
        f"# The packages of {recipe}, by `skerry image lock`: keep it beside the recipe, and do not edit it.",
        f"format = {FORMAT}",
        f"source = {_quoted(lock.source)}",
        f"wanted = {_quoted(lock.wanted)}",
        f"snapshot = {snapshot}",
    ]
    lines += ["sources = [", *(f"  {_quoted(line)}," for line in lock.sources), "]"]
    for key, packages in (("packages", lock.packages), ("tools", lock.tools)):
        lines += [f"{key} = [", *map(_row, sorted(packages)), "]"]
    return "\n".join(lines) + "\n"


def _row(package: LockedPackage) -> str:
    words = {name: getattr(package, name) for name in _FIELDS}
    return "  { " + ", ".join(f"{name} = {_quoted(value)}" for name, value in words.items() if value) + " },"


def _quoted(text: str) -> str:
    return json.dumps(text)  # which is a basic string of TOML for the characters that occur here
