"""From what the file, the variant and the instance say to `Settings`; all that is wrong is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skerry.errors import BadSettings
from skerry.guestos.parameters import BY_NAME, BY_OS_PARAMETER, PARAMETERS, Parameter, Settings
from skerry.guestos.suites import perhaps_meant

_OS_PARAMETER = "OS parameter"  # as messages name that source


@dataclass(frozen=True)
class Places:
    """Where files are, by the words of `configure` that the old README has."""

    sysconfdir: Path = Path("/etc")
    localstatedir: Path = Path("/var")

    @property
    def settings_file(self) -> Path:
        """The file of settings; it may be missing."""
        return self.sysconfdir / "default/ganeti-instance-debootstrap"

    @property
    def customize_dir(self) -> Path:
        """Hooks, unless CUSTOMIZE_DIR says otherwise."""
        return self.sysconfdir / "ganeti/instance-debootstrap/hooks"

    @property
    def variants_dir(self) -> Path:
        """Files of variants, unless VARIANTS_DIR says otherwise."""
        return self.sysconfdir / "ganeti/instance-debootstrap/variants"

    @property
    def cache_dir(self) -> Path:
        """Where the tars for preseeding are, `cache-SUITE-ARCH.tar`."""
        return self.localstatedir / "cache/ganeti-instance-debootstrap"


def default_of(row: Parameter, places: Places) -> str:
    """What a setting is when nobody says."""
    own = {"customize_dir", "variants_dir", "cache_dir"}
    return str(getattr(places, row.field)) if row.field in own else row.default


@dataclass(frozen=True)
class Given:
    """Values from one source."""

    source: str  # as messages name it: a file, or `OS parameter`
    values: Mapping[str, str]  # by the names of the file
    lines: Mapping[str, int] = field(default_factory=dict)  # where, by the same names, as far as is known

    def where(self, name: str) -> str:
        """The source of one value."""
        return f"{self.source}:{self.lines[name]}" if name in self.lines else self.source


def settings_of(
    *sources: Given, places: Places | None = None, parameters: Mapping[str, str] | None = None
) -> Settings:
    """All sources as settings; later ones win, and the OS parameters last.

    `parameters` are named as an instance names them; `-` for `_` and capitals do as well.

    Raises:
        BadSettings: with everything that is wrong, and the nearest right name of what is unknown.
    """
    mistakes: list[str] = []
    values = {row.name: default_of(row, places or Places()) for row in PARAMETERS}
    origins: dict[str, str] = {}
    for given in (*sources, _of_parameters(parameters or {}, mistakes)):
        for name, value in given.values.items():
            row = BY_NAME.get(name)
            if row is None:
                mistakes.append(f"{given.where(name)}: {unknown(name, BY_NAME)}")
            elif value or row.empty:  # empty is what the old scripts call unset
                values[row.name] = value
                origins[row.name] = given.where(name)
    parsed: dict[str, Any] = {row.field: _parsed(row, values[row.name], origins, mistakes) for row in PARAMETERS}
    if parsed["suite"] and not parsed["mirror"] and (meant := perhaps_meant(parsed["suite"])):
        where = origins.get("SUITE", "default")
        mistakes.append(f"{where}: {_called('SUITE', where)}={parsed['suite']!r}: did you mean {meant}?")
    if mistakes:
        raise BadSettings("\n".join(mistakes), hint="docs/reference/guest-os.md lists every setting")
    return Settings(**parsed)


def _of_parameters(parameters: Mapping[str, str], mistakes: list[str]) -> Given:
    values = {}
    for name, value in parameters.items():
        row = _row_of(name)
        if row is None:
            mistakes.append(f"{_OS_PARAMETER}: {unknown(name, BY_OS_PARAMETER)}")
        else:
            values[row.name] = value
    return Given(_OS_PARAMETER, values)


def asked_by(parameters: Iterable[str]) -> frozenset[str]:
    """The settings that OS parameters of these names are about, by the names of the file."""
    return frozenset(row.name for name in parameters if (row := _row_of(name)))


def _row_of(os_parameter: str) -> Parameter | None:
    return BY_OS_PARAMETER.get(os_parameter.lower().replace("-", "_"))


def _parsed(row: Parameter, value: str, origins: Mapping[str, str], mistakes: list[str]) -> object:
    try:
        return row.parse(value)
    except ValueError as exc:
        source = origins.get(row.name, "default")
        shown = "" if row.secret else f"={value!r}"
        mistakes.append(f"{source}: {_called(row.name, source)}{shown}: {exc}")
        return None


def _called(name: str, source: str) -> str:
    """A setting as its source calls it."""
    return BY_NAME[name].os_parameter if source == _OS_PARAMETER else name


def unknown(name: str, known: Iterable[str]) -> str:
    """`SUIT is not known, did you mean SUITE?`; where no name is near, there is no question."""
    by_letters = {_letters(each): each for each in known}
    near = difflib.get_close_matches(_letters(name), by_letters, n=1, cutoff=0.7)
    return f"{name} is not known" + (f", did you mean {by_letters[near[0]]}?" if near else "")


def _letters(name: str) -> str:
    return name.lower().replace("_", "-")
