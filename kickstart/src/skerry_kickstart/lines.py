# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a recipe and of all files that it includes, as one stream.

Files are read as bytes and split at line feeds alone, so bodies of scripts stay exact: other line ends of Unicode
are ordinary characters, and bytes that are not UTF-8 become lone surrogates. Every limit has its own message; a
recipe is text that people wrote.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from skerry_kickstart.mistakes import Mistake

MAX_INCLUDE_DEPTH = 64
MAX_INCLUDES = 2000  # files in all; a few files that include each other twice would be read without end
MAX_FILE_SIZE = 16 * 1024 * 1024  # bytes
MAX_TOTAL_SIZE = 64 * 1024 * 1024  # bytes
_NOT_UTF8 = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


@dataclass(frozen=True)
class Line:
    """One line with its end, and where it is from."""

    file: str
    number: int
    text: str
    depth: int  # how many files include the one it is in


@dataclass
class _File:
    path: str
    lines: list[str]
    taken: int = 0


class Lines:
    """The stream; `include` puts a file's lines in front of what follows."""

    def __init__(self, recipe: Path) -> None:
        self.files: list[str] = []
        self.read: list[dict[str, str | int]] = []  # the same, with what was in them
        self._open: list[_File] = []
        self._size = 0
        self._again: Line | None = None
        self.open(str(recipe), Line(str(recipe), 0, "", 0))
        self.recipe = self._open[0].lines  # those of the first file

    def next(self) -> Line | None:
        """The next line, or None at the end."""
        if self._again:
            line, self._again = self._again, None
            return line
        while self._open:
            file = self._open[-1]
            if file.taken < len(file.lines):
                text = file.lines[file.taken]
                file.taken += 1
                return Line(file.path, file.taken, text, len(self._open) - 1)
            self._open.pop()
        return None

    def put_back(self, line: Line) -> None:
        """Give this line again."""
        self._again = line

    def include(self, name: str, line: Line) -> None:
        """Go on with the file that `line` includes, by a path relative to its own.

        Raises:
            Mistake: it cannot be read, or limits are passed.
        """
        if "://" in name:
            raise _mistake(line, f"{name} is on a network: copy the file beside the recipe and include that")
        path = os.path.normpath(Path(line.file).parent / name)
        paths = [file.path for file in self._open]
        if path in paths:
            circle = [Path(each).name for each in [*paths[paths.index(path) :], path]]
            raise _mistake(line, f"{path} includes itself: {' → '.join(circle)}")
        if len(self._open) >= MAX_INCLUDE_DEPTH:
            raise _mistake(line, f"more than {MAX_INCLUDE_DEPTH} files include each other")
        if len(self.files) >= MAX_INCLUDES:
            raise _mistake(line, f"more than {MAX_INCLUDES} files are included")
        self.open(path, line)

    def open(self, path: str, line: Line) -> None:
        """Go on with a file.

        Raises:
            Mistake: it cannot be read, or is too large.
        """
        data = _content(path, line)
        self._size += len(data)
        self.read.append({"file": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        if self._size > MAX_TOTAL_SIZE:
            raise _mistake(line, f"the recipe and its includes are larger than {MAX_TOTAL_SIZE} bytes")
        for mark, name in _NOT_UTF8.items():
            if data.startswith(mark):
                raise _mistake(line, f"{path} is {name}: save it as UTF-8")
        text = data.removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")
        lines = [each + "\n" for each in text.split("\n")]
        lines[-1] = lines[-1][:-1]
        self._open.append(_File(path, lines if lines[-1] else lines[:-1]))
        self.files.append(path)


def _content(path: str, line: Line) -> bytes:
    try:
        # Without O_NONBLOCK, a pipe that nobody writes to would be waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123 - a handle, not a path
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise _mistake(line, f"{path} is not a file")
            data = file.read(MAX_FILE_SIZE + 1)
    except ValueError:
        raise _mistake(line, "the name of the file to include has a NUL") from None
    except OSError as exc:
        made = (
            "; a recipe is read before its %pre could make a file"
            if path.startswith("/tmp/") and path in line.text  # noqa: S108 - where scripts put what they make
            else ""
        )
        raise _mistake(line, f"{path} cannot be read: {exc.strerror}{made}") from exc
    if len(data) > MAX_FILE_SIZE:
        raise _mistake(line, f"{path} is larger than {MAX_FILE_SIZE} bytes")
    return data


def _mistake(line: Line, reason: str) -> Mistake:
    return Mistake(line.file, line.number, reason, kind="include" if line.number else "file")
