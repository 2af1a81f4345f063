"""A tar that an administrator prepared: what it stands in the way of, and what is said of that."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skerry.errors import BadInput
from skerry.guestos.content import Content
from skerry.guestos.facts import RootFacts
from skerry.guestos.parameters import Settings
from skerry.guestos.prepared import check_kernel, check_wishes, note, without_effect
from skerry.guestos.settings import settings_of

TAR = Path("/var/cache/ganeti-instance-debootstrap/cache-trixie-amd64.tar")
PACKAGES = Content("debian", "trixie", "amd64", ("main",), (), "", "C.UTF-8")
PREPARED = replace(PACKAGES, tar=TAR)
BARE = RootFacts(frozenset(), {}, {}, 0, "", 0)
BOOTABLE = replace(BARE, names=frozenset({"/boot/vmlinuz-6.12", "/boot/initrd.img-6.12"}))


def having(**given: Any) -> Settings:
    return replace(settings_of(), **given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("EXTRA_PKGS", {"extra_pkgs": ("less",)}),
        ("COMPONENTS", {"components": ("main", "contrib")}),
        ("LOCALE", {"locale": "de_DE.UTF-8"}),
    ],
)
def test_what_an_instance_asks_for_is_not_passed_over(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=rf"OS parameter: {name.lower()} can do nothing: {TAR}") as raised:
        check_wishes(TAR, having(**given), {name, "SUITE"})

    assert "remove it, or let CACHE_DIR name another folder" in str(raised.value.hint)


def test_all_that_an_instance_asks_for_in_vain_is_told_at_once() -> None:
    with pytest.raises(BadInput, match="extra_pkgs, locale can do nothing"):
        check_wishes(TAR, having(extra_pkgs=("less",), locale="de_DE.UTF-8"), {"EXTRA_PKGS", "LOCALE"})


@pytest.mark.parametrize(
    "given",
    [{}, {"components": ("main",)}, {"locale": "C.UTF-8"}, {"mirror": "http://mirror.example.com/debian"}],
    ids=["empty", "main", "C", "mirror"],
)
def test_parameters_that_a_tar_takes_nothing_from_are_no_mistake(given: dict[str, Any]) -> None:
    check_wishes(TAR, having(**given), {"EXTRA_PKGS", "COMPONENTS", "LOCALE", "MIRROR"})


def test_settings_of_the_node_do_not_forbid_its_own_tar_but_the_log_names_them() -> None:
    settings = having(extra_pkgs=("less",), mirror="http://mirror.example.com/debian")

    check_wishes(TAR, settings, {"FILESYSTEM"})

    assert without_effect(settings) == ("EXTRA_PKGS", "MIRROR")
    assert note(TAR, settings).endswith("no package is installed beside it, and EXTRA_PKGS, MIRROR can do nothing")


def test_a_tar_alone_is_no_news_but_that_it_is_taken() -> None:
    assert note(TAR, having()) == f"note: {TAR} is taken as the root; no package is installed beside it"


@pytest.mark.parametrize(("name", "field"), [("KERNEL", "kernel"), ("BOOT_LOADER", "boot_loader")])
def test_a_kernel_that_is_demanded_and_not_in_the_tar_is_told(name: str, field: str) -> None:
    with pytest.raises(BadInput, match=f"{name}=yes: {TAR} is taken as the root, and it has no kernel") as raised:
        check_kernel(PREPARED, having(**{field: "yes"}), BARE)

    assert f"set {name}=no" in str(raised.value.hint)
    assert "remove it" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("content", "kernel", "facts"),
    [(PREPARED, "auto", BARE), (PREPARED, "no", BARE), (PREPARED, "yes", BOOTABLE), (PACKAGES, "yes", BARE)],
    ids=["auto", "no", "there", "packages"],
)
def test_otherwise_a_tar_may_be_without_one(content: Content, kernel: str, facts: RootFacts) -> None:
    check_kernel(content, having(kernel=kernel), facts)
