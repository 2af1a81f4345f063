"""From a recipe to its meaning, with all mistakes at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from skerry.errors import BadInput
from skerry.images.outputs.devices import unwritable
from skerry.images.placement import lay_out
from skerry.images.recipe import BadRecipe, Command, Mistake, Place, Recipe, Remark
from skerry.images.words.line import Line
from skerry.images.words.loader import bootloader
from skerry.images.words.meaning import Meaning, Source
from skerry.images.words.network import network
from skerry.images.words.packages import checked_packages
from skerry.images.words.people import group, rootpw, sshkey, user
from skerry.images.words.scripts import certificates, scripts
from skerry.images.words.source import of_one_family, repo, url
from skerry.images.words.storage import WORDS as STORAGE
from skerry.images.words.storage import StorageLines, assemble
from skerry.images.words.system import (
    authselect,
    firewall,
    keyboard,
    lang,
    selinux,
    services,
    timesource,
    timezone,
    with_known_services,
    xconfig,
)
from skerry.images.words.table import PACKAGES_RPM_ONLY_HARMLESS, SECTIONS, WORDS, Treatment

_READERS: Mapping[str, Callable[[Meaning, Line], Meaning]] = {
    "url": url,
    "repo": repo,
    "lang": lang,
    "keyboard": keyboard,
    "timezone": timezone,
    "timesource": timesource,
    "services": services,
    "selinux": selinux,
    "firewall": firewall,
    "authselect": authselect,
    "xconfig": xconfig,
    "rootpw": rootpw,
    "user": user,
    "group": group,
    "sshkey": sshkey,
    "network": network,
    "bootloader": bootloader,
    "lilo": bootloader,
}
HONOURED = frozenset({*_READERS, *STORAGE})
HINT = "docs/reference/recipe-words.md says how each word is treated; --lenient passes over these lines"


@dataclass(frozen=True)
class Understood:
    """What a recipe means, and what is worth telling about it."""

    meaning: Meaning
    remarks: tuple[Remark, ...]
    devices: Mapping[str, Place] = field(default_factory=dict)  # where those of its disks are wanted


@dataclass
class _Reading:
    """A recipe half-way to its meaning."""

    recipe: Recipe
    meaning: Meaning
    mistakes: list[Mistake]
    remarks: list[Remark]
    storage: StorageLines = field(default_factory=StorageLines)


def understand(recipe: Recipe, *, lenient: bool = False) -> Understood:
    """Give every word of a recipe its meaning.

    With `lenient`, a line that is wrong or cannot be honoured is passed over, and a remark tells of it.

    Raises:
        BadRecipe: a word cannot be honoured, or what must be said is missing. The message has one line each.
    """
    reading = _Reading(recipe, Meaning(Source(), recipe.packages, ()), list(recipe.mistakes), list(recipe.remarks))
    # What is installed decides what other words may say, wherever it stands.
    for command in sorted(recipe.commands, key=lambda each: each.name != "url"):
        _take(reading, command)
    _take_storage(reading)
    _take_sections(reading)
    source = reading.meaning.source
    missing = []
    if not source.suite and not source.address and not any(each.name == "url" for each in recipe.commands):
        missing = [f"{recipe.path}: the recipe does not say what to install: add `url --url=debian:trixie`"]
    order = _order(recipe)
    mistakes = sorted(reading.mistakes, key=order)
    if missing or (mistakes and not (lenient and str(source) != ":")):
        raise BadRecipe("\n".join([*map(str, mistakes), *missing]), hint=HINT)
    remarks = [*reading.remarks, *(Remark(each.place, f"passed over: {each.reason}") for each in mistakes)]
    return Understood(reading.meaning, tuple(sorted(remarks, key=order)), reading.storage.places)


def check(recipe: Recipe, *, lenient: bool = False) -> Understood:
    """All that can be said of a recipe without building it: its words, and whether its disks can be written.

    Raises:
        BadRecipe: with every mistake.
    """
    understood = understand(recipe, lenient=lenient)
    check_disks(understood, recipe.path)
    return understood


def check_disks(understood: Understood, recipe: Path) -> None:
    """Look whether the disks that a recipe describes can be laid out and written.

    Raises:
        BadRecipe: with every device that cannot, and its line.
    """
    whole = Place(recipe, 0)
    try:
        layout = lay_out(understood.meaning.storage)
    except BadInput as exc:
        device = exc.message.partition(":")[0]  # what is about one device begins with it
        raise BadRecipe(f"{understood.devices.get(device, whole)}: {exc.message}", hint=exc.hint) from exc
    if wrong := list(unwritable(layout)):
        lines = [f"{understood.devices.get(device, whole)}: {error.message}" for device, error in wrong]
        raise BadRecipe("\n".join(lines), hint=wrong[0][1].hint)


def _order(recipe: Recipe) -> Callable[[Mistake | Remark], tuple[int, int]]:
    files = {file: number for number, file in enumerate(recipe.files)}
    return lambda each: (files.get(each.place.file, 0), each.place.line)


def _take(reading: _Reading, command: Command) -> None:
    word = WORDS.get(command.name)
    if word is None or word.treatment is Treatment.REFUSED:
        says = word.says if word else "this word is not known yet"
        reading.mistakes.append(Mistake(command.place, f"{command.name} cannot be honoured: {says}"))
        return
    if word.treatment is Treatment.IGNORED:
        reading.remarks.append(Remark(command.place, f"{command.name} is ignored: {word.says}"))
        return
    refused = [option for option in command.options if option in word.refused]
    reading.mistakes += [
        Mistake(command.place, f"{command.name}: {option} cannot be honoured: {word.refused[option]}")
        for option in refused
    ]
    reading.remarks += [
        Remark(command.place, f"{command.name}: {option} is ignored: {word.ignored[option]}")
        for option in command.options
        if option in word.ignored
    ]
    if refused and command.name in STORAGE:
        reading.storage.incomplete = True  # without what it asks for, it is another device
        return
    line = Line(command)
    try:
        _give_meaning(reading, line)
    except BadInput as exc:
        reading.mistakes.append(Mistake(command.place, f"{command.name}: {exc.message}"))
    reading.remarks += line.remarks
    line.remarks.clear()


def _give_meaning(reading: _Reading, line: Line) -> None:
    if line.command.name in STORAGE:
        reading.storage.lines.append(line)
        return
    reading.meaning = _READERS[line.command.name](reading.meaning, line)
    if line.command.name in {"bootloader", "lilo"}:
        reading.storage.take_loader(line)


def _take_storage(reading: _Reading) -> None:
    if any(mistake.word in STORAGE for mistake in reading.recipe.mistakes):
        reading.storage.incomplete = True
    storage = assemble(reading.storage, reading.mistakes)
    reading.remarks += [remark for line in reading.storage.lines for remark in line.remarks]
    if storage:
        reading.meaning = replace(reading.meaning, storage=storage)
    elif reading.storage.lines:
        place = reading.storage.lines[0].command.place
        reading.remarks.append(
            Remark(place, "the disk is as without any word about disks, because these are wrong")
        )


def _take_sections(reading: _Reading) -> None:
    recipe, meaning, mistakes, remarks = reading.recipe, reading.meaning, reading.mistakes, reading.remarks
    for option, place in recipe.package_options.items():
        word = SECTIONS["%packages"]
        says = word.ignored.get(option) or word.refused.get(option, "")
        if option in PACKAGES_RPM_ONLY_HARMLESS and meaning.family == "deb":
            says = "apt decides itself"
        if option in word.refused:
            mistakes.append(Mistake(place, f"%packages: {option} cannot be honoured: {says}"))
        elif says:
            remarks.append(Remark(place, f"%packages: {option} is ignored: {says}"))
    reading.meaning = replace(
        of_one_family(with_known_services(meaning, recipe, mistakes), recipe, mistakes),
        packages=checked_packages(recipe, meaning.family, mistakes),
        certificates=certificates(recipe, mistakes, remarks),
        scripts=scripts(recipe, mistakes, remarks),
    )
