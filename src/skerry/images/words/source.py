"""Where packages come from: url, repo."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from skerry.errors import BadInput
from skerry.images.recipe import Mistake, Recipe
from skerry.images.words.line import Line, matching
from skerry.images.words.meaning import Meaning, Repository, Source

DEB_DISTRIBUTIONS = ("debian", "ubuntu")
_DEB = re.compile(rf"({'|'.join(DEB_DISTRIBUTIONS)}):([a-z][a-z0-9.-]*)(?:/([a-z0-9,-]+))?")
_RPM = re.compile(r"(fedora|centos(?=(?:-stream)?:[0-9]))(?:-stream)?:([0-9]{1,3}|rawhide)(?:-stream)?")
_ADDRESS = re.compile(r"[A-Za-z0-9_.~:/?#\[\]@!&'()*+,;=%{}$-]{1,2000}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
_PACKAGE_GLOB = re.compile(r"[A-Za-z0-9*?\[][A-Za-z0-9_+.*?\[\]:-]{0,199}")
_SCHEMES = ("http", "https", "ftp", "file")
_EXAMPLES = "such as debian:trixie or fedora:42, or the address of an RPM repository (mirrors are set elsewhere)"


def parse_source(text: str) -> Source:
    """`debian:trixie`, `debian:trixie/main,contrib`, `fedora:42`, or an address, as a source.

    Raises:
        BadInput: it is none of them.
    """
    if match := _DEB.fullmatch(text):
        distribution, suite, components = match.groups()
        return Source(distribution, suite, tuple((components or "main").split(",")))
    if match := _RPM.fullmatch(text):
        return Source(match.group(1), match.group(2), family="rpm")
    if "://" in text or text.startswith("file:"):
        return Source(family="rpm", address=parse_address(text))
    if text.startswith("/"):
        raise BadInput(f"{text!r} is a folder: write file:{text}")
    raise BadInput(f"{text[:200]!r} does not name a distribution and suite, {_EXAMPLES}")


def parse_address(text: str) -> str:
    """The address of an RPM repository, without what could be read as anything else.

    Raises:
        BadInput: it is not one.
    """
    try:
        parts = urlsplit(matching(_ADDRESS, text, "address of a repository"))
        where = parts.path if parts.scheme == "file" else parts.hostname
    except ValueError as exc:
        raise BadInput(f"{text[:200]!r} is not an address: {exc}") from exc
    if parts.scheme not in _SCHEMES:
        raise BadInput(f"{text[:200]!r}: an address begins with {', '.join(each + ':' for each in _SCHEMES)}")
    if not where or (parts.scheme == "file" and not where.startswith("/")):
        raise BadInput(f"{text[:200]!r} is not an address of a repository")
    if parts.username or parts.password:
        raise BadInput("an address with a password would stay in the recipe, and in the image")
    return text


def url(meaning: Meaning, line: Line) -> Meaning:
    """Say what to install."""
    if meaning.source.suite or meaning.source.address:
        raise BadInput("the recipe says already what to install; `repo` adds more")
    return replace(meaning, source=_source(line, "url"))


def repo(meaning: Meaning, line: Line) -> Meaning:
    """Add a repository."""
    name = matching(_REPOSITORY, line.text("name"), "name of a repository")
    if any(each.name == name for each in meaning.repositories):
        raise BadInput(f"there is a repository {name} already")
    made = Repository(
        name,
        _source(line, "baseurl"),
        cost=line.value("cost"),
        include=tuple(matching(_PACKAGE_GLOB, each, "package name") for each in line.words("includepkgs")),
        exclude=tuple(matching(_PACKAGE_GLOB, each, "package name") for each in line.words("excludepkgs")),
        install=bool(line.value("install", default=False)),
    )
    return replace(meaning, repositories=(*meaning.repositories, made))


def _source(line: Line, base: str) -> Source:
    kinds: tuple[Literal["mirrorlist", "metalink"], ...] = ("mirrorlist", "metalink")
    for kind in kinds:
        if found := line.text(kind):
            return Source(family="rpm", address=parse_address(found), address_kind=kind)
    return parse_source(line.text(base))


def of_one_family(meaning: Meaning, recipe: Recipe, mistakes: list[Mistake]) -> Meaning:
    """The meaning without repositories of another family than the source's, which are mistakes."""
    if not meaning.source.suite and not meaning.source.address:
        return meaning
    other = [each for each in meaning.repositories if each.source.family != meaning.family]
    for each in other:
        place = next(
            command.place
            for command in recipe.commands
            if command.name == "repo" and command.values.get("name") == each.name
        )
        reason = f"repo: {each.source} has no packages for {meaning.source}"
        mistakes.append(Mistake(place, reason))
    return replace(meaning, repositories=tuple(each for each in meaning.repositories if each not in other))
