"""Whether a definition is one that Ganeti takes, and what is wrong with it.

`check` follows Ganeti 3.0's diagnosis (`_TryOSFromDisk` in lib/backend.py) rule by rule, and tells all that it
finds where Ganeti stops at the first. Beyond that it tells what Ganeti lists as valid and then fails to run.
Definitions may come from strangers: nothing in them is run, and files are read up to a limit.
"""

from __future__ import annotations

import enum
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from skerry.guestos.definition import (
    API_FILE,
    API_VERSIONS,
    CREATE,
    CREATE_UNTRUSTED,
    NAME,
    PARAMETERS_FILE,
    SCRIPTS,
    VARIANTS_FILE,
    VERIFY,
    Definition,
)
from skerry.guestos.environment import parameter_variable

_LIMIT = 1024 * 1024  # bytes of a list; real ones have a few hundred
_FIRST_LINE = 256  # bytes of a script; the kernel itself reads so many (BINPRM_BUF_SIZE)


class Weight(enum.StrEnum):
    """How bad a problem is."""

    INVALID = "invalid"  # Ganeti does not take the definition
    BROKEN = "broken"  # Ganeti takes it, and something fails later
    REMARK = "remark"  # it works; perhaps not as meant


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and why it matters."""

    weight: Weight
    where: str  # the file, with the number of the line: parameters.list:3
    what: str
    why: str


@dataclass(frozen=True)
class Checked:
    """A folder that was looked at."""

    name: str
    path: Path
    definition: Definition | None  # None: Ganeti does not take it
    problems: tuple[Problem, ...]

    @property
    def valid(self) -> bool:
        """What Ganeti's own diagnosis would say."""
        return self.definition is not None

    @property
    def usable(self) -> bool:
        """Whether it is valid and nothing is known that fails later."""
        return self.valid and all(each.weight is Weight.REMARK for each in self.problems)


