"""What the words of a recipe mean for an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skerry.errors import BadInput
from skerry.images.recipe import BadRecipe, Recipe, recipe_from_json
from skerry.images.words import HONOURED, IGNORED, Source, Understood, parse_source, understand
from skerry.sizes import MIB
from skerry_kickstart.reader import read

RECIPES = Path(__file__).parents[3] / "recipes"
LEAST = "url --url=debian:trixie\n"


def recipe(folder: Path, text: str) -> Recipe:
    path = folder / "recipe.ks"
    path.write_text(text)
    return recipe_from_json(path, json.dumps(read(path)))


def meaning(folder: Path, text: str) -> Understood:
    return understand(recipe(folder, LEAST + text))


def test_the_least_recipe_has_defaults(tmp_path: Path) -> None:
    found = meaning(tmp_path, "").meaning

    assert found.source == Source("debian", "trixie")
    assert (found.locale, found.timezone, found.root_password) == ("C.UTF-8", "Etc/UTC", None)
    assert found.root.size == 2048 * MIB


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("debian:trixie", Source("debian", "trixie")),
        ("ubuntu:noble", Source("ubuntu", "noble")),
        ("debian:bookworm-backports", Source("debian", "bookworm-backports")),
        ("debian:trixie/main,contrib", Source("debian", "trixie", ("main", "contrib"))),
    ],
)
def test_a_source_is_a_distribution_and_a_suite(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["", "trixie", "debian", "debian:", "http://x/debian", "debian:../x", "arch:now"])
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="such as debian:trixie"):
        parse_source(text)


def one(word: str, expected: Any, attribute: str) -> Any:
    return pytest.param(word, attribute, expected, id=word.split(maxsplit=1)[0])


@pytest.mark.parametrize(
    ("line", "attribute", "expected"),
    [
        one("lang de_DE.UTF-8", "de_DE.UTF-8", "locale"),
        one("timezone Europe/Berlin", "Europe/Berlin", "timezone"),
        one("network --bootproto=dhcp --hostname=web1.example", "web1.example", "hostname"),
        one("services --enabled=ssh,cron --disabled=a.timer", ("ssh", "cron"), "enabled"),
        one("bootloader --append='quiet console=ttyS0' --timeout=3", "quiet console=ttyS0", "kernel_arguments"),
        one("repo --name=b --baseurl=debian:sid", (Source("debian", "sid"),), "more_sources"),
    ],
)
def test_a_word_changes_the_image(tmp_path: Path, line: str, attribute: str, expected: object) -> None:
    assert getattr(meaning(tmp_path, line + "\n").meaning, attribute) == expected


def test_the_root_partition_is_as_the_recipe_says(tmp_path: Path) -> None:
    root = meaning(tmp_path, "part / --size=512 --fstype=ext4 --label=sys\n").meaning.root

    assert (root.size, root.label, root.grow) == (512 * MIB, "sys", False)


def test_a_crypted_password_does_not_show(tmp_path: Path) -> None:
    found = meaning(tmp_path, "rootpw --iscrypted $6$salt$hash\n").meaning

    assert found.root_password is not None
    assert found.root_password.value == "$6$salt$hash"
    assert "hash" not in repr(found)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("rootpw secret", "--iscrypted"),
        ("network --bootproto=static --ip=10.0.0.1", "dhcp"),
        ("network --bootproto=dhcp --hostname=-x-", "host name"),
        ("part /home --size=100", "part /"),
        ("part / --size=100 --fstype=xfs", "ext4"),
        ("part / --size=1", "MiB"),
        ("firewall --enabled", "cannot be honoured"),
        ("keyboard de", "'de'"),
        ("timezone ../../etc/passwd", "time zone"),
        ("bootloader --append='a\"b'", "boot loader"),
        ("services --enabled='a;b'", "service"),
        ("url --mirrorlist=http://x", "mirror"),
    ],
)
def test_what_cannot_be_honoured_names_file_line_and_reason(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        meaning(tmp_path, text + "\n")

    assert f"{tmp_path / 'recipe.ks'}:2: {text.split(maxsplit=1)[0]}" in caught.value.message
    assert part in caught.value.message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe) as caught:
        meaning(tmp_path, "keyboard de\nlogvol / --vgname=a --name=b --size=1\n%packages\n@core\n%end\n")

    assert len(caught.value.message.splitlines()) == 3


def test_a_recipe_must_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="url --url=debian:trixie"):
        understand(recipe(tmp_path, "lang C\n"))


@pytest.mark.parametrize("line", ["../evil", "a b", "bash;reboot", "Bash"])
def test_what_is_no_package_name_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadRecipe, match="not a package name"):
        meaning(tmp_path, f"%packages\n{line}\n%end\n")


def test_words_about_a_real_installation_are_told_and_ignored(tmp_path: Path) -> None:
    found = meaning(tmp_path, "text\nzerombr\nreboot\n%pre\nx\n%end\n")

    assert [remark.place.line for remark in found.remarks] == [2, 3, 4, 5]
    assert found.meaning == meaning(tmp_path, "").meaning


@pytest.mark.parametrize(
    ("header", "part"), [("%post --nochroot", "--nochroot"), ("%post --interpreter=python", "whole path")]
)
def test_scripts_that_cannot_run_are_refused(tmp_path: Path, header: str, part: str) -> None:
    with pytest.raises(BadRecipe, match=part):
        meaning(tmp_path, f"{header}\nx\n%end\n")


def test_no_word_is_both_honoured_and_ignored() -> None:
    assert not HONOURED & IGNORED


def test_every_word_is_told_of_in_the_documents() -> None:
    text = (RECIPES / "README.md").read_text()

    assert [word for word in HONOURED - {"partition"} if f"`{word}" not in text] == []


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.ks")), ids=lambda path: path.name)
def test_the_recipes_that_come_with_skerry_are_understood(path: Path) -> None:
    found = understand(recipe_from_json(path, json.dumps(read(path))))

    assert found.remarks == ()
    assert all(script.error_on_fail for script in found.meaning.scripts)


def test_an_answer_in_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="format 3"):
        recipe_from_json(tmp_path / "x.ks", '{"format": 3}')


def test_an_answer_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="no answer"):
        recipe_from_json(tmp_path / "x.ks", "Traceback")
