"""The words of image-minimizer: read as documented, and every mistake told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.images.minimize.written import parse_rules

from skerry.images.minimize.rules import (
    Options,
    Rule,
    is_minimizer,
    minimizer_mistakes,
    understand_minimizer,
)
from skerry.images.recipe import BadRecipe, Place, Script


def script(body: str, interpreter: str = "image-minimizer") -> Script:
    return Script("%post", body.encode(), interpreter, False, False, None, Place(Path("aos.ks"), 10))


def test_words_are_read_in_order_whatever_their_letters() -> None:
    text = "# a comment\n\n  DROP /usr/share/doc  \nKeep\t/usr/share/doc/my file\ndroprpm perl*\n#drop x\n"

    assert parse_rules(text, "f") == (
        Rule("drop", "/usr/share/doc", "f:3"),
        Rule("keep", "/usr/share/doc/my file", "f:4"),
        Rule("droprpm", "perl*", "f:5"),
    )


def test_the_lines_of_a_section_are_those_of_the_recipe() -> None:
    minimizer = understand_minimizer(script("drop /a\n\nkeepdeb b\n"))

    assert [rule.place for rule in minimizer.rules] == ["aos.ks:11", "aos.ks:13"]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadRecipe) as caught:
        understand_minimizer(script("drpo /a\ndrop\ndropdeb \n", "image-minimizer --quick"))

    assert caught.value.message.splitlines() == [
        "aos.ks:10: '--quick' is no option of image-minimizer in a recipe",
        "aos.ks:11: 'drpo' is no word of image-minimizer",
        "aos.ks:12: drop needs a path",
        "aos.ks:13: dropdeb needs the name of a package",
    ]
    assert caught.value.hint is not None
    assert "keeprpm" in caught.value.hint


def test_mistakes_can_be_collected_with_those_of_the_recipe() -> None:
    found = minimizer_mistakes(script("drop /a\nkeeprpm a b\n"))

    assert list(map(str, found)) == ["aos.ks:12: keeprpm takes one name a line, not 'a b'"]


@pytest.mark.parametrize(
    ("interpreter", "is_one"),
    [
        ("image-minimizer", True),
        ("/usr/bin/image-minimizer", True),
        ("image-minimizer --needs=warn", True),
        ("/bin/sh", False),
        ("/usr/bin/image-minimizer2", False),
    ],
)
def test_a_section_is_known_by_its_interpreter(interpreter: str, is_one: bool) -> None:
    assert is_minimizer(script("", interpreter)) == is_one


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("", Options()),
        ("--needs=warn -v", Options("warn", verbose=True)),
        ("--needs=ignore --dryrun", Options("ignore", dry_run=True)),
    ],
)
def test_options_stand_behind_the_interpreter(words: str, options: Options) -> None:
    assert understand_minimizer(script("", f"image-minimizer {words}")).options == options
