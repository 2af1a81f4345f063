"""From installed packages to the root of the image: the recipe's words, then its scripts in order.

Everything runs in a session: it can change the root and nothing else, and leaves no process and no mount behind.

    %post                                  in the root
    %post --nochroot                       on this machine, which is read-only, with the root at $INSTALL_ROOT and
                                           a folder for the medium beside it at $LIVE_ROOT
    %post --interpreter image-minimizer    by the minimizer
    %pre                                   on this machine, before the packages, with an empty root: for checks
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skerry.commands import LAST_WORDS, Arg, Output
from skerry.errors import SkerryError, TimedOut
from skerry.images.cache import disk_was_full, no_space
from skerry.images.instructions import settings_script
from skerry.images.minimize.rules import is_minimizer, understand_minimizer
from skerry.images.minimize.run import FORMAT as MINIMIZER_FORMAT
from skerry.images.minimize.run import minimize
from skerry.images.recipe import BadRecipe, Script
from skerry.images.session import Session
from skerry.images.words import Meaning
from skerry.progress import Progress

FORMAT = 3  # of what is done to the root beside the recipe's own scripts; part of the step's key
_MOST_LINES = 200_000  # of one script's output; more is a flood
_MOST_BYTES = 32 * 1024 * 1024
_INPUTS = "/run/inputs"  # in the root

# What scripts that install packages need, and must not stay: name servers, and that no service starts. A root with
# systemd-resolved has a link, and the session what it points to. The first line tells a file that was not there.
_NOT_THERE = "# name servers of the build; the image has no such file"
_OPEN = f"""\
if [ -d /etc ] && [ ! -e /etc/resolv.conf ] && [ ! -L /etc/resolv.conf ]; then
  {{ echo '{_NOT_THERE}'; cat {_INPUTS}/resolv.conf; }} > /etc/resolv.conf
elif [ -f /etc/resolv.conf ] && [ ! -L /etc/resolv.conf ] && [ ! -s /etc/resolv.conf ]; then
  cat {_INPUTS}/resolv.conf > /etc/resolv.conf
fi
if [ ! -e /usr/sbin/policy-rc.d ] && [ -d /usr/sbin ]; then
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
fi
"""
# What scripts leave that no image should have. No cmp: a minimizer may have taken it. The second name is that of a
# copy which systemd-resolved makes when a script installs it.
_CLOSE = f"""\
ours="$(cat {_INPUTS}/resolv.conf)"
for file in /etc/resolv.conf /etc/.resolv.conf.systemd-resolved.bak; do
  if [ ! -f $file ] || [ -L $file ]; then continue; fi
  has="$(cat $file)" || continue
  if [ "$has" = "$(echo '{_NOT_THERE}'; cat {_INPUTS}/resolv.conf)" ]; then rm -f $file
  elif [ "$has" = "$ours" ]; then : > $file
  fi
done
if [ -f /usr/sbin/policy-rc.d ] && [ "$(cat /usr/sbin/policy-rc.d)" = "$(printf '#!/bin/sh\\nexit 101')" ]; then
  rm -f /usr/sbin/policy-rc.d
