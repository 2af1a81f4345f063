"""Good and broken definitions, with what Ganeti 3.0.2 says of each.

The verdicts were compared with Ganeti's own `_TryOSFromDisk`, `_CheckOSPList` and `gnt-os info`: `INVALID` is
refused by the diagnosis, `BROKEN` passes it and crashes or fails later, `GOOD` works.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GOOD, BROKEN, INVALID = "good", "broken", "invalid"
SCRIPT = "#!/bin/sh\nexit 0\n"


@dataclass(frozen=True)
class File:
    """A plain file."""

    content: str | bytes = SCRIPT
    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


class Folder:
    """A folder where a file is expected."""


class Pipe:
    """A named pipe where a file is expected: reading it would wait for ever."""


class Missing:
    """Nothing."""


Entry = File | Link | Folder | Pipe | Missing
MISSING = Missing()


def text(content: str | bytes) -> File:
    return File(content, 0o644)


BASE: Mapping[str, Entry] = {
    "ganeti_api_version": text("20\n15\n10\n"),
    "create": File(),
    "import": File(),
    "export": File(),
    "rename": File(),
    "verify": File(),
    "variants.list": text("default\ntrixie\n"),
    "parameters.list": text("filesystem The type of the root file system\nmirror Where from\n"),
}


@dataclass(frozen=True)
class Case:
    """A definition, by how it differs from the good one."""

    id: str
    verdict: str
    changes: Mapping[str, Entry] = field(default_factory=dict)
    told: tuple[str, ...] = ()  # `file what`, the beginning of each problem; () for a good one without remarks
    name: str = "debootstrap"

    def make(self, folder: Path) -> Path:
        """Write it into a folder of a search path."""
        path = folder / self.name
        path.mkdir(parents=True)
        for name, entry in {**BASE, **self.changes}.items():
            put(path / name, entry)
        return path


def put(path: Path, entry: Entry) -> None:
    match entry:
        case File(content, mode):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            path.chmod(mode)
        case Link(target):
            path.symlink_to(target)
        case Folder():
            path.mkdir()
        case Pipe():
            os.mkfifo(path)


API, VARIANTS, PARAMETERS = "ganeti_api_version", "variants.list", "parameters.list"
_V10: Mapping[str, Entry] = {API: text("10\n"), "verify": MISSING, VARIANTS: MISSING, PARAMETERS: MISSING}
_V15: Mapping[str, Entry] = {API: text("15\n10\n"), "verify": MISSING, PARAMETERS: MISSING}
_NO_CREATE = ("create is missing",)

CASES: tuple[Case, ...] = (
    # ---- good ones
    Case("everything", GOOD),
    Case("api 10 alone", GOOD, _V10),
    Case("api 15 with variants", GOOD, _V15),
    Case("api 15 without variants", GOOD, {**_V15, VARIANTS: MISSING}),
    Case("api 20 without variants", GOOD, {VARIANTS: MISSING}),
    Case("historic 5 beside others", GOOD, {API: text("20\n15\n10\n5\n")}),
    Case("lowest version first", GOOD, {API: text("10\n20\n")}),
    Case("blanks around versions", GOOD, {API: text("  20 \n\t15\n")}),
    Case("no newline at the end", GOOD, {API: text("20")}),
    Case("versions with Windows line ends", GOOD, {API: text("20\r\n15\r\n")}),
    Case("empty parameters.list", GOOD, {PARAMETERS: text("")}),
    Case("tab behind the parameter's name", GOOD, {PARAMETERS: text("filesystem\tType of it\n")}),
    Case("empty variants.list", GOOD, {VARIANTS: text("")}),
    Case("variants with blank lines and remarks", GOOD, {VARIANTS: text("# ours\n\n  default  \n\n#x\ntrixie\n")}),
    Case("variant with a plus sign", GOOD, {VARIANTS: text("trixie+backports\n")}),
    Case("script is a link", GOOD, {"import": Link("create")}),
    Case("executable for its owner only", GOOD, {"create": File(mode=0o700)}),
    Case("private files", GOOD, {"common.sh": text("x=1\n")}),
    Case("program instead of a script", GOOD, {"verify": Link("/bin/true")}),
    Case("name with digits, _ and -", GOOD, name="deb_12-amd64"),
    # ---- good ones with a remark
    Case("variants.list links to nothing", GOOD, {VARIANTS: Link("/nowhere")}, ("variants.list is a link",)),
    Case("api 10 with variants", GOOD, {**_V10, VARIANTS: text("a\n")}, ("variants.list is not looked at",)),
    Case("api 15 with parameters", GOOD, {**_V15, PARAMETERS: text("\n")}, ("parameters.list is not looked at",)),
    Case("unknown version beside 20", GOOD, {API: text("25\n20\n")}, ("ganeti_api_version lists 25",)),
    Case("variant listed twice", GOOD, {VARIANTS: text("a\na\n")}, ("variants.list:2 'a' is listed twice",)),
    Case("remark behind a variant", GOOD, {VARIANTS: text("a # b\n")}, ("variants.list:1 'a # b' has blanks",)),
    Case("both create scripts", GOOD, {"create_untrusted": File()}, ("create_untrusted makes",)),
    Case(
        "only the untrusted create",
        GOOD,
        {"create": MISSING, "create_untrusted": File()},
        ("create_untrusted makes",),
    ),
    Case("others may change a script", GOOD, {"create": File(mode=0o777)}, ("create may be changed by others",)),
    Case("remark in parameters.list", GOOD, {PARAMETERS: text("# a b\n")}, ("parameters.list:1 '#' is a",)),
    Case(
        "parameters that differ in - and _",
        GOOD,
        {PARAMETERS: text("a-b One\na_b Two\n")},
        ("parameters.list:2 'a_b' is given as OSP_A_B",),
    ),
    # ---- those that the diagnosis takes, and that fail later
    Case(
        "blank line in parameters.list",
        BROKEN,
        {PARAMETERS: text("a One\n\nb Two\n")},
        ("parameters.list:2 the line is blank",),
    ),
    Case(
        "blank line at the end of parameters.list",
        BROKEN,
        {PARAMETERS: text("a One\n \n")},
        ("parameters.list:2 the line is blank",),
    ),
    Case("parameter without help", BROKEN, {PARAMETERS: text("a\n")}, ("parameters.list:1 'a' has no help",)),
    Case("script without interpreter", BROKEN, {"create": File("exit 0\n")}, ("create has no `#!` line",)),
    Case(
        "interpreter that is not there",
        BROKEN,
        {"rename": File("#!/opt/none/perl\n")},
        ("rename is for '/opt/none/perl'",),
    ),
    Case(
        "script with Windows line ends",
        BROKEN,
        {"create": File("#!/bin/sh\r\nexit 0\r\n")},
        ("create has lines that end as on Windows",),
    ),
    Case("empty script", BROKEN, {"verify": File("")}, ("verify has no `#!` line",)),
    # ---- those that the diagnosis refuses
    Case("dotted name", INVALID, name="debian-12.1", told=("{path} 'debian-12.1' is not a name",)),
    Case("name with a blank", INVALID, name="my os", told=("{path} 'my os' is not a name",)),
    Case("name with a plus sign", INVALID, name="a+b", told=("{path} 'a+b' is not a name",)),
    Case("name with an umlaut", INVALID, name="grün", told=("{path} 'grün' is not a name",)),
    Case("no version file", INVALID, {API: MISSING}, ("ganeti_api_version is missing",)),
    Case("version file links to nothing", INVALID, {API: Link("none")}, ("ganeti_api_version is a link",)),
    Case("version file is a folder", INVALID, {API: Folder()}, ("ganeti_api_version is not a plain file",)),
    Case("version file is a pipe", INVALID, {API: Pipe()}, ("ganeti_api_version is not a plain file",)),
    Case("empty version file", INVALID, {API: text("")}, ("ganeti_api_version lists nothing",)),
    Case("blank line at the end", INVALID, {API: text("20\n\n")}, ("ganeti_api_version:2 the line is blank",)),
    Case("blank line first", INVALID, {API: text("\n20\n")}, ("ganeti_api_version:1 the line is blank",)),
    Case("version with a dot", INVALID, {API: text("2.0\n")}, ("ganeti_api_version:1 '2.0' is not a number",)),
    Case("remark in the version file", INVALID, {API: text("# x\n20\n")}, ("ganeti_api_version:1 '# x' is not",)),
    Case("versions on one line", INVALID, {API: text("20 15\n")}, ("ganeti_api_version:1 '20 15' is not",)),
    Case("api 5 alone", INVALID, {API: text("5\n")}, ("ganeti_api_version lists 5",)),
    Case("unknown version alone", INVALID, {API: text("25\n")}, ("ganeti_api_version lists 25",)),
    Case("no create", INVALID, {"create": MISSING}, _NO_CREATE),
    Case("create links to nothing", INVALID, {"create": Link("none")}, _NO_CREATE),
    Case("create without run bit", INVALID, {"create": text(SCRIPT)}, ("create is not executable",)),
    Case("run bit for others only", INVALID, {"create": File(mode=0o655)}, ("create is not executable",)),
    Case("create is a folder", INVALID, {"create": Folder()}, ("create is not a plain file",)),
    Case("no import", INVALID, {"import": MISSING}, ("import is missing",)),
    Case("no export", INVALID, {**_V10, "export": MISSING}, ("export is missing",)),
    Case("no rename", INVALID, {**_V15, "rename": MISSING}, ("rename is missing",)),
    Case("rename is a pipe", INVALID, {"rename": Pipe()}, ("rename is not a plain file",)),
    Case("import links to nothing", INVALID, {"import": Link("none")}, ("import is a link to nothing",)),
    Case("import links to itself", INVALID, {"import": Link("import")}, ("import cannot be looked at",)),
    Case("export without run bit", INVALID, {"export": text(SCRIPT)}, ("export is not executable",)),
    Case("api 20 without verify", INVALID, {"verify": MISSING}, ("verify is missing",)),
    Case("api 20 with verify that cannot run", INVALID, {"verify": text(SCRIPT)}, ("verify is not executable",)),
    Case("api 20 without parameters.list", INVALID, {PARAMETERS: MISSING}, ("parameters.list is missing",)),
    Case("parameters.list links to nothing", INVALID, {PARAMETERS: Link("none")}, ("parameters.list is a link",)),
    Case("parameters.list is a folder", INVALID, {PARAMETERS: Folder()}, ("parameters.list is not a plain file",)),
    Case("variants.list is a folder", INVALID, {VARIANTS: Folder()}, ("variants.list is not a plain file",)),
    Case(
        "variants.list links to itself", INVALID, {VARIANTS: Link(VARIANTS)}, ("variants.list cannot be looked",)
    ),
    Case(
        "unknown highest version wants verify",
        INVALID,
        {**_V10, API: text("25\n10\n")},
        ("ganeti_api_version lists 25", "verify is missing", "parameters.list is missing"),
    ),
    Case(
        "bad untrusted create beside a good one",
        INVALID,
        {"create_untrusted": text(SCRIPT)},
        ("create_untrusted is not executable", "create_untrusted makes"),
    ),
    Case("variants.list is not UTF-8", INVALID, {VARIANTS: text(b"\xff\n")}, ("variants.list is not UTF-8",)),
    Case(
        "parameters.list is not UTF-8", INVALID, {PARAMETERS: text(b"a \xe9\n")}, ("parameters.list is not UTF-8",)
    ),
    Case(
        "several things at once",
        INVALID,
        {"import": MISSING, "verify": text(SCRIPT), PARAMETERS: MISSING},
        ("import is missing", "verify is not executable", "parameters.list is missing"),
    ),
)
