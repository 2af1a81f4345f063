"""A kickstart recipe as typed, frozen data.

pykickstart, which knows the grammar, is licensed under the GPL, version 2 only: so it runs as a program of its
own, `skerry-kickstart`, and this module reads the JSON that it prints. What the words mean for an image is said in
`words`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from skerry.commands import Arg
from skerry.errors import BadInput, NotFound, Unavailable
from skerry.images.answers import Answers
from skerry.images.placing import state_of
from skerry.images.sums import sha256_of

FORMAT = 4  # of the JSON


class BadRecipe(BadInput):
    """The recipe cannot be read, or asks for what cannot be done; the message starts with file and line."""

    code = "bad-recipe"


@dataclass(frozen=True, order=True)
class Place:
    """Where in the recipe something stands."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)


@dataclass(frozen=True)
class Command:
    """One line of the command part; `values` are pykickstart's names."""

    name: str
    words: tuple[str, ...]
    values: Mapping[str, Any]
    place: Place
    options: tuple[str, ...] = ()  # those that the line uses, such as --size


@dataclass(frozen=True)
class Packages:
    """What all %packages list, and their options."""

    names: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    excluded_groups: tuple[str, ...] = ()
    environment: str | None = None
    core: bool = True
    docs: bool = True
    weak_dependencies: bool = True
    languages: tuple[str, ...] | None = None  # None: every language
    ignore_missing: bool = False
    mandatory_groups: tuple[str, ...] = ()  # of `groups`, those without their default packages (--nodefaults)
    whole_groups: tuple[str, ...] = ()  # of `groups`, those with their optional packages too (--optional)
    default: bool = False  # what the distribution itself would install
    multilib: bool = False
    ignore_broken: bool = False
    timeout: int | None = None  # seconds to wait for a server
    retries: int | None = None


@dataclass(frozen=True)
class Script:
    """A script of the recipe, exact to the byte."""

    section: str
    body: bytes
    interpreter: str
    chroot: bool
    error_on_fail: bool
    log: str | None
    place: Place

    def __str__(self) -> str:
        return f"{self.section} at {self.place}"


@dataclass(frozen=True)
class Section:
    """A section that is neither script nor list of packages: %addon, %anaconda, %certificate."""

    name: str
    options: Mapping[str, Any]
    body: bytes
    place: Place


@dataclass(frozen=True)
class Remark:
    """Something that is worth telling, and no mistake."""

    place: Place
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a line; the rest of the recipe can be read without it."""

    place: Place
    reason: str
    word: str = ""  # that the line begins with, if it cannot be read

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True)
class Recipe:
    """A whole recipe, includes resolved."""

    path: Path
    files: tuple[Path, ...]
    commands: tuple[Command, ...]
    packages: Packages
    scripts: tuple[Script, ...]
    remarks: tuple[Remark, ...]
    mistakes: tuple[Mistake, ...] = ()
    sections: tuple[Section, ...] = ()
    package_places: Mapping[str, Place] = field(default_factory=dict)  # by the text of the line in %packages
    package_options: Mapping[str, Place] = field(default_factory=dict)  # in the order of their names
    version: str = ""  # of the syntax


async def read_recipe(path: Path, answers: Answers, *, version: str | None = None) -> Recipe:
    """Read a kickstart file and everything it includes.

    `version` is that of the syntax, such as F40 or RHEL9; without it, that which the recipe names, or the newest.
    Lines that are not kickstart are in the recipe's `mistakes`.

    Raises:
        NotFound: there is no such file.
        BadRecipe: the file cannot be read at all, or there is no such version.
        Unavailable: skerry-kickstart is not installed.
    """
    if not path.is_file():
        raise NotFound(f"there is no recipe {path}", hint="`recipes/` holds the recipes that come with Skerry")
    program = Path(sys.executable).parent / "skerry-kickstart"
    if not program.exists():
        raise Unavailable(f"{program} is missing", hint="`make setup` installs it (or: pip install ./kickstart)")
    asked = [f"--version={version}"] if version else []
    argv: list[Arg] = [program, *asked, path.absolute()]
    answer = await answers.ask(argv, _reader_state(program), ok=(0, 1), holds=_still_holds)
    return recipe_from_json(path, answer)


def _reader_state(program: Path) -> object:
    """What changes with the reader; an upgrade writes all files of a package, so those of its folder show it."""
    found = [find_spec(name) for name in ("skerry_kickstart", "pykickstart")]
    folders = [Path(each.origin).parent for each in found if each and each.origin]
    files = [program, *(file for folder in folders for file in sorted(folder.glob("*.py")))]
    return [sys.version, [(str(file), state_of(file)) for file in files]]


def _still_holds(text: str) -> bool:
    """Whether the reader would answer the same: it found no mistakes, and its files are as they were."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        return False
    return data.get("format") == FORMAT and not data["errors"] and all(map(_is_unchanged, data["read"]))


