# SPDX-License-Identifier: GPL-2.0-only
"""What pykickstart makes of one line.

A line that is not valid in the recipe's version of the syntax, but was or is in another, is read as in that one,
and a warning names it: old recipes stay readable, and nothing is taken for something else silently.
"""

from __future__ import annotations

import argparse
import copy
import difflib
import functools
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from pykickstart import sections, version
from pykickstart.errors import KickstartError, KickstartParseError
from pykickstart.handlers.control import commandMap
from pykickstart.parser import Certificate, Script

Untyped: TypeAlias = Any  # an object of pykickstart, which has no types

# What commands of pykickstart raise for lines that they cannot take apart.
_BREAKS = (
    *(argparse.ArgumentError, argparse.ArgumentTypeError, ArithmeticError, AssertionError, AttributeError),
    *(LookupError, TypeError, ValueError),
)
# What every command object carries for pykickstart's own use.
_INTERNAL = frozenset(
    {"currentCmd", "currentLine", "handler", "lineno", "seen", "writePriority", "op", "dataObj", "packages"}
)
_SHELL = frozenset(
    {
        *("if", "fi", "then", "else", "elif", "for", "do", "done", "while", "case", "esac", "{", "}", "[", "[["),
        *(
            "echo",
            "printf",
            "cat",
            "sed",
            "grep",
            "cp",
            "mv",
            "rm",
            "ln",
            "mkdir",
            "chmod",
            "chown",
            "touch",
            "cd",
        ),
        *("export", "set", "local", "return", "exit", "test", "source", ".", "EOF"),
    }
)
_CONFLICT = "can't be used at the same time"
SCRIPTS = {
    "%pre": sections.PreScriptSection,
    "%pre-install": sections.PreInstallScriptSection,
    "%post": sections.PostScriptSection,
    "%onerror": sections.OnErrorScriptSection,
    "%traceback": sections.TracebackScriptSection,
}
OTHERS = ("%addon", "%anaconda")  # of the installer; kept as they are
# The last version of each way to write %packages, newest first.
_PACKAGES_CHANGED = (version.DEVEL, version.RHEL9, version.F31, version.F21, version.F17, version.F8, version.FC6)
SECTIONS = frozenset({*SCRIPTS, *OTHERS, "%packages", "%certificate"})


@dataclass(frozen=True)
class Read:
    """What a line says."""

    values: dict[str, Any]  # pykickstart's names
    options: list[str]  # those that the line uses, by their first names
    warnings: list[str]


class Unreadable(Exception):
    """The line is not valid in any version."""


class Grammar:
    """The words of one version of the syntax, and of the others where it does not know them."""

    def __init__(self, name: str) -> None:
        self.version: int = version.stringToVersion(name)
        self.name: str = version.versionToString(self.version, True)
        self._handlers: dict[tuple[int, str], Untyped] = {}
        self._instead: dict[str, int] = {}

    @property
    def needs_end(self) -> bool:
        """Whether sections of this version must be closed by %end."""
        return bool(self.version >= version.F8)

    def _handler(self, number: int, name: str, *, whole: bool) -> Untyped:
        """The handler of pykickstart that reads a word; it remembers what it has read.

        Whole ones know all words of their version, and which exclude each other, but take 50 ms to make. Others
        know one word, and `method`, which some write into.
        """
        key = (number, "" if whole else name)
        if key not in self._handlers:
            words = commandMap[number]
            chosen = {each: words[each] for each in (name, "method") if each in words}
            self._handlers[key] = _handler_class(number)(mapping=None if whole else chosen)
        return self._handlers[key]

    def command(self, words: list[str], text: str, line: int) -> Read:
        """Read a line of the command part.

        Raises:
            Unreadable: with the reason.
        """
        name = words[0]
        knowing = {number: commands[name] for number, commands in commandMap.items() if name in commands}
        if not knowing:
            raise Unreadable(_unknown(name))

        def read(number: int) -> Read:
            return _read(self._handler(number, name, whole=number == self.version), words, text, line)

        return self._in_any_version(name, list(_distinct(knowing, self.version)), read)

    def section(self, words: list[str], line: int) -> Read:
        """Read the first line of a section.

        Raises:
            Unreadable: with the reason.
        """
        others = _PACKAGES_CHANGED if words[0] == "%packages" else ()
        numbers = [self.version, *(number for number in others if number != self.version)]

        def read(number: int) -> Read:
            return _read_section(self._handler(number, "method", whole=False), words, line)

        return self._in_any_version(words[0], numbers, read)

    def _in_any_version(self, name: str, numbers: list[int], read: Callable[[int], Read]) -> Read:
        """Read in our version, else in the newest one that can; the reason of a failure is that of our version."""
        first = ""
        if name in self._instead:
            numbers = [*numbers[:1], self._instead[name], *numbers[1:]]
        for number in numbers:
            try:
                found = read(number)
            except Unreadable as exc:
                if _CONFLICT in str(exc):  # with another line, which is no matter of versions
                    raise
                first = first or str(exc)
                continue
            if number != self.version and (first or self.version not in numbers):
                self._instead[name] = number
                found.warnings.clear()  # they are about the other version
                said = first or f"{name} is not a word of version {self.name}"
                other = version.versionToString(number, True)
                found.warnings.append(f"{name}: read as in version {other} of the syntax, because: {said}")
            return found
        raise Unreadable(first)


