"""Reads the file of settings and the file of a variant as what they are: parts of a shell script.

Whoever runs the node wrote them, and may do there whatever a shell can: look at $HYPERVISOR, set a variable only
when it is unset, add to the $EXTRA_PKGS of the file before. So a shell reads them, in one go and in the order of
the old scripts: the file, the defaults of what it left unset, the variant. What it exports goes on to hooks.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skerry.commands import Commands, Output
from skerry.errors import BadInput, BadSettings, TimedOut
from skerry.guestos.environment import PARAMETER, PATH, read_parameters
from skerry.guestos.parameters import BY_NAME, PARAMETERS, Parameter, Settings
from skerry.guestos.settings import Given, Places, asked_by, default_of, settings_of, unknown

_TIMEOUT_S = 60.0  # a file may ask the network for a mirror; it should not wait for it for ever
_VARIANT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_GANETIS = re.compile(
    r"(?:OS|OSP|INSTANCE|DISK|NIC|EXPORT|IMPORT)_\w+|HYPERVISOR|DEBUG_LEVEL|OLD_INSTANCE_NAME|NIC_COUNT"
)
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*")  # how names of settings look; files use others for themselves
# Descriptor 3 is our pipe; what a file prints goes to the log. `show` writes two environments, each ended by an
# empty record: what is exported, and everything. Names come from `set`, where a line of a long value may look like
# one; to export what is not set does nothing. `-n` first, because bash goes on behind a file with wrong syntax.
_READ = r"""
exec 3>&1 1>&2
show() {
  set +eu
  { env -0; printf '\0'; } >&3
  (
    for _name in $(set | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
      export "$_name" 2>/dev/null
    done
    { env -0; printf '\0'; } >&3
  )
}
read_file() {
  [ -f "$1" ] || return 0
  "$SKERRY_SHELL" -n "$1" || exit 2
  . "$1"
}
show
read_file "$SKERRY_FILE"
show
@DEFAULTS@
if [ -n "$OS_VARIANT" ]; then
  SKERRY_VARIANT=$VARIANTS_DIR/$OS_VARIANT.conf
  read_file "$SKERRY_VARIANT"
fi
show
"""
_MOMENTS = 3  # that it shows
_BAD_SYNTAX = 2  # its status then
_ANY_END = range(-64, 256)


@dataclass(frozen=True)
class Loaded:
    """What the files of a node and the parameters of an instance come to."""

    settings: Settings
    exported: Mapping[str, str] = field(default_factory=dict)  # by the files: for hooks and installers
    warnings: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()  # names of the settings that the instance has parameters for


@dataclass(frozen=True)
class _Moment:
    """The shell's variables at one moment."""

    exported: Mapping[str, str]
    all: Mapping[str, str]


async def load(environ: Mapping[str, str], places: Places, commands: Commands) -> Loaded:
    """The settings for a run whose environment is Ganeti's; variables with names of settings count as weakest.

    Raises:
        BadSettings: a file or a value is wrong; with all that is, and where.
        BadInput: the variant's name is none, or it has no file.
    """
    variant = environ.get("OS_VARIANT", "")
    if variant and not _VARIANT.fullmatch(variant):
        raise BadInput(f"OS_VARIANT={variant!r} is not the name of a variant")
    output = await _shell(environ, places, commands)
    before, after_file, after_variant = _moments(output, places)
    defaults = _defaults(places)
    between = {**after_file.all, **_filled(after_file.all, defaults)}
    variant_file = Path(after_variant.all.get("SKERRY_VARIANT", ""))
    if variant and not variant_file.is_file():
        raise BadInput(
            f"the variant {variant!r} has no file {variant_file}",
            hint="write one, which may be empty, or take the variant out of variants.list",
        )
    sources = (
        Given("environment", _known({name: environ[name] for name in BY_NAME if name in environ})),
        _given(places.settings_file, before.all, after_file.all),
        _given(variant_file, between, after_variant.all),
    )
    warnings = [f"{places.settings_file}: {line}" for line in output.stderr.splitlines() if line.strip()]
    warnings += _unknown(str(places.settings_file), before, after_file)
    warnings += _unknown(str(variant_file), _Moment({}, between), after_variant)
    try:
        settings = settings_of(*sources, places=places, parameters=read_parameters(after_variant.all))
    except BadSettings as exc:  # what is unknown may be the reason
        raise BadSettings("\n".join((exc.message, *warnings)), hint=exc.hint) from exc
    asked = asked_by(read_parameters(environ))
    return Loaded(settings, _news(before.exported, after_variant.exported), tuple(warnings), asked)


async def _shell(environ: Mapping[str, str], places: Places, commands: Commands) -> Output:
    shell = shutil.which("bash") or "/bin/sh"  # the old scripts are bash's, and so may the files be
    given = {name: value for name, value in environ.items() if name in BY_NAME or _GANETIS.fullmatch(name)}
    own = {"PATH": PATH, "SKERRY_FILE": str(places.settings_file), "SKERRY_SHELL": shell}
    script = _READ.replace("@DEFAULTS@", "\n".join(_defaults_lines(places)))
    try:
        # Any end will do: what `run` says of a failure could repeat our output, and parameters may be secret.
        output = await commands.run([shell, "-c", script], env={**given, **own}, timeout=_TIMEOUT_S, ok=_ANY_END)
    except TimedOut as exc:
        raise BadSettings(
            f"{places.settings_file}, or the variant's file, takes longer than {_TIMEOUT_S:g} s"
        ) from exc
    words = output.stderr.strip()
    if output.status == _BAD_SYNTAX and words:
        raise BadSettings("\n".join(words.splitlines()[-2:]), hint="it is read as a part of a shell script")
    if output.status != 0:
        raise _ended(places)
    return output


def _ended(places: Places) -> BadSettings:
    return BadSettings(
        f"{places.settings_file}, or the variant's file, ends the shell that reads it",
        hint="it is read as a part of a script: `exit`, or `set -e` and a failure, end that",
    )


def _defaults(places: Places) -> Mapping[str, str]:
    return {row.name: default_of(row, places) for row in PARAMETERS}


def _defaults_lines(places: Places) -> list[str]:
    """What is unset gets its default, and its other spelling before that; where empty is no value, that, too."""
    lines = []
    for row in PARAMETERS:
        test = f'[ -n "${{{row.name}+x}}" ]' if row.empty else f'[ -n "${row.name}" ]'
        lines += [f'[ -n "${row.name}" ] || [ -z "${other}" ] || {row.name}=${other}' for other in row.spellings]
        lines.append(f"{test} || {row.name}={shlex.quote(default_of(row, places))}")
    return lines


def _filled(values: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """What those lines come to."""
    known = _known({name: value for name, value in values.items() if name in BY_NAME})
    return {
        row.name: known[row.name]
        if known.get(row.name) or (row.empty and row.name in known)
        else defaults[row.name]
        for row in PARAMETERS
    }


def _known(values: Mapping[str, str]) -> dict[str, str]:
    """Values by the right names: another spelling counts where the right one says nothing."""
    found: dict[str, str] = {}
    for row in PARAMETERS:
        given = [values[name] for name in (row.name, *row.spellings) if name in values]
        if given:
            found[row.name] = next((value for value in given if value), given[0])
    return found


def _moments(output: Output, places: Places) -> list[_Moment]:
    records = output.stdout.split("\0")
    environments: list[dict[str, str]] = [{}]
    for record in records[:-1]:
        if record:
            name, _, value = record.partition("=")
            environments[-1][name] = value
        else:
            environments.append({})
    if len(environments) <= 2 * _MOMENTS:
        raise _ended(places)
    return [_Moment(environments[number], environments[number + 1]) for number in range(0, 2 * _MOMENTS, 2)]


def _news(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in after.items() if before.get(name) != value and not _shells(name)}


def _shells(name: str) -> bool:
    """Whether shells, or we, set a variable by themselves."""
    return name in {"_", "PWD", "OLDPWD", "SHLVL", "PIPESTATUS", "LINENO", "RANDOM", "SECONDS"} or name.startswith(
        ("BASH", "SKERRY_", "EPOCH")
    )


def _given(file: Path, before: Mapping[str, str], after: Mapping[str, str]) -> Given:
    """The settings that a file changed, with the lines where it probably did."""
    changed = _known({name: value for name, value in _news(before, after).items() if name in BY_NAME})
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    lines = {name: line for name in changed if (line := _line_of(text, BY_NAME[name]))}
    return Given(str(file), changed, lines)


def _line_of(text: str, row: Parameter) -> int:
    """The last line that assigns a setting in one of the usual ways; 0 where none does."""
    names = "|".join((row.name, *row.spellings))
    assigns = re.compile(rf"(?:^|[\s;&({{])(?:{names})\+?=|\$\{{(?:{names}):?=")
    lines = [
        number for number, line in enumerate(text.splitlines(), start=1) if assigns.search(line.split("#")[0])
    ]
    return lines[-1] if lines else 0


def _unknown(file: str, before: _Moment, after: _Moment) -> list[str]:
    """What was assigned and is no setting: perhaps a misspelling. What is exported is meant for hooks."""
    names = [
        name
        for name in sorted(_news(before.all, after.all))
        if name not in BY_NAME and name not in after.exported and not name.startswith(PARAMETER)
    ]
    return [f"{file}: {unknown(name, BY_NAME)}" for name in names if _SETTING.fullmatch(name)]
