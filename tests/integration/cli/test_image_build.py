"""What `skerry image build` and its siblings ask the builder for, and what they refuse before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.cli.conftest import Skerry

from skerry.cli import booting, building
from skerry.errors import BadInput
from skerry.images.build import Order

SHARED = ("--lenient", "--syntax", "F40", "--lock", "other.lock")


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """Orders that reach the builder, which builds nothing."""
    orders: list[Order] = []

    def take(order: Order) -> BadInput:
        orders.append(order)
        return BadInput("enough")

    def refuse(order: Order, *_words: object) -> None:
        raise take(order)

    def boot(_images: object, order: Order | None, *_words: object) -> int:
        if order:
            orders.append(order)
        return 0

    for name in ("build_file", "build_folder", "shell_here", "about_here"):
        monkeypatch.setattr(building, name, refuse)
    monkeypatch.setattr(booting, "boot_here", boot)
    return orders


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["-o", "x.qcow2", "--output", "disk"], "disk is not written into x.qcow2", id="other ending"),
        pytest.param(
            ["-o", "x.raw", "--output", "disk", "--output", "iso"], "give a folder to -o", id="two in one"
        ),
        pytest.param(["-o", "x.qcow2", "--name", "web"], "leave out --name", id="two names"),
        pytest.param(["--output", "tar", "--import", "web"], "and 0 are asked for", id="nothing to import"),
        pytest.param(
            ["--output", "iso", "--output", "disk", "--import", "web"], "and 2 are asked for", id="two to import"
        ),
        pytest.param(["--fresh", "--locked"], "a lock says which packages", id="fresh and locked"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_built(
    skerry: Skerry, orders: list[Order], words: list[str], said: str
) -> None:
    result = skerry("image", "build", "web.ks", *words)

    assert result.status == 2
    assert said in result.err
    assert orders == []


@pytest.mark.parametrize("name", ["v1/web", "..", ".hidden", "-x", "a\nb"])
def test_a_name_that_no_file_can_have_is_told_before_anything_is_built(
    skerry: Skerry, tmp_path: Path, name: str
) -> None:
    result = skerry("image", "build", tmp_path / "web.ks", "-o", tmp_path, f"--name={name}")

    assert result.status == 2
    assert "cannot be the name of files" in result.err


def test_a_fresh_build_is_asked_for(skerry: Skerry, orders: list[Order], tmp_path: Path) -> None:
    skerry("image", "build", "web.ks", "-o", tmp_path, "--fresh")
    skerry("image", "build", "web.ks", "-o", tmp_path / "web.raw", "--fresh")

    assert [(order.fresh, order.outputs) for order in orders] == [(True, ("qcow2",)), (True, ("disk",))]


@pytest.mark.parametrize("verb", ["build", "shell", "boot", "sizes"])
def test_every_verb_means_the_image_that_the_same_options_build(
    skerry: Skerry, orders: list[Order], tmp_path: Path, verb: str
) -> None:
    recipe = tmp_path / "web.ks"
    recipe.touch()

    skerry("image", verb, recipe, *SHARED)

    (order,) = orders
    assert (order.recipe, order.lenient, order.syntax, order.lock) == (recipe, True, "F40", Path("other.lock"))


@pytest.mark.parametrize("verb", ["boot", "sizes"])
def test_an_image_that_is_there_is_not_built_in_another_way(
    skerry: Skerry, orders: list[Order], verb: str
) -> None:
    result = skerry("image", verb, "web.qcow2", "--locked")

    assert result.status == 2
    assert "this is none" in result.err


def test_a_difference_is_that_to_the_image_that_the_same_options_build(
    skerry: Skerry, orders: list[Order], tmp_path: Path
) -> None:
    recipe = tmp_path / "new.ks"
    recipe.touch()

    skerry("image", "diff", recipe, "old.qcow2", "--locked", "--lenient")

    (order,) = orders
    assert (order.recipe, order.lenient, order.lock) == (recipe, True, tmp_path / "new.lock")
    assert "this is none" in skerry("image", "diff", "old.qcow2", "new.qcow2", "--locked").err


def test_a_plan_of_disks_that_cannot_be_written_names_the_line(nobody: Skerry, tmp_path: Path) -> None:
    recipe = tmp_path / "mirror.ks"
    raid = "part raid.1 --size=99\npart raid.2 --size=99\nraid / --level=0 --device=r raid.1 raid.2\n"
    recipe.write_text(f"url --url=debian:trixie\n{raid}%packages\n%end\n")

    done = nobody("image", "plan", recipe)

    assert done.status == 2
    assert f"{recipe}:4: " in done.err
    assert nobody("image", "plan", recipe, "--output", "tar").status == 0


def test_check_tells_the_mistakes_of_every_recipe(nobody: Skerry, tmp_path: Path) -> None:
    texts = {"a": "lang /", "b": "lang C", "c": "timezone /etc/passwd"}
    recipes = [tmp_path / f"{name}.ks" for name in texts]
    for recipe, text in zip(recipes, texts.values(), strict=True):
        recipe.write_text(f"url --url=debian:trixie\n{text}\n")

    done = nobody("image", "check", *recipes)

    assert (done.status, done.out) == (2, f"{recipes[1]}: good\n")
    assert f"{recipes[0]}:2: lang: " in done.err
    assert f"{recipes[2]}:2: timezone: " in done.err
