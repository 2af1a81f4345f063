"""Why a step would run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.images.test_plan import FACTS, MEANING, SCRIPT, plan

from skerry.images.history import PlannedStep, changes, explain, remember
from skerry.images.plan import Plan
from skerry.images.recipe import Packages
from skerry.images.words import Meaning

RECIPE = Path("/r.ks")


def steps(cache: Path, planned: Plan, *there: str) -> dict[str, PlannedStep]:
    has = {step.name: step.name in there for step in planned.steps}
    return {step.name: step for step in explain(cache, RECIPE, planned, has)}


def test_a_first_build_runs_everything(tmp_path: Path) -> None:
    told = steps(tmp_path, plan(MEANING, FACTS, "qcow2"))

    assert all(step.runs for step in told.values())
    assert told["base"].why == ("it was not built before on this machine",)


def test_a_second_build_runs_nothing(tmp_path: Path) -> None:
    planned = plan(MEANING, FACTS, "qcow2")
    remember(tmp_path, RECIPE, planned)

    told = steps(tmp_path, planned, *(step.name for step in planned.steps))

    assert not any(step.runs for step in told.values())


def test_what_nobody_asks_for_does_not_run(tmp_path: Path) -> None:
    planned = plan(MEANING, FACTS, "qcow2")
    remember(tmp_path, RECIPE, planned)

    told = steps(tmp_path, planned, "about", "output qcow2")

    assert not any(step.runs for step in told.values())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (replace(MEANING, packages=Packages(names=("bash", "less"))), "packages names: +less"),
        (replace(MEANING, packages=Packages(names=("bash",), docs=False)), "packages docs: True → False"),
    ],
    ids=["package", "option"],
)
def test_the_input_that_changed_is_named(tmp_path: Path, changed: Meaning, why: str) -> None:
    remember(tmp_path, RECIPE, plan(MEANING, FACTS, "qcow2"))

    told = steps(tmp_path, plan(changed, FACTS, "qcow2"), "tools")

    assert told["base"].why == (why,)
    assert told["root"].why == ("base changes",)
    assert not told["tools"].runs


def test_a_changed_script_is_named_and_not_shown(tmp_path: Path) -> None:
    remember(tmp_path, RECIPE, plan(MEANING, FACTS, "qcow2"))
    script = replace(SCRIPT, body=b"secret " * 20)

    told = steps(tmp_path, plan(replace(MEANING, scripts=(script,)), FACTS, "qcow2"), "tools", "base")

    assert told["root"].why == ("%post at /r.ks:3 changed",)
    assert "secret" not in "".join(file.read_text() for file in (tmp_path / "history").iterdir())


def test_an_entry_that_was_thrown_away_is_made_again(tmp_path: Path) -> None:
    planned = plan(MEANING, FACTS, "qcow2")
    remember(tmp_path, RECIPE, planned)

    assert steps(tmp_path, planned, "tools", "base")["root"].why == ("the cache no longer has it",)


def test_a_newer_builder_is_told_as_such() -> None:
    assert changes({"format": "1"}, {"format": "2"}) == ["the builder does this in another way now"]
