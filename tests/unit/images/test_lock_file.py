"""Lock files: what is written is read again, and every mistake is named with its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from skerry.errors import NotFound
from skerry.images.lock import BadLock, Lock, LockedPackage, changes
from skerry.images.lock_file import lock_path, lock_text, parse_lock, read_lock

DASH = LockedPackage(
    "dash", "0.5.12-12", "amd64", "a8" * 32, "http://m.example/debian/pool/main/d/dash/dash_0.5.12-12_amd64.deb"
)
BASH = LockedPackage("bash", "1:5.2.37-2+b10~deb13u1", "amd64", "0b" * 32, priority="required")
MTOOLS = LockedPackage("mtools", "4.0.48-1", "amd64", "cc" * 32)
LOCK = Lock(
    epoch=1789199741,
    packages=(BASH, DASH),
    source="debian:trixie",
    wanted="0123456789abcdef",
    sources=("deb http://m.example/debian trixie main", "", "deb http://m.example/debian trixie-updates main"),
    tools=(MTOOLS,),
)


def test_what_is_written_is_read_again() -> None:
    assert parse_lock(lock_text(LOCK, "aos.ks"), "aos.lock") == LOCK


def test_every_package_has_a_line_of_its_own() -> None:
    lines = lock_text(LOCK, "aos.ks").splitlines()

    assert [line for line in lines if '"dash"' in line] == [
        '  { name = "dash", version = "0.5.12-12", architecture = "amd64", sha256 = "' + "a8" * 32 + '", '
        'url = "http://m.example/debian/pool/main/d/dash/dash_0.5.12-12_amd64.deb" },'
    ]
    assert "snapshot = 2026-09-12T07:55:41Z" in lines


def test_the_order_in_which_packages_were_found_does_not_matter() -> None:
    turned = replace(LOCK, packages=(DASH, BASH))

    assert lock_text(turned, "aos.ks") == lock_text(LOCK, "aos.ks")
    assert turned.key == LOCK.key


def test_where_a_package_was_found_decides_nothing() -> None:
    elsewhere = replace(LOCK, packages=(BASH, replace(DASH, url="")))

    assert elsewhere.key == LOCK.key
    assert replace(LOCK, epoch=0).key != LOCK.key
    assert replace(LOCK, packages=(BASH, replace(DASH, version="0.5.12-13"))).key != LOCK.key


def test_a_lock_is_beside_its_recipe() -> None:
    assert lock_path(Path("recipes/aos.ks")) == Path("recipes/aos.lock")


TEXT = lock_text(LOCK, "aos.ks")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("format = ", "aos.lock: Invalid value (at end of document)", id="no TOML"),
        pytest.param("", "aos.lock: its format is None, and this Skerry reads 1", id="empty"),
        pytest.param(TEXT.replace("format = 1", "format = 2"), "its format is 2", id="newer"),
        pytest.param(TEXT.replace("Z\n", "\n"), "snapshot is no time with a zone", id="no zone"),
        pytest.param(TEXT.replace("source =", "sauce ="), "'sauce' is not known", id="unknown key"),
        pytest.param(TEXT.replace('source = "debian:trixie"\n', ""), "source is missing", id="no source"),
        pytest.param(TEXT.replace("cc" * 32, "cc" * 31), "tools, number 1 (mtools): sha256 is", id="short hash"),
        pytest.param(TEXT.replace('name = "dash", ', ""), "packages, number 2: name is missing", id="no name"),
        pytest.param(TEXT.replace('"dash"', '"../dash"'), "name is '../dash'", id="a path as name"),
        pytest.param(TEXT.replace('0.5.12-12", a', '0/5", a'), "(dash): version is '0/5'", id="a path as version"),
        pytest.param(TEXT.replace('"dash"', '"bash"'), "packages: bash is there twice", id="twice"),
        pytest.param(TEXT.replace('"http:', '"gopher:', 3), "(dash): url is", id="unknown kind of place"),
        pytest.param(TEXT.replace("url =", "uri ="), "number 2: 'uri' is not known", id="unknown field"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadLock) as caught:
        parse_lock(text, "aos.lock")

    assert said in str(caught.value)


def test_no_lock_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no lock .*aos\.lock") as caught:
        read_lock(tmp_path / "aos.lock")

    assert caught.value.hint == "`skerry image lock RECIPE` makes one"


def test_a_new_lock_says_what_became_of_each_package() -> None:
    new = replace(LOCK, packages=(replace(BASH, version="1:5.3-1"), replace(DASH, name="zsh")), tools=())

    assert changes(LOCK, new) == [
        "bash: 1:5.2.37-2+b10~deb13u1 → 1:5.3-1",
        "dash: gone",
        "zsh: new, 0.5.12-12",
        "tool mtools: gone",
    ]
