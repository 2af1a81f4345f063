"""Writes our own definition, `skerry`, where Ganeti looks: what `./configure && make install` did of the old one.

`plan_install` says which files there will be; `apply` writes them. What a person may have changed, the files of
variants, stays as it is; all else belongs to us and is written anew. The scripts are thin: Ganeti calls them with
an empty environment, so they know by an absolute path which `skerry` to call, and where its files are.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadInput, Unavailable
from skerry.guestos.check import Checked, check
from skerry.guestos.definition import (
    API_FILE,
    API_VERSIONS,
    CREATE,
    EXPORT,
    IMPORT,
    PARAMETERS_FILE,
    RENAME,
    VARIANTS_FILE,
    VERIFY,
)
from skerry.guestos.parameters import PARAMETERS, Parameter
from skerry.guestos.settings import Places

NAME = "skerry"
_SCRIPTS = {
    CREATE: "fills the empty disk of an instance",
    IMPORT: "fills a disk of an instance from a stream on standard input",
    EXPORT: "writes a disk of an instance to standard output as a stream",
    RENAME: "gives the system on the disk of an instance another name",
    VERIFY: "looks at OS parameters and settings; Ganeti calls it with the word `parameters`",
}
# The suites that are kept in order today; `default` is for nodes whose settings file names one.
VARIANTS = {
    "default": "",
    "trixie": "SUITE=trixie\n",
    "bookworm": "SUITE=bookworm\n",
    "noble": "SUITE=noble\nCOMPONENTS=main,universe\n",
    "jammy": "SUITE=jammy\nCOMPONENTS=main,universe\n",
}
_VARIANT_FILE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)\.conf")
_USUAL = frozenset({Path("/usr"), Path("/")})  # prefixes whose other folders are not below them


@dataclass(frozen=True)
class Folders:
    """Where things go, by the options of `configure`."""

    os_dir: Path
    places: Places


@dataclass(frozen=True)
class Write:
    """A file to write, unless it is one that stays when it is there."""

    path: Path
    content: str
    mode: int
    stays: bool = False


@dataclass(frozen=True)
class MakeFolder:
    """A folder to make, with those above it."""

    path: Path
    mode: int = 0o755


Action = Write | MakeFolder


def folders_of(
    prefix: Path = Path("/usr"),
    *,
    os_dir: Path | None = None,
    sysconfdir: Path | None = None,
    localstatedir: Path | None = None,
) -> Folders:
    """The folders that follow from a prefix, as those of `configure` do, where they are not given.

    Raises:
        BadInput: one of them is not absolute.
    """
    base = Path("/") if prefix in _USUAL else prefix
    found = Folders(
        os_dir or prefix / "share/ganeti/os", Places(sysconfdir or base / "etc", localstatedir or base / "var")
    )
    for folder in (prefix, found.os_dir, found.places.sysconfdir, found.places.localstatedir):
        if not folder.is_absolute() or "\n" in str(folder):
            raise BadInput(f"{folder} is not an absolute path")
    return found


def plan_install(folders: Folders, program: Path, *, found: Iterable[str] = ()) -> tuple[Action, ...]:
    """Everything that there will be; `found` are the names of files that are in the folder of variants."""
    places, target = folders.places, folders.os_dir / NAME
    own = tuple(dict.fromkeys((*VARIANTS, *sorted(_variants_of(found)))))
    return (
        MakeFolder(target),
        Write(target / API_FILE, "".join(f"{each}\n" for each in sorted(API_VERSIONS, reverse=True)), 0o644),
        Write(target / VARIANTS_FILE, "".join(f"{name}\n" for name in own), 0o644),
        Write(target / PARAMETERS_FILE, "".join(_parameter_lines()), 0o644),
        *(Write(target / name, _script(name, program, places), 0o755) for name in _SCRIPTS),
        MakeFolder(places.settings_file.parent),
        MakeFolder(places.customize_dir),
        MakeFolder(places.variants_dir),
        *(Write(places.variants_dir / f"{name}.conf", _variant(name), 0o644, stays=True) for name in VARIANTS),
        MakeFolder(places.cache_dir, 0o700),
    )


def _variants_of(files: Iterable[str]) -> Iterator[str]:
    for name in files:
        if match := _VARIANT_FILE.fullmatch(name):
            yield match.group(1)


def _parameter_lines() -> Iterator[str]:
    """Name and help; never a blank line, on which Ganeti crashes."""
    for row in PARAMETERS:
        if row.os_parameter:
            yield f"{row.os_parameter} {help_of(row)}\n"


def help_of(row: Parameter) -> str:
    """One plain line about a parameter."""
    values = f" ({', '.join(row.choices)})" if row.choices else ""
    default = f"; default: {row.default}" if row.default else ""
    return f"{row.help.replace('`', '')}{values}{default}"


def _script(name: str, program: Path, places: Places) -> str:
    options = ["--sysconfdir", str(places.sysconfdir), "--localstatedir", str(places.localstatedir)]
    command = shlex.join(["guest-os", name, *options])
    # Where standard input carries nothing it must not be ours: what Ganeti gives is the end of a pipe, or nothing.
    stdin = "" if name == IMPORT else " </dev/null"
    return (
        "#!/bin/sh\n"
        f"# {name} {_SCRIPTS[name]}.\n"
        "# Written by `skerry guest-os install`, which writes it anew: changes get lost.\n"
        f"program={shlex.quote(str(program))}\n"
        'if [ ! -x "$program" ]; then\n'
        "  echo \"$0: $program is not there any more; run 'skerry guest-os install' again\" >&2\n"
        "  exit 1\n"
        "fi\n"
        'if [ "${1-}" = -h ]; then set -- --help; fi\n'
        f'exec "$program" {command} "$@"{stdin}\n'
    )


def _variant(name: str) -> str:
    return (
        f"# Settings of the variant {name}, read after those of default/ganeti-instance-debootstrap.\n"
        f"# Both are parts of a shell script, and every setting may be in both.\n{VARIANTS[name]}"
    )


def variant_files(places: Places) -> list[str]:
    """The names of what is in the folder of variants."""
    try:
        return sorted(path.name for path in places.variants_dir.iterdir() if path.is_file())
    except OSError:
        return []


def apply(actions: Sequence[Action]) -> list[Path]:
    """Do what is not done yet; returns the files that were written.

    Raises:
        Unavailable: a folder cannot be written.
    """
    written = []
    for action in actions:
        try:
            if isinstance(action, MakeFolder):
                _make(action)
            elif not (action.stays and action.path.exists()):
                _write(action)
                written.append(action.path)
        except OSError as exc:
            raise Unavailable(
                f"{action.path} cannot be written: {exc.strerror}",
                hint="be root, or choose others with --prefix, --os-dir, --sysconfdir, --localstatedir",
            ) from exc
    return written


def _make(action: MakeFolder) -> None:
    if action.path.is_dir():
        return
    if action.path.parent != action.path:
        _make(MakeFolder(action.path.parent))
    action.path.mkdir()
    action.path.chmod(action.mode)  # whatever the umask is


def _write(action: Write) -> None:
    """All at once: Ganeti may look at the definition, or run it, at any time."""
    number, name = tempfile.mkstemp(dir=action.path.parent, prefix=f".{action.path.name}.")
    new = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(action.content)
        new.chmod(action.mode)
        new.replace(action.path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def look_at(folders: Folders) -> Checked:
    """What Ganeti would say of what was installed."""
    return check(folders.os_dir / NAME)


def as_json(action: Action) -> dict[str, object]:
    """One action for programs."""
    fields: dict[str, object] = {"path": str(action.path), "mode": f"{action.mode:04o}"}
    if isinstance(action, MakeFolder):
        return fields | {"kind": "folder"}
    return fields | {"kind": "file", "content": action.content, "stays": action.stays}


def shown(actions: Sequence[Action]) -> str:
    """The actions for a person to read: each file with its mode and content."""
    parts = []
    for action in actions:
        if isinstance(action, MakeFolder):
            parts.append(f"folder {action.path} ({action.mode:o})\n")
        else:
            kept = ", unless it is there" if action.stays else ""
            lines = "".join(f"    {line}\n" for line in action.content.splitlines())
            parts.append(f"file {action.path} ({action.mode:o}{kept})\n{lines}")
    return "".join(parts)
