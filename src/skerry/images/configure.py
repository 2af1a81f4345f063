"""From installed packages to the root of the image: the recipe's words, then its scripts in order.

Everything runs in a session: it can change the root and nothing else, and leaves no process and no mount behind.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from skerry.commands import LAST_WORDS, Arg
from skerry.errors import CommandFailed, SkerryError
from skerry.images.cache import disk_was_full, no_space
from skerry.images.instructions import settings_script
from skerry.images.recipe import BadRecipe, Script
from skerry.images.session import Session
from skerry.images.words import Meaning
from skerry.progress import Progress

FORMAT = 1  # of what is done to the root beside the recipe's own scripts; part of the step's key
_INPUTS = "/run/inputs"


class ScriptFailed(SkerryError):
    """A script of the recipe ended with a status other than 0."""

    code = "script-failed"


@dataclass
class _Said:
    """The last words of a program, handed on as they come."""

    progress: Progress
    words: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_WORDS))

    def line(self, text: str) -> None:
        self.words.append(text)
        self.progress.log(text)


async def configure(session: Session, meaning: Meaning, folder: Path, progress: Progress) -> None:
    """Carry out the recipe's words and run its scripts; `folder` is an empty one for their texts.

    Raises:
        BadRecipe: a word cannot be carried out with the packages that are there.
        ScriptFailed: a script with --erroronfail failed; the message has its place and last words.
    """
    (folder / "words").write_bytes(settings_script(meaning))
    for number, script in enumerate(meaning.scripts):
        (folder / str(number)).write_bytes(script.body)
    said = _Said(progress)
    output = await session.run(
        ["/bin/sh", f"{_INPUTS}/words"], chroot=True, inputs=folder, on_line=said.line, ok=range(256)
    )
    if output.status:
        _disk_full(session, said)
        raise BadRecipe(f"the words of the recipe cannot be carried out: {_last(said)}")
    for number, script in enumerate(meaning.scripts):
        progress.update(0.1 + 0.8 * number / len(meaning.scripts), str(script))
        await _run_script(session, script, number, folder, progress)
    await session.run(["/bin/sh", "-c", _TIDY], chroot=True)


# What scripts leave that no image should have.
_TIDY = """\
find /tmp /var/tmp -mindepth 1 -delete
[ ! -e /etc/machine-id ] || : > /etc/machine-id
"""


async def _run_script(session: Session, script: Script, number: int, folder: Path, progress: Progress) -> None:
    said = _Said(progress)
    argv = script_argv(script, number)
    try:
        output = await session.run(argv, chroot=True, inputs=folder, on_line=said.line, ok=range(256))
    except CommandFailed as exc:
        raise ScriptFailed(f"{script} was ended: {exc.message}") from exc
    if not output.status:
        return
    _disk_full(session, said)
    if not script.error_on_fail:
        progress.log(f"note: {script} ended with status {output.status}")
        return
    raise ScriptFailed(
        f"{script} failed with status {output.status}: {_last(said)}",
        hint="the line is that of the section's beginning",
    )


def script_argv(script: Script, number: int) -> list[Arg]:
    """The interpreter on the script's file; with --log, what it says goes to a file of the root."""
    run: list[Arg] = [script.interpreter, f"{_INPUTS}/{number}"]
    if not script.log:
        return run
    return ["/bin/sh", "-c", 'log=$1; shift; mkdir -p "${log%/*}"; exec "$@" >"$log" 2>&1', "sh", script.log, *run]


def _last(said: _Said) -> str:
    return "\n".join(word for word in said.words if word.strip())


def _disk_full(session: Session, said: _Said) -> None:
    if disk_was_full(_last(said)):
        raise no_space(session.workspace.scratch)


def inputs(meaning: Meaning) -> dict[str, object]:
    """What decides about the root beside the base, for the step's key."""
    return {
        "format": FORMAT,
        "settings": settings_script(meaning).hex(),
        "scripts": [
            (each.body.hex(), each.interpreter, each.error_on_fail, each.log, each.chroot)
            for each in meaning.scripts
        ],
    }
