# SPDX-License-Identifier: GPL-2.0-only
"""A kickstart file as plain data, with the file and line that each part came from.

pykickstart does the parsing. What is added here: where a part stands (pykickstart knows the line, not the file),
includes that cannot go round in circles, and bodies of scripts that are exact to the byte.
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pykickstart import constants, version
from pykickstart.errors import KickstartError
from pykickstart.parser import KickstartParser, PutBackIterator

Untyped: TypeAlias = Any  # an object of pykickstart, which has no types

MAX_INCLUDE_DEPTH = 64
MAX_FILE_SIZE = 16 * 1024 * 1024  # bytes; a recipe is text that people wrote

_SECTIONS = {
    constants.KS_SCRIPT_PRE: "%pre",
    constants.KS_SCRIPT_POST: "%post",
    constants.KS_SCRIPT_TRACEBACK: "%traceback",
    constants.KS_SCRIPT_PREINSTALL: "%pre-install",
    constants.KS_SCRIPT_ONERROR: "%onerror",
}
_VERSION_LINE = re.compile(r"^#version=(\S+)\s*$", re.MULTILINE)
# What every command object carries for pykickstart's own use.
_INTERNAL = frozenset(
    {"currentCmd", "currentLine", "handler", "lineno", "seen", "writePriority", "op", "dataObj", "packages"}
)


@dataclass
class Mistake(Exception):
    """What is wrong with the recipe, and where."""

    file: str
    line: int
    reason: str


class _Lines(PutBackIterator):  # type: ignore[misc]  # pykickstart has no types
    """Lines of one file that know how many of them were taken."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines)
        self.taken = 0

    def put(self, s: str) -> None:
        super().put(s)
        self.taken -= 1

    def __next__(self) -> str:
        line: str = super().__next__()
        self.taken += 1
        return line