@functools.cache
def _handler_class(number: int) -> Untyped:
    return version.returnClassForVersion(number)


def known_words() -> dict[str, list[str]]:
    """Every word of every version, with the versions that know it, oldest first."""
    found: dict[str, list[str]] = {}
    for number in sorted(commandMap):
        for name in commandMap[number]:
            found.setdefault(name, []).append(version.versionToString(number, True))
    return dict(sorted(found.items()))


@functools.cache
def known_options(name: str) -> frozenset[str]:
    """The first names of all options that a word has in any version."""
    found: set[str] = set()
    for number in _distinct({number: words[name] for number, words in commandMap.items() if name in words}, 0):
        parser = getattr(commandMap[number][name](), "op", None)
        found |= {action.option_strings[0] for action in getattr(parser, "_actions", ()) if action.option_strings}
    return frozenset(found)


def _distinct(knowing: dict[int, Any], ours: int) -> Iterator[int]:
    """Our version, then the newest one of each way to read a word, newest first."""
    seen = set()
    if ours in knowing:
        seen.add(knowing[ours])
        yield ours
    for number in sorted(knowing, reverse=True):
        if knowing[number] not in seen:
            seen.add(knowing[number])
            yield number


def _read(handler: Untyped, words: list[str], text: str, line: int) -> Read:
    name = words[0]
    if handler.commands[name].dataList() is None:
        # One object keeps the values of all lines of this word: what this line says is wanted.
        seen = handler.commands[name].seen
        handler.resetCommand(name)
        handler.commands[name].seen = seen
    handler.currentLine = text

    def parse() -> tuple[dict[str, Any], Untyped]:
        data = handler.dispatcher(words, line)
        return ({} if data is None else _values(data)), getattr(handler.commands[name], "op", None)

    return _guarded(parse, words)


def _read_section(handler: Untyped, words: list[str], line: int) -> Read:
    section = _section(handler, words[0])
    if section is None:
        return Read({}, [], [])

    def parse() -> tuple[dict[str, Any], Untyped]:
        section.handleHeader(line, words)  # which checks more than its options
        parser = section._getParser()  # noqa: SLF001 - there is no other way to its options
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return vars(parser.parse_args(args=words[1:], lineno=line)), parser

    return _guarded(parse, words)


def _section(handler: Untyped, name: str) -> Untyped:
    if name in SCRIPTS:
        return SCRIPTS[name](handler, dataObj=Script)
    if name == "%packages":
        return sections.PackageSection(handler)
    if name == "%certificate":
        return sections.CertificateSection(handler, dataObj=Certificate)
    return None


def _guarded(parse: Callable[[], tuple[dict[str, Any], Untyped]], words: list[str]) -> Read:
    """Run pykickstart's code, whose errors are many."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            values, parser = parse()
        except KickstartError as exc:
            raise Unreadable(_reason(exc)) from exc
        except _BREAKS as exc:
            raise Unreadable(str(exc) or type(exc).__name__) from exc
    said = [_shortened(str(each.message)) for each in caught]
    # What is defined twice is the reader's to judge: an include may be meant to be changed.
    return Read(values, _options(parser, words), [each for each in said if "already been defined" not in each])


def _reason(exc: KickstartError) -> str:
    text = exc.message if isinstance(exc, KickstartParseError) and exc.message else str(exc)
    return " ".join(str(text).split()) or "this line cannot be read"


def _shortened(warning: str) -> str:
    """A warning without pykickstart's place and advice: the place is told anyway."""
    if match := re.search(r"The (\S+) (command|option) has been deprecated", warning):
        name, kind = match.groups()
        return f"the {'word' if kind == 'command' else kind} {name} is deprecated in kickstart"
    return warning


def _options(parser: Untyped, words: list[str]) -> list[str]:
    """The options that a line uses; argparse takes unambiguous beginnings of their names too."""
    known = {} if parser is None else parser._option_string_actions  # noqa: SLF001 - there is no other way
    found = []
    for word in words[1:]:
        if not word.startswith("--") or word == "--":
            continue
        name = word.partition("=")[0]
        whole = name if name in known else next((each for each in known if each.startswith(name)), None)
        if whole:
            found.append(known[whole].option_strings[0])
    return list(dict.fromkeys(found))


def _values(data: Untyped) -> dict[str, Any]:
    """The attributes of a command that JSON can hold; which they are is pykickstart's to document."""
    kept = {
        name: value for name, value in vars(data).items() if name not in _INTERNAL and not name.startswith("_")
    }
    return {name: copy.deepcopy(value) for name, value in kept.items() if _is_plain(value)}


def _is_plain(value: Untyped) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, str | int | float | bool)


def _unknown(name: str) -> str:
    if name in _SHELL or re.fullmatch(r"[A-Za-z_]\w*\+?=.*", name):
        return f"{name[:40]!r} looks like a line of a script: is a %post missing in front of it?"
    if name.startswith(("$", "{%", "{{", "@@")):
        return f"{name[:40]!r} looks like a line of a template: let its program make the recipe first"
    near = difflib.get_close_matches(name, known_words(), n=1)
    return f"there is no word {name[:40]!r} in kickstart" + (f"; did you mean {near[0]}?" if near else "")
