# SPDX-License-Identifier: GPL-2.0-only
"""A kickstart file as plain data, with the file and line that each part came from.

pykickstart knows the words and their options (`grammar`). The rest is here, because a recipe must be readable to
its end: includes, sections, bodies of scripts that are exact to the byte, and all mistakes at once.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pykickstart import version
from pykickstart.errors import KickstartVersionError

from skerry_kickstart.grammar import OTHERS, SCRIPTS, SECTIONS, Grammar, Unreadable
from skerry_kickstart.lines import Line, Lines
from skerry_kickstart.mistakes import Mistake, Notes, TooManyMistakes
from skerry_kickstart.packages import Packages

FORMAT = 4  # of the JSON
MAX_LINE = 64 * 1024  # characters of a line outside scripts
MAX_COMMANDS = 10_000  # lines of the command part; each takes about a millisecond
NEWEST = "DEVEL"
_VERSION_LINE = "#version="


@dataclass
class _Section:
    """A section that is being read."""

    name: str
    start: Line
    values: dict[str, Any] | None  # None: its first line cannot be read, so what is in it is passed over
    words: list[str]
    body: list[str] = field(default_factory=list)


def read(path: Path, version_name: str | None = None) -> dict[str, Any]:
    """The recipe as data that JSON can hold; "errors" has what is wrong with it."""
    reader = _Reader(path, version_name)
    try:
        reader.read()
    except TooManyMistakes:
        pass
    except Mistake as mistake:
        reader.notes.mistakes.append(mistake)
    return reader.data()


class _Reader:
    def __init__(self, path: Path, version_name: str | None) -> None:
        self.path = path
        self.notes = Notes()
        self._asked = version_name
        self._grammar = Grammar(NEWEST)
        self._lines: Lines | None = None
        self._section: _Section | None = None
        self._commands: list[dict[str, Any]] = []
        self._scripts: list[dict[str, Any]] = []
        self._others: list[dict[str, Any]] = []
        self._certificates: list[dict[str, Any]] = []
        self._packages = Packages()

    def read(self) -> None:
        """Read all of it."""
        lines = self._lines = Lines(self.path)
        self._grammar = self._chosen_grammar(lines)
        while line := lines.next():
            try:
                self._line(line, lines)
            except Mistake as mistake:
                self.notes.add(mistake)
        if self._section:
            self._unclosed(self._section, "the end of the recipe")

    def data(self) -> dict[str, Any]:
        """What was read."""
        return {
            "format": FORMAT,
            "version": self._grammar.name,
            "files": list(dict.fromkeys(self._lines.files)) if self._lines else [],
            "read": self._lines.read if self._lines else [],
            "commands": self._commands,
            "packages": self._packages.data(),
            "scripts": self._scripts,
            "sections": self._others,
            "certificates": self._certificates,
            "warnings": self.notes.warnings,
            "errors": [mistake.as_data() for mistake in self.notes.mistakes],
        }

    # -- The version ------------------------------------------------------------

    def _chosen_grammar(self, lines: Lines) -> Grammar:
        if self._asked:
            try:
                return Grammar(self._asked)
            except KickstartVersionError as exc:
                raise self._wrong_version(self._asked) from exc
        for number, text in enumerate(lines.recipe, 1):
            if not text.startswith(_VERSION_LINE):
                continue
            name = text.removeprefix(_VERSION_LINE).strip()
            try:
                return Grammar(name)
            except KickstartVersionError:
                newest = Grammar(NEWEST)
                said = f"there is no version {name!r} of the syntax; read as in {newest.name}"
                self.notes.warn(str(self.path), number, said)
                return newest
        return Grammar(NEWEST)

    def _wrong_version(self, name: str) -> Mistake:
        known = ", ".join(sorted(version.versionMap, key=lambda each: int(version.versionMap[each])))
        return Mistake(
            str(self.path), 0, f"there is no version {name!r} of the syntax; known are {known}", "version"
        )

    # -- Lines ------------------------------------------------------------------

    def _line(self, line: Line, lines: Lines) -> None:
        section = self._section
        if section and line.depth < section.start.depth:
            self._unclosed(section, "the end of its file")
            section = None
        text = line.text.strip()
        first = text.split(maxsplit=1)[0] if text.startswith("%") else ""
        if first in {"%include", "%ksappend"}:
            self._include(line, lines)
        elif section:
            self._in_section(section, line, first)
        elif first == "%end":
            self.notes.warn(line.file, line.number, "%end closes nothing: no section is open")
        elif first:
            self._open(line, first)
        elif text and not text.startswith("#"):
            self._command(line)

    def _include(self, line: Line, lines: Lines) -> None:
        words = self._words(line)
        if len(words) < 2 or not words[1]:
            raise Mistake(line.file, line.number, f"{words[0]} needs the name of a file")
        lines.include(words[1], line)

    def _words(self, line: Line) -> list[str]:
        if len(line.text) > MAX_LINE:
            raise Mistake(line.file, line.number, f"the line is longer than {MAX_LINE} characters")
        try:
            words = shlex.split(line.text, comments=True)
        except ValueError as exc:
            closing = "quotation" in str(exc)
            reason = "a quotation mark is not closed (there is no closing one)" if closing else str(exc)
            if line.text.rstrip("\r\n").endswith("\\"):
                reason = "a line cannot go on after a backslash: write it as one"
            raise Mistake(line.file, line.number, reason) from exc
        if words and words[-1].strip() == "" and words[-1].endswith("\n"):
            raise Mistake(line.file, line.number, "a line cannot go on after a backslash: write it as one")
        return words

    def _command(self, line: Line) -> None:
        words = self._words(line)
        if not words:
            return
        if len(self._commands) >= MAX_COMMANDS:
            reason = f"there are more than {MAX_COMMANDS} commands; the rest was not read"
            self.notes.mistakes.append(Mistake(line.file, line.number, reason, kind="file"))
            raise TooManyMistakes
        try:
            found = self._grammar.command(words, line.text, line.number)
        except Unreadable as exc:
            raise Mistake(line.file, line.number, str(exc), word=words[0]) from exc
        for warning in found.warnings:
            self.notes.warn(line.file, line.number, warning)
        self._commands.append(
            {
                "name": words[0],
                "file": line.file,
                "line": line.number,
                "words": words[1:],
                "options": found.options,
                "values": found.values,
            }
        )

    # -- Sections ---------------------------------------------------------------

    def _open(self, line: Line, name: str) -> None:
        # Whatever is wrong with its first line, what follows is not commands.
        section = self._section = _Section(name, line, None, [])
        if name not in SECTIONS:
            raise Mistake(line.file, line.number, f"there is no section {name[:40]} in kickstart")
        section.words = self._words(line)
        try:
            found = self._grammar.section(section.words, line.number)
        except Unreadable as exc:
            raise Mistake(line.file, line.number, f"{name}: {exc}") from exc
        for warning in found.warnings:
            self.notes.warn(line.file, line.number, warning)
        section.values = found.values
        if name == "%packages":
            self._packages.take_options(found.values, found.options, line.file, line.number)

    def _in_section(self, section: _Section, line: Line, first: str) -> None:
        if first == "%end":
            self._close(section)
        elif first in SECTIONS:
            self._unclosed(section, f"{first} at line {line.number}")
            self._open(line, first)
        elif section.name == "%packages" and section.values is not None:
            self._package_line(line)
        else:
            section.body.append(line.text)

    def _unclosed(self, section: _Section, where: str) -> None:
        if self._grammar.needs_end:
            place = section.start
            self.notes.warn(place.file, place.number, f"{section.name} has no %end; it is taken to end at {where}")
        self._close(section)

    def _close(self, section: _Section) -> None:
        self._section = None
        if section.values is None:
            return
        place = {"file": section.start.file, "line": section.start.number}
        body = "".join(section.body)
        if section.name in SCRIPTS and body.strip():
            self._scripts.append(
                {
                    "section": section.name,
                    "body": body,
                    "interpreter": section.values["interpreter"],
                    "chroot": section.name == "%post" and not section.values["nochroot"],
                    "error_on_fail": section.values["errorOnFail"],
                    "log": section.values["log"],
                    **place,
                }
            )
        elif section.name in OTHERS:
            self._others.append({"name": section.name, "words": section.words[1:], "body": body, **place})
        elif section.name == "%certificate":
            named = {name: section.values.get(name) for name in ("filename", "dir", "type")}
            self._certificates.append({**named, "body": body, **place})

    def _package_line(self, line: Line) -> None:
        text = line.text.partition("#")[0].strip()
        if not text:
            return
        try:
            self._packages.take_line(text, line.file, line.number)
        except ValueError as exc:
            raise Mistake(line.file, line.number, f"%packages: {exc}") from exc
