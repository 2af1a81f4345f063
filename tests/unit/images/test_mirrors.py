"""Where packages come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.images.mirrors import (
    AptSource,
    Mirrors,
    deb_lines,
    find_mirrors,
    machine_release,
    machine_sources,
    parse_deb822,
    parse_one_line,
)
from skerry.images.settings import BuildSettings
from skerry.images.words import Source

NEAR = "http://near.example/debian"
NEAR_SECURITY = "http://near.example/debian-security"
BOOKWORM = [
    AptSource("http://third.example/tools", "bookworm", ("main",)),
    AptSource(NEAR, "bookworm", ("main", "contrib")),
    AptSource(NEAR, "bookworm-updates", ("main",)),
    AptSource(NEAR_SECURITY, "bookworm-security", ("main",)),
]
TRIXIE = Source("debian", "trixie")


def test_one_line_sources_are_read() -> None:
    text = (
        "# a comment\n"
        "deb http://a.example/debian/ trixie main contrib # more\n"
        "deb [arch=amd64 signed-by=/x.gpg] https://b.example/d trixie-updates main\n"
        "deb-src http://a.example/debian trixie main\n"
        "# deb http://c.example/debian sid main\n"
    )

    assert list(parse_one_line(text)) == [
        AptSource("http://a.example/debian", "trixie", ("main", "contrib")),
        AptSource("https://b.example/d", "trixie-updates", ("main",)),
    ]


def test_deb822_sources_are_read() -> None:
    text = (
        "Types: deb deb-src\nURIs: http://a.example/debian/\n# a comment\nSuites: trixie\n trixie-updates\n"
        "Components: main\n contrib\nSigned-By:\n -----BEGIN\n .\n -----END\n"
        "\n\nEnabled: no\nTypes: deb\nURIs: http://b.example\nSuites: trixie\nComponents: main\n"
        "\nTypes: deb-src\nURIs: http://c.example\nSuites: trixie\nComponents: main\n"
    )

    assert list(parse_deb822(text)) == [
        AptSource("http://a.example/debian", "trixie", ("main", "contrib")),
        AptSource("http://a.example/debian", "trixie-updates", ("main", "contrib")),
    ]


def test_all_files_of_the_machine_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (folder.parent / "sources.list").write_text("deb http://a.example/debian trixie main\n")
    (folder / "b.list").write_text("deb http://b.example/debian trixie main\n")
    (folder / "c.sources").write_text("Types: deb\nURIs: http://c.example\nSuites: trixie\nComponents: main\n")
    (folder / "d.save").write_text("deb http://d.example/debian trixie main\n")

    assert [each.uri for each in machine_sources(tmp_path)] == [
        "http://a.example/debian",
        "http://b.example/debian",
        "http://c.example",
    ]


def test_a_machine_without_apt_has_no_sources(tmp_path: Path) -> None:
    assert machine_sources(tmp_path) == []
    assert machine_release(tmp_path) == ("", "")


def test_the_release_is_read_with_or_without_quotes(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('NAME="Debian GNU/Linux"\nID=debian\nVERSION_CODENAME="trixie"\n')

    assert machine_release(tmp_path) == ("debian", "trixie")


def test_a_debian_machine_uses_its_own_mirrors_for_any_suite() -> None:
    found = find_mirrors("debian", release=("debian", "bookworm"), sources=BOOKWORM, chosen=Mirrors())

    assert found == Mirrors(NEAR, NEAR_SECURITY)


def test_settings_win() -> None:
    chosen = BuildSettings(debian_mirror="http://mine.example/debian").mirrors("debian")

    found = find_mirrors("debian", release=("debian", "bookworm"), sources=BOOKWORM, chosen=chosen)

    assert found == Mirrors("http://mine.example/debian", None)


@pytest.mark.parametrize("release", [("ubuntu", "noble"), ("fedora", ""), ("debian", ""), ("", "")])
def test_other_machines_leave_it_to_mmdebstrap(release: tuple[str, str]) -> None:
    found = find_mirrors("debian", release=release, sources=BOOKWORM, chosen=Mirrors())

    assert found.main is None
    assert deb_lines(TRIXIE, found) == []


def test_sources_that_do_not_work_in_a_build_are_passed_over() -> None:
    sources = [
        AptSource("cdrom:[Debian]", "bookworm", ("main",)),
        AptSource("mirror+file:/etc/apt/mirrors/debian.list", "bookworm", ("main",)),
    ]

    assert find_mirrors("debian", release=("debian", "bookworm"), sources=sources, chosen=Mirrors()) == Mirrors()


def test_a_release_comes_with_updates_and_security() -> None:
    assert deb_lines(
        TRIXIE, Mirrors(NEAR, NEAR_SECURITY), [Source("debian", "trixie-backports", ("main", "x"))]
    ) == [
        f"deb {NEAR} trixie main",
        f"deb {NEAR} trixie-updates main",
        f"deb {NEAR_SECURITY} trixie-security main",
        f"deb {NEAR} trixie-backports main x",
    ]


def test_a_suite_that_moves_has_no_updates() -> None:
    assert deb_lines(Source("debian", "sid"), Mirrors(NEAR, NEAR_SECURITY)) == [f"deb {NEAR} sid main"]
