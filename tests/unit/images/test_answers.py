"""What programs answered is used again only while it is true."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from skerry.commands import Arg, CommandRunner, Output
from skerry.images.answers import Answers, trim_notes, version_of
from skerry.images.recipe import read_recipe


class Counted:
    """Runs programs, or says what it was given, and counts."""

    def __init__(self, answer: str | None = None) -> None:
        self.answer = answer
        self.started = 0

    async def run(self, argv: Sequence[Arg], **options: Any) -> Output:
        self.started += 1
        if self.answer is None:
            return await CommandRunner().run(argv, **options)
        return Output(0, self.answer, "")


@pytest.fixture
def says() -> Counted:
    return Counted("1.0")


@pytest.fixture
def answers(tmp_path: Path, says: Counted) -> Answers:
    return Answers(tmp_path / "answers", says)


async def test_a_program_is_asked_once(answers: Answers, says: Counted) -> None:
    assert [await answers.ask(["a"], "state") for _ in range(3)] == ["1.0"] * 3
    assert says.started == 1


async def test_an_answer_may_be_secret(tmp_path: Path, answers: Answers) -> None:
    await answers.ask(["a"], "state")

    assert [each.stat().st_mode & 0o777 for each in (tmp_path / "answers").iterdir()] == [0o600]


async def test_it_is_asked_again_in_another_state_with_other_words_or_when_the_answer_does_not_hold(
    answers: Answers, says: Counted
) -> None:
    await answers.ask(["a"], "state")
    says.answer = "2.0"

    assert await answers.ask(["a"], "other") == "2.0"
    assert await answers.ask(["a", "b"], "other") == "2.0"
    assert await answers.ask(["a"], "other", holds=lambda _: False) == "2.0"
    assert says.started == 4


async def test_an_answer_that_does_not_hold_is_not_kept(answers: Answers, says: Counted) -> None:
    says.answer = ""
    await answers.ask(["a"], "state")
    says.answer = "1.0"

    assert await answers.ask(["a"], "state") == "1.0"


@pytest.mark.parametrize("left", [b"", b"[", b"5", b'["x"]', b"\xff"])
async def test_what_is_kept_only_half_is_asked_again(
    tmp_path: Path, answers: Answers, says: Counted, left: bytes
) -> None:
    await answers.ask(["a"], "state")
    for file in (tmp_path / "answers").iterdir():
        file.write_bytes(left)

    assert await answers.ask(["a"], "state") == "1.0"
    assert says.started == 2


async def test_where_nothing_can_be_kept_programs_answer(tmp_path: Path, says: Counted) -> None:
    (tmp_path / "file").touch()

    assert await Answers(tmp_path / "file" / "answers", says).ask(["a"], "state") == "1.0"


def test_of_many_notes_the_last_stay(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).touch()
        os.utime(tmp_path / str(number), (number, number))

    trim_notes(tmp_path, keep=2)
    trim_notes(tmp_path / "missing")

    assert sorted(each.name for each in tmp_path.iterdir()) == ["3", "4"]


async def test_another_program_of_the_name_tells_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "little"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    commands = Counted()
    answers = Answers(tmp_path / "answers", commands)
    told = []
    for version in ("1", "1", "2"):
        if version not in told:
            program.with_suffix(".new").write_text(f"#!/bin/sh\necho {version}\necho more\n")
            program.with_suffix(".new").chmod(0o755)
            program.with_suffix(".new").rename(program)
        told.append(await version_of("little", answers))

    assert (told, commands.started) == (["1", "1", "2"], 2)


def test_a_recipe_is_read_again_when_a_file_of_it_changes(tmp_path: Path) -> None:
    """One test for all, as the reader takes a quarter of a second each time."""
    recipe, part = tmp_path / "a.ks", tmp_path / "part.ks"
    recipe.write_text("%include part.ks\n")
    part.write_text("lang C\n")
    commands = Counted()

    def read() -> tuple[int, list[str]]:
        before = commands.started
        found = asyncio.run(read_recipe(recipe, Answers(tmp_path / "answers", commands)))
        return commands.started - before, [*(each.words[0] for each in found.commands), *map(str, found.mistakes)]

    assert read() == (1, ["C"])
    assert read() == (0, ["C"])

    found = part.stat()
    part.write_text("lang D\n")  # as long, and with the times it had
    os.utime(part, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert read() == (1, ["D"])

    part.unlink()
    started, (missing,) = read()
    assert (started, "cannot be read" in missing) == (1, True)
    assert read()[0] == 1  # a mistake is looked for again: the file that was missing may be there

    part.write_text("lang E\n")
    assert read() == (1, ["E"])
    assert read() == (0, ["E"])
