"""The words of image-minimizer, as written in a `%post --nochroot --interpreter image-minimizer`.

    drop GLOB      delete what matches; a folder is its whole tree
    keep GLOB      take it back
    droprpm NAME   remove the packages whose names match, with their files; dropdeb is its Debian twin
    keeprpm NAME   take that back; keepdeb is its Debian twin
    accept GLOB    what matches may lose something that it needs (our own word)
    # …            a comment

The order matters: each line adds to one running set, or takes from it, and only in the end something is deleted.
Capital letters in words do not matter.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from skerry.images.recipe import BadRecipe, Mistake, Place, Script

Verb = Literal["drop", "keep", "droprpm", "keeprpm", "dropdeb", "keepdeb", "accept"]
VERBS: tuple[Verb, ...] = get_args(Verb)
Needs = Literal["error", "warn", "ignore"]
NEEDS: tuple[Needs, ...] = get_args(Needs)
PROGRAM = "image-minimizer"
WORDS: Mapping[Verb, str] = {
    "drop": "Delete what the pattern matches; a folder is its whole tree.",
    "keep": "Take what the pattern matches out of the set again; a folder is its whole tree, and is never pruned.",
    "droprpm": "Remove the RPM packages whose names match, with their files, by their own removal.",
    "keeprpm": "Take the RPM packages whose names match out of the set again.",
    "dropdeb": "Remove the Debian packages whose names match, with their files, by their own removal.",
    "keepdeb": "Take the Debian packages whose names match out of the set again.",
    "accept": "What the pattern matches may lose something that it needs: no error for it.",
}
OPTIONS: Mapping[str, str] = {
    "--needs=error": "When something kept needs what goes, the build fails and nothing is deleted (default).",
    "--needs=warn": "It is only told.",
    "--needs=ignore": "It is not even looked for.",
    "--dryrun": "Only tell what would be deleted.",
    "--verbose, -v": "Tell every name that is deleted.",
}


@dataclass(frozen=True)
class Rule:
    """One line."""

    verb: Verb
    pattern: str
    place: str  # file and line, for messages

    def __str__(self) -> str:
        return f"{self.verb} {self.pattern}"


@dataclass(frozen=True)
class Options:
    """What the words behind the interpreter's name ask for."""

    needs: Needs = "error"
    dry_run: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class Minimizer:
    """One section of the recipe, understood."""

    rules: tuple[Rule, ...]
    options: Options
    place: str


def is_minimizer(script: Script) -> bool:
    """Whether a script is a list of rules: its interpreter is image-minimizer, in whatever folder."""
    return script.interpreter.split(" ")[0].rpartition("/")[2] == PROGRAM


def understand_minimizer(script: Script) -> Minimizer:
    """Read a section.

    Raises:
        BadRecipe: with every mistake, each with its file and line.
    """
    mistakes: list[Mistake] = []
    options = _options(script, mistakes)
    first = script.place.line + 1 if script.place.line else 1
    text = script.body.decode("utf-8", "surrogateescape")
    rules = tuple(_rules(text, Place(script.place.file, first), mistakes))
    _refuse(mistakes)
    return Minimizer(rules, options, str(script.place))


def minimizer_mistakes(script: Script) -> list[Mistake]:
    """What is wrong with a section, for those who collect mistakes."""
    mistakes: list[Mistake] = []
    _options(script, mistakes)
    text = script.body.decode("utf-8", "surrogateescape")
    list(_rules(text, Place(script.place.file, script.place.line + 1), mistakes))
    return mistakes


def _refuse(mistakes: Sequence[Mistake]) -> None:
    if mistakes:
        raise BadRecipe("\n".join(map(str, mistakes)), hint=f"the words are {', '.join(VERBS)}")


def _rules(text: str, first: Place, mistakes: list[Mistake]) -> Iterator[Rule]:
    """The rules of a text whose first line is at a place."""
    for number, line in enumerate(text.split("\n"), start=first.line):
        place = Place(first.file, number)
        word, _, rest = line.strip().replace("\t", " ", 1).partition(" ")
        verb, pattern = word.lower(), rest.strip()
        if not word or word.startswith("#"):
            continue
        known = next((each for each in VERBS if each == verb), None)
        if known is None:
            mistakes.append(Mistake(place, f"{word!r} is no word of {PROGRAM}"))
        elif not pattern:
            wanted = "a path" if known in _OF_PATHS else "the name of a package"
            mistakes.append(Mistake(place, f"{verb} needs {wanted}"))
        elif known not in _OF_PATHS and " " in pattern:
            mistakes.append(Mistake(place, f"{verb} takes one name a line, not {pattern!r}"))
        else:
            yield Rule(known, pattern, str(place))


_OF_PATHS = frozenset({"drop", "keep", "accept"})


def _options(script: Script, mistakes: list[Mistake]) -> Options:
    try:
        _, *words = shlex.split(script.interpreter)
    except ValueError as exc:
        mistakes.append(Mistake(script.place, f"--interpreter: {exc}"))
        return Options()
    needs: Needs = "error"
    flags = set()
    for word in words:
        chosen = next((each for each in NEEDS if word == f"--needs={each}"), None)
        if chosen is not None:
            needs = chosen
        elif word in {"--dryrun", "-v", "--verbose"}:
            flags.add(word)
        else:
            mistakes.append(Mistake(script.place, f"{word!r} is no option of {PROGRAM} in a recipe"))
    return Options(needs, dry_run="--dryrun" in flags, verbose=bool(flags & {"-v", "--verbose"}))
