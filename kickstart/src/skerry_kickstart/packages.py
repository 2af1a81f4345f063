# SPDX-License-Identifier: GPL-2.0-only
"""What all %packages sections of a recipe list, and their options."""

from __future__ import annotations

import re
from typing import Any

# What an option turns on or off, and what holds without it. Several sections add up, whatever their order.
_FLAGS = {
    "defaultPackages": ("default", True),
    "nocore": ("core", False),
    "nobase": ("base", False),
    "excludedocs": ("docs", False),
    "excludeWeakdeps": ("weak_dependencies", False),
    "multiLib": ("multilib", True),
    "ignoremissing": ("ignore_missing", True),
    "ignorebroken": ("ignore_broken", True),
}
_LEVELS = {"--nodefaults": "mandatory", "--optional": "all"}


class Packages:
    """Names, groups and options; a later line wins over an earlier one."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._excluded: dict[str, None] = {}
        self._groups: dict[str, str] = {}
        self._excluded_groups: dict[str, None] = {}
        self._environment: str | None = None
        self._flags = {name: not value for name, value in _FLAGS.values()}
        self._values: dict[str, Any] = {"languages": None, "timeout": None, "retries": None}
        self._options: dict[str, dict[str, Any]] = {}
        self._lines: list[dict[str, Any]] = []

    def take_options(self, values: dict[str, Any], options: list[str], file: str, line: int) -> None:
        """What the first line of a section says."""
        for option in options:
            self._options.setdefault(option, {"name": option, "file": file, "line": line})
        for option, (name, value) in _FLAGS.items():
            if values.get(option):
                self._flags[name] = value
        for option, name in (("instLangs", "languages"), ("timeout", "timeout"), ("retries", "retries")):
            if values.get(option) is not None:
                self._values[name] = values[option]

    def take_line(self, text: str, file: str, line: int) -> None:
        """A line of a section, without comment and blanks.

        Raises:
            ValueError: it says nothing.
        """
        self._lines.append({"text": text, "file": file, "line": line})
        sign, name = re.fullmatch(r"(-?@\^|-?@|-?)(.*)", text).groups()  # type: ignore[union-attr]  # always matches
        name = name.strip()
        if not name:
            raise ValueError(f"{text!r} names nothing")
        if sign == "@^":
            self._environment = name
        elif sign == "-@^":
            self._environment = None if self._environment == name else self._environment
        elif sign == "@":
            self._take_group(name)
        elif sign == "-@":
            self._groups.pop(name, None)
            self._excluded_groups[name] = None
        elif sign == "-":
            self._names.pop(name, None)
            self._excluded[name] = None
        else:
            self._excluded.pop(name, None)
            self._names[name] = None

    def _take_group(self, text: str) -> None:
        words = text.split()
        levels = [word for word in words if word.startswith("--")]
        if unknown := set(levels) - _LEVELS.keys():
            raise ValueError(f"a group has no option {min(unknown)}")
        if len(set(levels)) > 1:
            raise ValueError("a group cannot have both --nodefaults and --optional")
        # Names of groups may have blanks.
        name = " ".join(word for word in words if word not in levels)
        if not name:
            raise ValueError(f"{text!r} names no group")
        self._excluded_groups.pop(name, None)
        self._groups[name] = _LEVELS[levels[0]] if levels else "default"

    def data(self) -> dict[str, Any]:
        """For JSON."""
        languages = self._values["languages"]
        return {
            "names": sorted(self._names),
            "excluded": sorted(self._excluded),
            "groups": [{"name": name, "level": level} for name, level in self._groups.items()],
            "excluded_groups": list(self._excluded_groups),
            "environment": self._environment,
            **self._flags,
            **self._values,
            # None is every language, an empty list none of them.
            "languages": None if languages is None else [word for word in re.split(r"[:,]", languages) if word],
            "options": [self._options[name] for name in sorted(self._options)],
            "lines": self._lines,
        }