def check(path: Path) -> Checked:
    """Look at a definition's folder; its last part is the definition's name."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link and change the name
    looking = _Looking(path)
    definition = looking.look()
    return Checked(path.name, path, definition, tuple(looking.problems))


class _Looking:
    """One look at a folder, collecting what is wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def look(self) -> Definition | None:
        """The definition, unless something makes it invalid."""
        self._name()
        versions = self._versions() if not self._invalid() else ()
        if self._invalid():
            return None
        highest = max(versions)
        scripts = self._scripts(highest)
        variants = self._variants(highest)
        parameters = self._parameters(highest)
        if self._invalid():
            return None
        return Definition(self.path.name, self.path, versions, variants, parameters, scripts)

    def _invalid(self) -> bool:
        return any(each.weight is Weight.INVALID for each in self.problems)

    def _tell(self, weight: Weight, where: str, what: str, why: str) -> None:
        self.problems.append(Problem(weight, where, what, why))

    def _name(self) -> None:
        try:
            there = self.path.is_dir()
        except OSError as exc:
            why = "whoever looks must be allowed to enter the folders above it"
            self._tell(Weight.INVALID, str(self.path), f"cannot be looked at: {exc.strerror}", why)
            return
        if not there:
            self._tell(
                Weight.INVALID,
                str(self.path),
                "is not a folder",
                "a definition is a folder in Ganeti's search path; Ganeti says that it is not found",
            )
        elif not NAME.fullmatch(self.path.name):
            self._tell(
                Weight.INVALID,
                str(self.path),
                f"{self.path.name!r} is not a name of a definition",
                "letters, digits, _ and - make a name; Ganeti lists others, and says that they are not found",
            )

    # ---- versions

    def _versions(self) -> tuple[int, ...]:
        text = self._read(API_FILE, required=True)
        if text is None:
            return ()
        found: list[int] = []
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                found.append(int(line.strip()))
            except ValueError:
                self._not_a_version(f"{API_FILE}:{number}", line.strip())
        if not self._invalid() and not API_VERSIONS.intersection(found):
            listed = ", ".join(map(str, found))[:80] or "nothing"
            self._tell(
                Weight.INVALID,
                API_FILE,
                f"lists {listed}",
                "Ganeti speaks 10, 15 and 20: one of them must be listed (5 is Ganeti 1.2's)",
            )
        elif found and max(found) not in API_VERSIONS:
            self._tell(
                Weight.REMARK,
                API_FILE,
                f"lists {str(max(found))[:40]}, which no Ganeti speaks yet",
                "which files must be there follows from the highest number, even an unknown one",
            )
        return tuple(found)

    def _not_a_version(self, where: str, line: str) -> None:
        if line:
            self._tell(
                Weight.INVALID, where, f"{line[:40]!r} is not a number", "each line is one version: 20, 15, 10"
            )
        else:
            self._tell(
                Weight.INVALID,
                where,
                "the line is blank",
                "Ganeti reads every line as a number, and takes no blank ones, not even at the end",
            )

    # ---- scripts

    def _scripts(self, highest: int) -> Mapping[str, Path]:
        found = {}
        for name in SCRIPTS:
            if name == VERIFY and highest < 20:
                continue
            required = name not in {CREATE, CREATE_UNTRUSTED}
            mode = self._regular(name, required=required)
            if mode is None:
                continue
            found[name] = self.path / name
            if not mode & stat.S_IXUSR:
                self._tell(
                    Weight.INVALID,
                    name,
                    "is not executable",
                    f"its owner must be allowed to run it: chmod 755 {self.path / name}",
                )
            else:
                self._script(name, mode)
        if not found.keys() & {CREATE, CREATE_UNTRUSTED} and not self._names(CREATE, CREATE_UNTRUSTED):
            self._tell(
                Weight.INVALID,
                CREATE,
                "is missing",
                "there must be a script `create`, or `create_untrusted`, or both",
            )
        if CREATE_UNTRUSTED in found:
            self._tell(
                Weight.REMARK,
                CREATE_UNTRUSTED,
                "makes the definition an untrusted one",
                "Ganeti then runs this script in a helper machine, and never `create`, even when that is there",
            )
        return found

    def _names(self, *files: str) -> bool:
        return any(each.where in files for each in self.problems)

    def _script(self, name: str, mode: int) -> None:
        if mode & (stat.S_IWOTH | stat.S_IWGRP):
            self._tell(
                Weight.REMARK,
                name,
                "may be changed by others than its owner",
                "the script runs as root on the host",
            )
        try:
            with (self.path / name).open("rb") as file:
                head = file.read(_FIRST_LINE)
        except OSError as exc:
            self._tell(Weight.BROKEN, name, f"cannot be read: {exc.strerror}", "so it cannot be run")
            return
        for what, why in _wrong_with(head):
            self._tell(Weight.BROKEN, name, what, why)

    # ---- lists

    def _variants(self, highest: int) -> tuple[str, ...]:
        if highest < 15:
            self._ignored(VARIANTS_FILE, 15)
            return ()
        text = self._read(VARIANTS_FILE, required=False)
        if text is None:
            if (self.path / VARIANTS_FILE).is_symlink() and not self._names(VARIANTS_FILE):
                self._tell(
                    Weight.REMARK,
                    VARIANTS_FILE,
                    "is a link to nothing",
                    "for Ganeti it is not there: the definition has no variants, and `+variant` is refused",
                )
            return ()
        lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
        named = [(number, line) for number, line in lines if line and not line.startswith("#")]
        seen: set[str] = set()
        for number, line in named:
            where = f"{VARIANTS_FILE}:{number}"
            if line in seen:
                self._tell(Weight.REMARK, where, f"{line!r} is listed twice", "Ganeti's lists show it twice, too")
            if len(line.split()) > 1:
                self._tell(
                    Weight.REMARK,
                    where,
                    f"{line[:40]!r} has blanks in it",
                    "the whole line is the name of one variant; there are no remarks behind names",
                )
            seen.add(line)
        return tuple(line for _, line in named)

    def _parameters(self, highest: int) -> tuple[tuple[str, str], ...]:
        if highest < 20:
            self._ignored(PARAMETERS_FILE, 20)
            return ()
        text = self._read(PARAMETERS_FILE, required=True)
        found: list[tuple[str, str]] = []
        variables: dict[str, str] = {}
        for number, line in enumerate((text or "").splitlines(), start=1):
            where = f"{PARAMETERS_FILE}:{number}"
            words = line.split(None, 1)
            if not words:
                self._tell(
                    Weight.BROKEN,
                    where,
                    "the line is blank",
                    "the diagnosis passes, and then each check of parameters crashes (_CheckOSPList, IndexError)",
                )
                continue
            name, text_of = words[0], words[1].strip() if len(words) > 1 else ""
            self._parameter(where, name, text_of, variables)
            found.append((name, text_of))
        return tuple(found)

    def _parameter(self, where: str, name: str, text: str, variables: dict[str, str]) -> None:
        if name.startswith("#"):
            self._tell(
                Weight.REMARK,
                where,
                f"{name[:40]!r} is a parameter",
                "the file has no remarks: the first word of every line is the name of a parameter",
            )
        if not text:
            self._tell(
                Weight.BROKEN,
                where,
                f"{name[:40]!r} has no help",
                "`gnt-os info` crashes: it wants two words a line",
            )
        variable = parameter_variable(name)
        if variable in variables:
            self._tell(
                Weight.REMARK,
                where,
                f"{name[:40]!r} is given as {variable[:44]}, as is {variables[variable][:40]!r}",
                "scripts cannot tell the two apart",
            )
        variables[variable] = name

    def _ignored(self, name: str, since: int) -> None:
        if os.path.lexists(self.path / name):
            self._tell(
                Weight.REMARK,
                name,
                "is not looked at",
                f"it counts from version {since} on; add {since} to {API_FILE}",
            )

    # ---- files

    def _read(self, name: str, *, required: bool) -> str | None:
        """A list's text, with the ends of lines as Python's text files have them."""
        if self._regular(name, required=required) is None:
            return None
        try:
            with (self.path / name).open("rb") as file:
                data = file.read(_LIMIT + 1)
        except OSError as exc:
            self._tell(Weight.INVALID, name, f"cannot be read: {exc.strerror}", "Ganeti must read it")
            return None
        if len(data) > _LIMIT:
            self._tell(Weight.INVALID, name, "is larger than 1 MiB", "no list of a definition is")
            return None
        try:
            return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            self._tell(
                Weight.INVALID,
                name,
                "is not UTF-8",
                "Ganeti's whole diagnosis crashes on it, for all definitions of the host",
            )
            return None

    def _regular(self, name: str, *, required: bool) -> int | None:
        """The mode of a file, behind links; None, and told where it matters, when it is no plain file."""
        try:
            mode = (self.path / name).stat().st_mode
        except OSError as exc:
            if exc.errno != errno.ENOENT or required:
                self._missing(name, exc)
            return None
        if not stat.S_ISREG(mode):
            self._tell(Weight.INVALID, name, "is not a plain file", "folders, pipes and devices are not taken")
            return None
        return stat.S_IMODE(mode)

    def _missing(self, name: str, exc: OSError) -> None:
        if exc.errno != errno.ENOENT:
            what = f"cannot be looked at: {exc.strerror}"
        else:
            what = "is a link to nothing" if (self.path / name).is_symlink() else "is missing"
        whys = {
            API_FILE: "it lists the versions of the interface that the scripts understand, one a line",
            PARAMETERS_FILE: "it is required since version 20, and may be empty",
            VERIFY: "it is required since version 20; `exit 0` is enough",
        }
        self._tell(Weight.INVALID, name, what, whys.get(name, "it is required of every definition"))


def _wrong_with(head: bytes) -> Iterator[tuple[str, str]]:
    """What keeps the kernel from running a file that begins so."""
    if head.startswith(b"\x7fELF"):
        return
    if not head.startswith(b"#!"):
        yield (
            "has no `#!` line",
            "Ganeti starts scripts without a shell, so the kernel must know their interpreter",
        )
        return
    line = head[2:].split(b"\n", 1)[0]
    words = line.strip(b" \t").split(None, 1)
    interpreter = os.fsdecode(words[0]) if words else ""
    if line.endswith(b"\r"):
        yield (
            "has lines that end as on Windows",
            "the kernel looks for an interpreter whose name ends in a carriage return",
        )
    elif not interpreter:
        yield "names no interpreter", "`#!/bin/sh` is one"
    elif not os.access(interpreter, os.X_OK):
        yield f"is for {interpreter[:80]!r}, which is not there", "the script cannot be started on this host"
