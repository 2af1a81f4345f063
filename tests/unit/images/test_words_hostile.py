"""Whatever a recipe says, it is understood or told to be wrong; nothing of it gets where it could do harm."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.errors import BadInput
from skerry.images.instructions import settings_script
from skerry.images.placement import lay_out
from skerry.images.recipe import BadRecipe, Recipe, recipe_from_json
from skerry.images.words import Understood, understand
from skerry.images.words.table import WORDS
from skerry_kickstart.grammar import known_options
from skerry_kickstart.reader import read

HOSTILE = (
    *("$(touch /owned)", "`touch /owned`", "; touch /owned", "' ; touch /owned ; '", '" ; touch /owned ; "'),
    *(
        "../../etc/passwd",
        "/etc/../../x",
        "a\\nb",
        "-x",
        "--",
        "",
        "0",
        "-1",
        "99999999999999999999",
        "%n",
        "\x01",
    ),
    *("ä", "\udcff", "a" * 300, "*", "{}", "|", "&", "\t", "a b", "=", ",", ":", "#"),
)
values = st.sampled_from(HOSTILE) | st.text(max_size=12) | st.sampled_from(["10", "sda", "ext4", "root", "pv.01"])
words = st.sampled_from(sorted(WORDS))


@st.composite
def lines(draw: st.DrawFn) -> str:
    word = draw(words)
    options = sorted(known_options(word))
    parts = [word]
    for _ in range(draw(st.integers(0, 4))):
        option = draw(st.sampled_from(options)) if options and draw(st.booleans()) else ""
        value = shlex.quote(draw(values).replace("\n", " "))
        parts.append(f"{option}={value}" if option and draw(st.booleans()) else option or value)
    return " ".join(parts)


def read_text(text: str) -> Recipe:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.ks"
        path.write_bytes(text.encode(errors="surrogateescape"))
        return recipe_from_json(path, json.dumps(read(path)))


def understood(text: str) -> Understood | None:
    try:
        return understand(read_text(text), lenient=True)
    except BadRecipe:
        return None


quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.lists(lines(), max_size=12))
def test_any_lines_are_understood_or_told_and_nothing_of_them_runs(found: list[str]) -> None:
    text = "\n".join(["url --url=debian:trixie", *found]) + "\n"

    understood_ = understood(text)

    if understood_ is None:
        return
    with contextlib.suppress(BadInput):
        lay_out(understood_.meaning.storage)
    script = settings_script(understood_.meaning)
    # The shell takes no text of the recipe for more than a word.
    assert b"\ntouch" not in script
    assert subprocess.run(["sh", "-n"], input=script, check=False).returncode == 0


@quick
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.ks"
        path.write_bytes(data)
        json.dumps(read(path))


@quick
@given(
    st.lists(
        st.sampled_from(["%packages", "%post", "%end", "%pre --x", "%include x", "a", "@b", "-", "%addon", "%"])
    )
)
def test_sections_in_any_order_are_read_or_told(found: list[str]) -> None:
    read_text("\n".join(found))


@quick
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=10), max_size=10))
def test_no_name_of_a_package_is_more_than_a_name(names: list[str]) -> None:
    for source in ("debian:trixie", "fedora:42"):
        text = (
            f"url --url={source}\n%packages\n" + "\n".join(name.replace("\n", "") for name in names) + "\n%end\n"
        )
        found = understood(text)
        if found:
            for name in (*found.meaning.packages.names, *found.meaning.packages.excluded):
                assert not set(name) & set(" ;&|$`'\"\\\n\t,<>()")
                assert not name.startswith("-")
                assert ".." not in name.split("/")
