"""Licences as packages tell them, and the same in SPDX's words."""

from __future__ import annotations

import pytest

from skerry.images.contents.licenses import UNKNOWN, copyright_tags, references, spdx_expression

DEP5 = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: x

Files: *
Copyright: 2020 Somebody
License: GPL-2+
 This program is free software …

Files: doc/*
Copyright: 2021 Somebody
License: Expat  or
 GPL-2+

License: Never-Used
 text
"""


def test_a_machine_readable_file_names_the_licences_of_files() -> None:
    assert copyright_tags(DEP5) == ("Expat or", "GPL-2+")


def test_another_file_is_known_by_what_it_refers_to() -> None:
    words = "On Debian systems see /usr/share/common-licenses/LGPL-2.1. Also /usr/share/common-licenses/GPL-3'."

    assert copyright_tags(words) == ("GPL-3", "LGPL-2.1")


def test_a_file_that_says_nothing_known_is_not_guessed_at() -> None:
    assert copyright_tags("Do what you like.") == (UNKNOWN,)


@pytest.mark.parametrize(
    ("tag", "expression"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GFDL-NIV-1.3+", "GFDL-1.3-or-later"),
        ("Expat", "MIT"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("GPL-1+ or Artistic", "GPL-1.0-or-later OR Artistic-1.0-Perl"),
        ("GPL-1+ or Artistic, and Expat", "(GPL-1.0-or-later OR Artistic-1.0-Perl) AND MIT"),
        ("GPL-2.0-or-later AND (MIT OR ISC)", "GPL-2.0-or-later AND (MIT OR ISC)"),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", "GPL-3.0-or-later WITH GCC-exception-3.1"),
        ("GPL-2+ with OpenSSL exception", "LicenseRef-GPL-2-plus-with-OpenSSL-exception"),
        ("ASL 2.0", "Apache-2.0"),
        ("My own (very odd", "LicenseRef-My-own-very-odd"),
        ("public-domain", "LicenseRef-public-domain"),
        ("ünïcode", "LicenseRef-n-code"),
        ("and", "LicenseRef-and"),
    ],
)
def test_a_tag_becomes_an_spdx_expression(tag: str, expression: str) -> None:
    assert spdx_expression([tag]) == expression


def test_several_tags_all_hold() -> None:
    assert spdx_expression(["Expat", "GPL-2 or ISC", "MIT"]) == "MIT AND (GPL-2.0-only OR ISC)"


def test_nothing_said_is_no_assertion() -> None:
    assert spdx_expression([]) == "NOASSERTION"


def test_own_names_are_found_again() -> None:
    assert references("MIT AND (LicenseRef-a OR LicenseRef-b.1)") == ["LicenseRef-a", "LicenseRef-b.1"]