fi
[ ! -f /etc/machine-id ] || : > /etc/machine-id
rm -rf /tmp/* /tmp/.[!.]* /var/tmp/* /var/tmp/.[!.]* /var/cache/ldconfig/aux-cache
"""


class ScriptFailed(SkerryError):
    """A script of the recipe ended with a status other than 0, took too long, or said too much."""

    code = "script-failed"


class _Flood(Exception):
    """A program says more than anybody can read."""


@dataclass
class _Said:
    """The last words of a program, handed on as they come."""

    progress: Progress
    words: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_WORDS))
    lines: int = 0
    size: int = 0

    def line(self, text: str) -> None:
        self.lines += 1
        self.size += len(text)
        if self.lines > _MOST_LINES or self.size > _MOST_BYTES:
            raise _Flood
        self.words.append(text)
        self.progress.log(text)

    def __str__(self) -> str:
        return "\n".join(word for word in self.words if word.strip())


@dataclass(frozen=True)
class Scripts:
    """The scripts of a recipe, ready to run in a session."""

    session: Session
    folder: Path  # where their texts are
    live: Path  # becomes part of a live medium
    home: Path  # the recipe's folder, where scripts outside the root begin
    timeout_s: float
    progress: Progress

    async def run(self, script: Script) -> dict[str, Any] | None:
        """Run one script; the minimizer gives a report.

        Raises:
            ScriptFailed: it failed and must not, took too long, or flooded its output.
        """
        if is_minimizer(script):
            report = await minimize(self.session, understand_minimizer(script), self.progress)
            return report.as_json()
        (self.folder / "script").write_bytes(script.body)
        said = _Said(self.progress)
        output = await self._run(script, said)
        if output.status:
            self._failed(script, output.status, said)
        return None

    async def _run(self, script: Script, said: _Said) -> Output:
        where = f"{_INPUTS}/script" if script.chroot else str(self.folder / "script")
        argv, env = script_argv(script, where), {} if script.chroot else self._outside()
        try:
            return await self.session.run(
                argv,
                chroot=script.chroot,
                inputs=self.folder,
                env=env,
                timeout=self.timeout_s,
                ok=range(256),
                on_line=said.line,
                writable=() if script.chroot else (self.live,),
                cwd=None if script.chroot else self.home,
            )
        except TimedOut:
            raise ScriptFailed(
                f"{script} took longer than {self.timeout_s:g} s and was ended; it last said: {said}",
                hint="SKERRY_IMAGE_SCRIPT_TIMEOUT says how long a script may take",
            ) from None
        except BaseExceptionGroup as group:
            if group.subgroup(_Flood) is None:
                raise
            raise ScriptFailed(
                f"{script} was ended: it said more than {_MOST_LINES} lines or {_MOST_BYTES >> 20} MiB: {said}",
                hint="send what nobody reads to a file, with --log",
            ) from None

    def _outside(self) -> Mapping[str, str]:
        return {"INSTALL_ROOT": str(self.session.root), "LIVE_ROOT": str(self.live)}

    def _failed(self, script: Script, status: int, said: _Said) -> None:
        if disk_was_full(str(said)):
            raise no_space(self.session.workspace.scratch)
        if not script.error_on_fail:
            self.progress.log(f"note: {script} ended with status {status}")
            return
        raise ScriptFailed(
            f"{script} failed with status {status}: {said}", hint="the line is that of the section's beginning"
        )


async def open_root(session: Session) -> None:
    """Make a root ready for programs that install packages: name servers, and no services."""
    folder = session.workspace.scratch / "opening"
    folder.mkdir()
    (folder / "resolv.conf").write_bytes(name_servers())
    (folder / "script").write_text(_OPEN)
    await session.run(["/bin/sh", f"{_INPUTS}/script"], chroot=True, inputs=folder, ok=range(256))


def name_servers() -> bytes:
    """The machine's own; empty where it has none."""
    try:
        return Path("/etc/resolv.conf").read_bytes()
    except OSError:
        return b""


async def configure(scripts: Scripts, meaning: Meaning) -> list[dict[str, Any]]:
    """Carry out the recipe's words and run its scripts; returns what minimizers tell.

    Raises:
        BadRecipe: a word cannot be carried out with the packages that are there.
        ScriptFailed: see `Scripts.run`.
    """
    await open_root(scripts.session)
    output, said = await _inside(scripts, settings_script(meaning))
    if output.status:
        if disk_was_full(said):
            raise no_space(scripts.session.workspace.scratch)
        raise BadRecipe(f"the words of the recipe cannot be carried out: {said}")
    reports = []
    posts = after_packages(meaning)
    for number, script in enumerate(posts):
        scripts.progress.update(0.1 + 0.75 * number / len(posts), str(script))
        if report := await scripts.run(script):
            reports.append(report)
    (scripts.folder / "resolv.conf").write_bytes(name_servers())
    await _inside(scripts, _CLOSE.encode())
    return reports


async def _inside(scripts: Scripts, text: bytes) -> tuple[Output, str]:
    said = _Said(scripts.progress)
    (scripts.folder / "script").write_bytes(text)
    output = await scripts.session.run(
        ["/bin/sh", f"{_INPUTS}/script"], chroot=True, inputs=scripts.folder, on_line=said.line, ok=range(256)
    )
    return output, str(said)


def before_packages(meaning: Meaning) -> list[Script]:
    """The %pre scripts."""
    return [script for script in meaning.scripts if script.section == "%pre"]


def after_packages(meaning: Meaning) -> list[Script]:
    """The %post scripts, minimizers among them."""
    return [script for script in meaning.scripts if script.section == "%post"]


def script_argv(script: Script, file: str) -> list[Arg]:
    """The interpreter on the script's file; with --log, what it says goes to a file of the root."""
    run: list[Arg] = [*script.interpreter.split(), file]
    if not script.log:
        return run
    wrapper = (
        'log="${INSTALL_ROOT:-}$1"; shift; mkdir -p "${log%/*}"; "$@" >"$log" 2>&1; s=$?; '
        '[ "$s" = 0 ] || tail -n 12 "$log"; exit "$s"'
    )
    return ["/bin/sh", "-c", wrapper, "sh", script.log, *run]


def script_inputs(scripts: Sequence[Script]) -> dict[str, list[object]]:
    """What decides about what scripts do, by their numbers; where they stand does not. Bodies may hold secrets."""
    return {
        f"script {number}": [
            hashlib.sha256(each.body).hexdigest(),
            each.section,
            each.interpreter,
            each.chroot,
            each.error_on_fail,
            each.log or "",
        ]
        for number, each in enumerate(scripts, start=1)
    }


def inputs(meaning: Meaning) -> dict[str, object]:
    """What decides about the root beside the base, for the step's key."""
    scripts = after_packages(meaning)
    return {
        "format": FORMAT,
        "minimizer": MINIMIZER_FORMAT if any(map(is_minimizer, scripts)) else 0,
        "words": hashlib.sha256(settings_script(meaning)).hexdigest(),
        **script_inputs(scripts),
    }
