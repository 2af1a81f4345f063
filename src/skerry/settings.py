"""Settings from one table per program.

Each program declares its settings once, as fields of a frozen dataclass made with `setting()`. The file reader,
the environment names, the flags and the reference page are derived from that declaration. Later sources win:
default, file, environment, flag. All mistakes are reported at once, each with its source, key, value and what
was expected; an unknown key is answered with the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from skerry.errors import BadInput, BadSettings
from skerry.sizes import parse_size

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """What a setting may hold: how a word becomes a value, and how that is called in messages."""

    name: str
    parse: Callable[[object], Any]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadInput("not a text")
    return value


def _whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadInput("not a whole number")
    try:
        return int(value)
    except ValueError:
        raise BadInput("not a whole number") from None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadInput("not a number")
    try:
        return float(value)
    except ValueError:
        raise BadInput("not a number") from None


_WORDS = dict.fromkeys(("yes", "true", "on", "1"), True) | dict.fromkeys(("no", "false", "off", "0"), False)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    raise BadInput("not yes or no")


def _size(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else parse_size(_text(value))


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser()


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_text(item) for item in value)
    return tuple(word for word in _text(value).replace(",", " ").split() if word)


TEXT = Kind("text", _text)
WHOLE_NUMBER = Kind("whole number", _whole_number)
NUMBER = Kind("number", _number)
FLAG = Kind("yes or no", _flag)
SIZE = Kind("size, such as 512M or 2G", _size)
PATH = Kind("path", _path)
WORDS = Kind("list of words", _words)


@dataclass(frozen=True)
class Setting:
    """One row of a program's table."""

    name: str
    kind: Kind
    default: Any
    unit: str
    help: str
    minimum: float | None = None
    choices: tuple[str, ...] = ()


def setting(
    kind: Kind,
    help: str,  # noqa: A002 - the name users of argparse and Typer expect
    *,
    default: Any,  # noqa: ANN401 - of the kind's type; the field's annotation says which
    unit: str = "",
    minimum: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 - stands for a field of any type
    """Declare a setting as a dataclass field."""
    metadata = {"kind": kind, "help": help, "unit": unit, "minimum": minimum, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def table(cls: type) -> list[Setting]:
    """The settings of a program, in the order of their declaration."""
    return [
        Setting(
            field.name,
            field.metadata["kind"],
            field.default,
            field.metadata["unit"],
            field.metadata["help"],
            field.metadata["minimum"],
            field.metadata["choices"],
        )
        for field in dataclasses.fields(cls)
    ]


def environment_name(prefix: str, name: str) -> str:
    """`("SKERRY", "data_dir")` becomes `SKERRY_DATA_DIR`."""
    return f"{prefix}_{name}".upper()


def load(
    cls: type[T],
    *,
    file: Path | None = None,
    prefix: str = "SKERRY",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> T:
    """Read all sources into one frozen object of settings.

    `file` is TOML and may be missing. `flags` holds what was given on the command line; None means not given.

    Raises:
        BadSettings: the message lists every mistake, one a line.
    """
    rows = {row.name: row for row in table(cls)}
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    for source, key, row_name, value in _given(rows, file, prefix, environ, flags, mistakes):
        try:
            values[row_name] = _checked(rows[row_name], value)
        except BadInput as exc:
            kind = rows[row_name].kind.name
            mistakes.append(f"{source}: {key} = {value!r}: {exc.message}, expected a {kind}")
    if mistakes:
        raise BadSettings("\n".join(mistakes), hint="`docs/reference/settings.md` lists every setting")
    return cls(**values)


def _given(
    rows: Mapping[str, Setting],
    file: Path | None,
    prefix: str,
    environ: Mapping[str, str] | None,
    flags: Mapping[str, object] | None,
    mistakes: list[str],
) -> list[tuple[str, str, str, object]]:
    """All values given anywhere, weakest source first: (source, key as written, setting, value)."""
    given: list[tuple[str, str, str, object]] = []
    for key, value in _read_file(file, mistakes).items():
        name = key.replace("-", "_")
        if name in rows:
            given.append((str(file), key, name, value))
        else:
            near = difflib.get_close_matches(name, rows, n=1)
            mistakes.append(f"{file}: unknown key {key!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    env = os.environ if environ is None else environ
    for name in rows:
        variable = environment_name(prefix, name)
        if variable in env:
            given.append(("environment", variable, name, env[variable]))
    for name, value in (flags or {}).items():
        if value is not None:
            given.append(("command line", "--" + name.replace("_", "-"), name, value))
    return given


def _read_file(file: Path | None, mistakes: list[str]) -> Mapping[str, object]:
    if file is None or not file.exists():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        mistakes.append(f"{file}: not valid TOML: {exc}")
    except OSError as exc:
        mistakes.append(f"{file}: cannot be read: {exc.strerror}")
    return {}


def _checked(row: Setting, value: object) -> object:
    parsed = value if isinstance(value, Path) else row.kind.parse(value)
    if row.minimum is not None and cast("float", parsed) < row.minimum:
        raise BadInput(f"less than {row.minimum:g}")
    if row.choices and parsed not in row.choices:
        raise BadInput("not one of " + ", ".join(row.choices))
    return parsed
