"""A kickstart recipe as typed, frozen data.

pykickstart, which knows the grammar, is licensed under the GPL, version 2 only: so it runs as a program of its
own, `skerry-kickstart`, and this module reads the JSON that it prints. What the words mean for an image is said in
`words`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skerry.commands import Commands
from skerry.errors import BadInput, NotFound, Unavailable

FORMAT = 1  # of the JSON


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


@dataclass(frozen=True)
class Packages:
    """What %packages lists, and its options."""

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
class Remark:
    """Something that pykickstart warns of."""

    place: Place
    reason: str

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


async def read_recipe(path: Path, commands: Commands) -> Recipe:
    """Read a kickstart file and everything it includes.

    Raises:
        NotFound: there is no such file.
        BadRecipe: it is not valid kickstart.
        Unavailable: skerry-kickstart is not installed.
    """
    if not path.is_file():
        raise NotFound(f"there is no recipe {path}", hint="`recipes/` holds the recipes that come with Skerry")
    program = Path(sys.executable).parent / "skerry-kickstart"
    if not program.exists():
        raise Unavailable(f"{program} is missing", hint="`make setup` installs it (or: pip install ./kickstart)")
    output = await commands.run([program, path.absolute()], ok=(0, 1))
    return recipe_from_json(path, output.stdout)


def recipe_from_json(path: Path, text: str) -> Recipe:
    """Turn the output of skerry-kickstart into a recipe; `path` names it in messages.

    Raises:
        BadRecipe: the output tells of a mistake, or is not what this version reads.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError:
        raise BadRecipe(f"{path}: skerry-kickstart gave no answer that can be read") from None
    if "error" in data:
        error = data["error"]
        place = Place(Path(error["file"]), error["line"])
        raise BadRecipe(f"{place}: {error['reason']}", hint="the kickstart documentation lists every word")
    if data["format"] != FORMAT:
        raise BadRecipe(f"{path}: skerry-kickstart speaks format {data['format']}, not {FORMAT}")
    return Recipe(
        path=path,
        files=tuple(Path(name) for name in data["files"]),
        commands=tuple(
            Command(each["name"], tuple(each["words"]), each["values"], _place(each)) for each in data["commands"]
        ),
        packages=_packages(data["packages"]),
        scripts=tuple(_script(each) for each in data["scripts"]),
        remarks=tuple(Remark(_place(each), each["reason"]) for each in data["warnings"]),
    )


def _place(each: Mapping[str, Any]) -> Place:
    return Place(Path(each["file"]), each["line"])


def _packages(data: Mapping[str, Any]) -> Packages:
    languages = data["languages"]
    return Packages(
        names=tuple(data["names"]),
        excluded=tuple(data["excluded"]),
        groups=tuple(data["groups"]),
        excluded_groups=tuple(data["excluded_groups"]),
        environment=data["environment"],
        core=data["core"],
        docs=data["docs"],
        weak_dependencies=data["weak_dependencies"],
        languages=None if languages is None else tuple(languages),
        ignore_missing=data["ignore_missing"],
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