class Reader(KickstartParser):  # type: ignore[misc]  # pykickstart has no types
    """Parses with pykickstart, and remembers the file of each command, script and warning."""

    def __init__(self, handler: Untyped) -> None:
        super().__init__(handler)
        self.files: list[str] = []
        self.commands: list[dict[str, Any]] = []
        self.warnings: list[dict[str, Any]] = []
        self.script_files: list[str] = []
        self._section_file = ""
        self._stack: list[tuple[Path, _Lines]] = []

    @property
    def place(self) -> tuple[str, int]:
        """The file and line that is being read."""
        if not self._stack:
            return (self.files[-1] if self.files else ""), 0
        path, lines = self._stack[-1]
        return str(path), lines.taken

    def readKickstart(self, f: str, reset: bool = True) -> None:  # noqa: N802 - pykickstart's name
        """Read a file, the recipe itself or one that it includes."""
        if reset:
            self._reset()
        path = self._found(f)
        text = self._text(path)
        self.files.append(str(path))
        # The last, empty line makes the end of the recipe differ from the end of an included file.
        lines = _Lines([*text.splitlines(keepends=True), ""])
        self._stack.append((path, lines))
        try:
            self._stateMachine(lines)
        except KickstartError as exc:
            raise self._mistake(str(exc.message) or "this line cannot be read", exc.lineno) from exc
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as exc:
            # shlex and commands of pykickstart raise these for lines that they cannot take apart.
            raise self._mistake(str(exc) or type(exc).__name__) from exc
        self._stack.pop()

    def handleCommand(self, lineno: int, args: list[str]) -> Untyped:  # noqa: N802 - pykickstart's name
        """Remember a command and what pykickstart made of it."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            data = super().handleCommand(lineno, args)
        file, _ = self.place
        self.warnings += [{"file": file, "line": lineno, "reason": str(each.message)} for each in caught]
        self.commands.append(
            {"name": args[0], "file": file, "line": lineno, "words": args[1:], "values": _values(data)}
        )
        return data

    def _finalize(self, obj: Untyped) -> None:
        before = len(self.handler.scripts)
        super()._finalize(obj)
        if len(self.handler.scripts) > before:
            self.script_files.append(self._section_file)

    def _readSection(self, lineIter: Untyped, lineno: int) -> int:  # noqa: N802, N803 - pykickstart's names
        # An included file may continue a section that another file began, and ends.
        outer, self._section_file = self._section_file, self.place[0]
        try:
            return int(super()._readSection(lineIter, lineno))
        finally:
            self._section_file = outer

    def _found(self, name: str) -> Path:
        if "://" in name:
            raise self._mistake(f"{name} is on a network: copy the file beside the recipe and include that")
        path = Path(name)
        if self._stack:
            path = self._stack[-1][0].parent / path
        path = Path(os.path.normpath(path.absolute()))
        if len(self._stack) >= MAX_INCLUDE_DEPTH:
            raise self._mistake(f"more than {MAX_INCLUDE_DEPTH} files include each other")
        if any(path == outer for outer, _ in self._stack):
            raise self._mistake(f"{path} includes itself")
        return path

    def _text(self, path: Path) -> str:
        try:
            if path.stat().st_size > MAX_FILE_SIZE:
                raise self._mistake(f"{path} is larger than {MAX_FILE_SIZE} bytes")
            return path.read_bytes().decode(errors="surrogateescape")
        except OSError as exc:
            raise self._mistake(f"{path} cannot be read: {exc.strerror}") from exc

    def _mistake(self, reason: str, line: int | None = None) -> Mistake:
        file, here = self.place
        return Mistake(file, line or here, reason.strip())


def read(path: Path, version_name: str | None = None) -> dict[str, Any]:
    """The recipe as data that JSON can hold.

    Raises:
        Mistake: the recipe is not valid kickstart.
    """
    name = version_name or _version_named_in(path)
    try:
        handler = version.makeVersion(version.stringToVersion(name) if name else version.DEVEL)
    except KickstartError as exc:
        raise Mistake(str(path), 0, f"pykickstart does not know the version {name!r}") from exc
    reader = Reader(handler)
    reader.readKickstart(str(path))
    return {
        "format": 1,
        "version": version.versionToString(handler.version),
        "files": list(dict.fromkeys(reader.files)),
        "commands": reader.commands,
        "packages": _packages(handler.packages),
        "scripts": _scripts(handler.scripts, reader.script_files),
        "warnings": reader.warnings,
    }


def _version_named_in(path: Path) -> str | None:
    try:
        match = _VERSION_LINE.search(path.read_text(errors="replace"))
    except OSError:
        return None  # reading it for real says what is wrong
    return match.group(1) if match else None


def _packages(packages: Untyped) -> dict[str, Any]:
    return {
        "seen": packages.seen,
        "names": packages.packageList,
        "excluded": packages.excludedList,
        "groups": [group.name for group in packages.groupList],
        "excluded_groups": [group.name for group in packages.excludedGroupList],
        "environment": packages.environment,
        "core": not packages.nocore,
        "docs": not packages.excludeDocs,
        "weak_dependencies": not packages.excludeWeakdeps,
        "languages": _languages(packages.instLangs),
        "ignore_missing": packages.handleMissing == constants.KS_MISSING_IGNORE,
    }


def _languages(text: str | None) -> list[str] | None:
    """None is every language, an empty list none of them."""
    return None if text is None else [word for word in re.split(r"[:,]", text) if word]


def _scripts(scripts: list[Any], files: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "section": _SECTIONS[script.type],
            "body": script.script,
            "interpreter": script.interp,
            "chroot": bool(script.inChroot),
            "error_on_fail": bool(script.errorOnFail),
            "log": script.logfile,
            "file": file,
            "line": script.lineno,
        }
        for script, file in zip(scripts, files, strict=True)
    ]


def _values(data: Untyped) -> dict[str, Any]:
    """The attributes of a command that JSON can hold; which they are is pykickstart's to document."""
    kept = {
        name: value for name, value in vars(data).items() if name not in _INTERNAL and not name.startswith("_")
    }
    return {name: value for name, value in kept.items() if _is_plain(value)}


def _is_plain(value: Untyped) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, str | int | float | bool)
