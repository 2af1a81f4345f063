"""Many recipes, and what each of them means: `kickstarts/NAME.ks` and `kickstarts/NAME.yaml` beside it.

    WRITE_GOLDEN=1 .venv/bin/python -m pytest tests/unit/images/test_kickstarts.py

writes all answers anew; look at the difference before you commit it. An answer has the remarks, and either the
mistakes (with what `--lenient` makes of the rest) or how the meaning differs from that of the least recipe.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from skerry.commands import Secret
from skerry.errors import BadInput
from skerry.images.instructions import settings_script
from skerry.images.layout import Layout, Partition
from skerry.images.placement import lay_out
from skerry.images.recipe import BadRecipe, Place, Recipe, recipe_from_json
from skerry.images.words import Meaning, Understood, default_storage, understand
from skerry.images.words.table import SECTIONS, WORDS
from skerry.sizes import MIB
from skerry_kickstart.grammar import known_options, known_words
from skerry_kickstart.reader import read

FOLDER = Path(__file__).parent / "kickstarts"
RECIPES = sorted(FOLDER.glob("*.ks"))


@functools.cache
def data_of(path: Path) -> dict[str, Any]:
    return read(path)


def load(path: Path) -> Recipe:
    return recipe_from_json(path, json.dumps(data_of(path)))


def relative(text: str) -> str:
    """Without the folder that the tests are in."""
    return text.replace(f"{FOLDER}/", "")


def plain(value: object) -> Any:
    """A meaning as YAML can have it, without what is as usual."""
    if dataclasses.is_dataclass(value) and not isinstance(value, Place | Secret):
        here = [(each, getattr(value, each.name)) for each in dataclasses.fields(value)]
        return {each.name: plain(found) for each, found in here if found != each.default}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Place):
        return relative(str(value))
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value.value if isinstance(value, Secret | enum.Enum) else value


def meaning_of(meaning: Meaning) -> dict[str, Any]:
    found: dict[str, Any] = plain(meaning)
    found["source"] = str(meaning.source)
    if meaning.storage == default_storage():
        del found["storage"]
    else:
        found["storage"] = plain(dataclasses.replace(meaning.storage, partitions=()))
        del found["storage"]["partitions"]
        found["disks"] = disks_of(meaning)
    return {key: value for key, value in found.items() if value not in ({}, [])}


def disks_of(meaning: Meaning) -> Any:
    """The layout, in MiB, or why there is none."""
    try:
        layout = lay_out(meaning.storage)
    except BadInput as exc:
        return exc.message
    disks = {
        f"{disk.name}, {disk.size // MIB} MiB": {name_of(part): plain(part.content) for part in disk.partitions}
        for disk in layout.disks
    }
    return {**disks, "mounted": mounts_of(layout)}


def name_of(part: Partition) -> str:
    grows = ", grows" if part.grow else ""
    return f"{part.name} at {part.offset // MIB}, {part.size // MIB} MiB{grows}"


def mounts_of(layout: Layout) -> list[str]:
    return [
        f"{each.device}{f' [{each.subvolume}]' if each.subvolume else ''} on {each.mountpoint or 'swap'}, "
        f"{each.file_system.type}, {layout.sizes[each.device] // MIB} MiB"
        for each in layout.mounts()
    ]


class Readable(yaml.SafeDumper):
    """YAML with scripts as they are written."""

    def represent_str(self, data: str) -> yaml.Node:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


Readable.add_representer(str, Readable.represent_str)


def answer_to(recipe: Recipe) -> dict[str, Any]:
    """All that the golden file holds."""
    mistakes: list[str] = []
    try:
        understood = understand(recipe)
    except BadRecipe as exc:
        mistakes = relative(exc.message).splitlines()
        understood = lenient_or_nothing(recipe)
    remarks = [relative(str(each)) for each in understood.remarks] if understood else []
    answer = {
        "version": recipe.version,
        "remarks": [each for each in remarks if "passed over: " not in each],
        "mistakes": mistakes,
        "lenient" if mistakes else "meaning": meaning_of(understood.meaning) if understood else None,
    }
    return {key: value for key, value in answer.items() if value not in ([], None)}


def lenient_or_nothing(recipe: Recipe) -> Understood | None:
    try:
        return understand(recipe, lenient=True)
    except BadRecipe:
        return None


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_means_what_its_golden_file_says(path: Path) -> None:
    golden = path.with_suffix(".yaml")
    answer = answer_to(load(path))
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(yaml.dump(answer, Dumper=Readable, sort_keys=False, allow_unicode=True, width=110))

    assert answer == yaml.safe_load(golden.read_text())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_what_is_understood_is_a_valid_script(path: Path) -> None:
    understood = lenient_or_nothing(load(path))

    if understood:
        assert b"$(reboot)" not in settings_script(understood.meaning)


def test_there_are_many_recipes() -> None:
    assert len(RECIPES) >= 60


def seen() -> tuple[dict[str, set[str]], set[str]]:
    """The words that the recipes use, with their options, and the sections."""
    words: dict[str, set[str]] = {}
    sections: set[str] = set()
    for path in RECIPES:
        data = data_of(path)
        for command in data["commands"]:
            name = command["name"].replace("partition", "part")  # one word under two names
            words.setdefault(name, set()).update(command["options"])
        sections |= {script["section"] for script in data["scripts"]}
        sections |= {section["name"] for section in data["sections"]}
        sections |= {"%certificate" for _ in data["certificates"]}
        sections |= {"%packages" for _ in data["packages"]["lines"]}
    return words, sections


def test_every_word_section_and_option_that_means_something_is_in_a_recipe() -> None:
    words, sections = seen()

    assert known_words().keys() - words.keys() == {"partition"}
    assert SECTIONS.keys() - sections == set()
    unseen = {
        name: known_options(name) - words[name] - WORDS[name].ignored.keys() - WORDS[name].refused.keys()
        for name in words
        if WORDS[name].treatment == "honoured"
    }
    assert {name: options for name, options in unseen.items() if options} == {}
