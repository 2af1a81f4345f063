"""Bills of materials have the form that their standards ask for, whatever packages say of themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from tests.unit.images.manifest.schemas import CYCLONEDX, SPDX

from skerry.images.contents.licenses import spdx_expression
from skerry.images.contents.packages import Installed, Package
from skerry.images.manifest.bill import Bill
from skerry.images.manifest.cyclonedx import cyclonedx_document
from skerry.images.manifest.spdx import spdx_document


def bill(*packages: Package, tags: tuple[str, ...] = ()) -> Bill:
    licenses = {package: spdx_expression(tags or (package.license or "MIT",)) for package in packages}
    system = {"ID": "fedora", "VERSION_ID": "42", "PRETTY_NAME": "Fedora Linux 42"}
    hashes = {package.full_name: "a" * 64 for package in packages}
    return Bill("aos", system, 1_700_000_000, "0.1", Installed(packages), licenses, hashes, "content")


def check(made: Bill) -> tuple[dict[str, Any], dict[str, Any]]:
    spdx, cyclonedx = spdx_document(made), cyclonedx_document(made)
    Draft7Validator(SPDX).validate(spdx)
    Draft7Validator(CYCLONEDX).validate(cyclonedx)
    return spdx, cyclonedx


def rpm(name: str, **fields: Any) -> Package:
    return Package("rpm", name, "5.2", "x86_64", release="1", epoch="2", source=f"{name}-5.2-1.src.rpm", **fields)


def test_an_rpm_has_epoch_and_source_in_its_purl() -> None:
    _, document = check(bill(rpm("bash")))

    assert document["components"][0]["purl"] == (
        "pkg:rpm/fedora/bash@5.2-1?arch=x86_64&distro=fedora-42&epoch=2&upstream=bash-5.2-1.src.rpm"
    )


def test_keys_that_rpm_keeps_among_packages_are_none() -> None:
    spdx, cyclonedx = check(bill(rpm("gpg-pubkey"), rpm("bash")))

    assert [each["name"] for each in spdx["packages"]] == ["aos", "bash"]
    assert [each["name"] for each in cyclonedx["components"]] == ["bash"]


def test_names_that_ids_cannot_have_stay_apart() -> None:
    spdx, _ = check(bill(rpm("lib~x"), rpm("lib_x"), rpm("lib+x")))

    assert len({each["SPDXID"] for each in spdx["packages"]}) == 4


def test_an_image_without_packages_is_a_document_too() -> None:
    check(bill())


@pytest.mark.parametrize("homepage", ["", "not an address", "https://example.org/x", "javascript:alert(1)"])
def test_only_addresses_are_homepages(homepage: str) -> None:
    spdx, _ = check(bill(rpm("bash", homepage=homepage)))

    assert ("homepage" in spdx["packages"][1]) == homepage.startswith("https://")


texts = st.text(st.characters(exclude_categories=()), max_size=30)
words = st.sampled_from(
    ["MIT", "and", "or", "with", "(", ")", ",", "GPL-2+", "x y", "ü", "/", "Foo exception", ""]
)


@settings(max_examples=50, deadline=None)
@given(texts, texts, st.lists(words, max_size=6).map(" ".join))
def test_whatever_packages_say_the_documents_are_sound(summary: str, vendor: str, tag: str) -> None:
    package = rpm("bash", summary=summary, vendor=vendor or "x")

    check(bill(package, rpm("other", requires=(("bash",),)), tags=(tag or "MIT", "ISC")))
