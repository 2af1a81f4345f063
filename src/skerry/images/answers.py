"""What programs answered, kept for as long as nothing that an answer follows from has changed.

A build that finds everything in the cache would spend most of its time asking the same again.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from skerry.commands import Arg, Commands, clean_environment
from skerry.images.cache import key_of
from skerry.images.placing import state_of

ANSWERS = "answers"  # the folder of the cache
NOTES = (ANSWERS, "history", "placed")  # its folders of small files, one for each recipe or file


class Answers:
    """The folder of kept answers; it may be deleted at any time."""

    def __init__(self, folder: Path, commands: Commands) -> None:
        self._folder = folder
        self._commands = commands

    async def ask(
        self,
        argv: Sequence[Arg],
        state: object,
        *,
        ok: Sequence[int] = (0,),
        holds: Callable[[str], bool] = bool,
    ) -> str:
        """What a program prints.

        It is not started when it answered before, in an equal `state`, and the answer still `holds`.
        """
        file = self._folder / f"{key_of([str(word) for word in argv])}.json"
        now = key_of(state)
        answer = _kept(file, now)
        if answer is None or not holds(answer):
            answer = (await self._commands.run(argv, ok=ok)).stdout
            if holds(answer):
                self._keep(file, now, answer)
        return answer

    def _keep(self, file: Path, state: str, answer: str) -> None:
        part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        # Where the cache cannot be written, or its disk is full, those who cannot do without say so.
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            part.touch(mode=0o600)  # recipes have secrets
            part.write_text(json.dumps([state, answer]))
            part.rename(file)


def _kept(file: Path, state: str) -> str | None:
    try:
        of, answer = json.loads(file.read_text())
    except (OSError, TypeError, ValueError):  # there is none, or it is not whole
        return None
    return answer if of == state and isinstance(answer, str) else None


async def version_of(program: str, answers: Answers) -> str:
    """The first line that a program says of itself.

    Raises:
        Unavailable: there is no such program.
    """
    found = shutil.which(program, path=clean_environment()["PATH"])
    state = state_of(Path(found).resolve()) if found else None  # which an upgrade changes
    return (await answers.ask([program, "--version"], state)).strip().partition("\n")[0]


def trim_notes(folder: Path, keep: int = 500) -> None:
    """Keep the notes of a folder that were written last; those of recipes that are gone would stay for ever."""
    with contextlib.suppress(FileNotFoundError):  # there are none, or somebody else deletes them
        for file in sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)[keep:]:
            file.unlink()
