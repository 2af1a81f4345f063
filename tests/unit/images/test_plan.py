"""What must be made anew when something changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from skerry.images.installers.deb import DebInstaller
from skerry.images.lock import InstalledPackage, Lock
from skerry.images.outputs.registry import find_output
from skerry.images.plan import Facts, Plan
from skerry.images.plan import plan as plan_outputs
from skerry.images.recipe import Packages, Place, Script
from skerry.images.words import Meaning, Source, default_storage
from skerry.sizes import MIB

SCRIPT = Script(
    "%post", b"x\n", "/bin/sh", chroot=True, error_on_fail=True, log=None, place=Place(Path("/r.ks"), 3)
)
MEANING = Meaning(Source("debian", "trixie"), Packages(names=("bash",)), (SCRIPT,))


@dataclass(frozen=True)
class Seen:
    """What is known of the machine."""

    deb_lines: tuple[str, ...] = ("deb http://m.example/debian trixie main",)
    mmdebstrap: str = "mmdebstrap 1.5.6"
    qemu_img: str = "qemu-img 10.0.2"


FACTS = Seen()


def plan(meaning: Meaning, facts: Seen, *outputs: str) -> Plan:
    installer = DebInstaller(meaning, facts.deb_lines, facts.mmdebstrap)
    wanted = [find_output(name) for name in outputs]
    return plan_outputs(Path("/r.ks"), meaning, Facts((), facts.qemu_img), installer, wanted)


def kinds_that_differ(one: Plan, other: Plan) -> list[str]:
    return [a.name for a, b in zip(one.steps, other.steps, strict=True) if a.key != b.key]


def test_the_same_inputs_give_the_same_plan() -> None:
    assert plan(MEANING, FACTS, "qcow2") == plan(MEANING, FACTS, "qcow2")


@pytest.mark.parametrize(
    ("meaning", "facts"),
    [
        (replace(MEANING, packages=Packages(names=("bash", "less"))), FACTS),
        (replace(MEANING, packages=Packages(names=("bash",), docs=False)), FACTS),
        (replace(MEANING, source=Source("debian", "sid")), FACTS),
        (MEANING, replace(FACTS, deb_lines=("deb http://other.example/debian trixie main",))),
        (MEANING, replace(FACTS, mmdebstrap="mmdebstrap 1.6")),
    ],
    ids=["packages", "options", "suite", "mirror", "mmdebstrap"],
)
def test_what_is_installed_makes_everything_anew(meaning: Meaning, facts: Seen) -> None:
    assert kinds_that_differ(plan(MEANING, FACTS, "qcow2"), plan(meaning, facts, "qcow2")) == [
        "base",
        "root",
        "about",
        "output qcow2",
    ]


@pytest.mark.parametrize(
    "meaning",
    [
        replace(MEANING, scripts=(replace(SCRIPT, body=b"y\n"),)),
        replace(MEANING, scripts=(replace(SCRIPT, error_on_fail=False),)),
        replace(MEANING, hostname="other"),
    ],
    ids=["script", "erroronfail", "hostname"],
)
def test_what_is_done_after_the_packages_leaves_the_base(meaning: Meaning) -> None:
    assert kinds_that_differ(plan(MEANING, FACTS, "qcow2"), plan(meaning, FACTS, "qcow2")) == [
        "root",
        "about",
        "output qcow2",
    ]


@pytest.mark.parametrize(
    "meaning",
    [
        replace(MEANING, storage=default_storage(512 * MIB)),
        replace(MEANING, storage=default_storage(label="other")),
        replace(MEANING, kernel_arguments="quiet"),
        replace(MEANING, loader_timeout_s=9),
    ],
    ids=["size", "label", "arguments", "timeout"],
)
def test_what_goes_into_the_disk_leaves_the_root(meaning: Meaning) -> None:
    assert kinds_that_differ(plan(MEANING, FACTS, "qcow2"), plan(meaning, FACTS, "qcow2")) == ["output qcow2"]


def test_a_check_before_the_packages_belongs_to_the_base() -> None:
    check = replace(SCRIPT, section="%pre", chroot=False)

    changed = kinds_that_differ(
        plan(MEANING, FACTS, "disk"), plan(replace(MEANING, scripts=(check, SCRIPT)), FACTS, "disk")
    )

    assert changed[0] == "base"


def test_a_lock_is_another_base() -> None:
    lock = Lock(1, (InstalledPackage("bash", "5.2", "amd64", "00"),))
    planned = plan(MEANING, FACTS, "disk")
    locked = plan_outputs(Path("/r.ks"), MEANING, Facts((), ""), planned.installer, [], lock=lock)

    assert locked.base.key != planned.base.key


def test_outputs_share_all_but_the_last_step() -> None:
    planned = plan(MEANING, FACTS, "qcow2", "disk")

    assert [step.name for step in planned.steps] == [
        "tools",
        "base",
        "root",
        "about",
        "output qcow2",
        "output disk",
    ]


def test_where_a_script_stands_changes_nothing() -> None:
    moved = replace(SCRIPT, place=Place(Path("/elsewhere.ks"), 99))

    assert (
        kinds_that_differ(plan(MEANING, FACTS, "disk"), plan(replace(MEANING, scripts=(moved,)), FACTS, "disk"))
        == []
    )