def _is_unchanged(read: Mapping[str, Any]) -> bool:
    file = Path(read["file"])
    return file.is_file() and file.stat().st_size == read["size"] and sha256_of(file) == read["sha256"]


def recipe_from_json(path: Path, text: str) -> Recipe:
    """Turn the output of skerry-kickstart into a recipe; `path` names it in messages.

    Raises:
        BadRecipe: nothing could be read, or the output is not what this version knows.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        raise BadRecipe(f"{path}: skerry-kickstart gave no answer that can be read") from None
    if data.get("format") != FORMAT:
        raise BadRecipe(f"{path}: skerry-kickstart speaks format {data.get('format')}, not {FORMAT}")
    mistakes = tuple(Mistake(_place(each), each["reason"], each["word"]) for each in data["errors"])
    if any(each["kind"] in {"file", "version"} for each in data["errors"]):
        raise BadRecipe("\n".join(map(str, mistakes)))
    lines = data["packages"]["lines"]
    return Recipe(
        path=path,
        files=tuple(Path(name) for name in data["files"]),
        commands=tuple(_command(each) for each in data["commands"]),
        packages=_packages(data["packages"]),
        scripts=tuple(_script(each) for each in data["scripts"]),
        remarks=tuple(Remark(_place(each), each["reason"]) for each in data["warnings"]),
        mistakes=mistakes,
        sections=tuple(_section(each) for each in (*data["sections"], *data["certificates"])),
        package_places={each["text"]: _place(each) for each in reversed(lines)},
        package_options={each["name"]: _place(each) for each in data["packages"]["options"]},
        version=data["version"],
    )


def _command(each: Mapping[str, Any]) -> Command:
    return Command(each["name"], tuple(each["words"]), each["values"], _place(each), tuple(each["options"]))


def _place(each: Mapping[str, Any]) -> Place:
    return Place(Path(each["file"]), each["line"])


def _packages(data: Mapping[str, Any]) -> Packages:
    languages = data["languages"]
    groups = data["groups"]
    return Packages(
        names=tuple(data["names"]),
        excluded=tuple(data["excluded"]),
        groups=tuple(group["name"] for group in groups),
        excluded_groups=tuple(data["excluded_groups"]),
        environment=data["environment"],
        core=data["core"],
        docs=data["docs"],
        weak_dependencies=data["weak_dependencies"],
        languages=None if languages is None else tuple(languages),
        ignore_missing=data["ignore_missing"],
        mandatory_groups=tuple(group["name"] for group in groups if group["level"] == "mandatory"),
        whole_groups=tuple(group["name"] for group in groups if group["level"] == "all"),
        default=data["default"],
        multilib=data["multilib"],
        ignore_broken=data["ignore_broken"],
        timeout=data["timeout"],
        retries=data["retries"],
    )


def _script(data: Mapping[str, Any]) -> Script:
    return Script(
        section=data["section"],
        body=data["body"].encode(errors="surrogateescape"),
        interpreter=data["interpreter"],
        chroot=data["chroot"],
        error_on_fail=data["error_on_fail"],
        log=data["log"],
        place=_place(data),
    )


def _section(data: Mapping[str, Any]) -> Section:
    options = {name: value for name, value in data.items() if name not in {"name", "body", "file", "line"}}
    name = data.get("name", "%certificate")
    return Section(name, options, data["body"].encode(errors="surrogateescape"), _place(data))
