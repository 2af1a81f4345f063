"""The tree of a root: links are followed as inside of it, patterns are a shell's, names are shown as one line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.images.contents.roots import tree

from skerry.images.contents.tree import Entry, Tree, shown


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/lib/x", "usr/lib/x"),
        ("lib/../etc/passwd", "usr/etc/passwd"),
        ("../../etc/passwd", "etc/passwd"),
        ("up/etc/passwd", "etc/passwd"),
        ("away/passwd", "etc/passwd"),
        ("loop/x", None),
        ("missing/x", None),
        ("etc/passwd/x", None),
        ("", ""),
    ],
)
def test_a_path_is_followed_as_a_process_inside_sees_it(path: str, leads_to: str | None) -> None:
    links = {"lib": "usr/lib", "up": "../../..", "away": "/etc", "loop": "loop"}
    root = tree("usr/lib/x", "usr/etc/passwd", "etc/passwd", **links)

    assert root.resolve(path) == leads_to


def test_a_link_at_the_end_is_followed_only_when_asked() -> None:
    root = tree("usr/bin/dash", usr__bin__sh="dash")

    assert root.resolve("usr/bin/sh") == "usr/bin/dash"
    assert root.resolve("usr/bin/sh", follow=False) == "usr/bin/sh"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/usr/share/*", ["usr/share/a", "usr/share/b"]),
        ("/usr/share/.*", ["usr/share/.c"]),
        ("/usr/share/[ab]/x", ["usr/share/a/x"]),
        ("/usr/?hare/a", ["usr/share/a"]),
        ("/share/a", ["usr/share/a"]),
        ("/share", ["share"]),
        ("/share/", ["usr/share"]),
        ("/share/**/x", ["usr/share/a/x", "usr/share/b/d/x"]),
        ("/usr/*/missing", []),
        ("usr/share/a/../b/*", ["usr/share/b/d"]),
        ("/../../usr/share/a/x", ["usr/share/a/x"]),
        ("/usr/share/a/x/", []),
        ("/A*", []),
    ],
)
def test_a_pattern_names_what_a_shell_would_name(pattern: str, found: list[str]) -> None:
    root = tree("usr/share/a/x", "usr/share/b/d/x", "usr/share/.c", share="usr/share")

    assert root.glob(pattern) == found


def test_a_pattern_through_a_link_out_of_the_root_stays_inside() -> None:
    root = tree("etc/passwd", out="/../../../../etc")

    assert root.glob("/out/*") == ["etc/passwd"]


def test_folders_that_nobody_listed_are_there() -> None:
    assert list(tree("a/b/c")) == ["a", "a/b", "a/b/c"]


def path_shown(text: str) -> str:
    """The path that a line shows, as whoever reads a manifest finds it."""
    if not text.startswith("\\/"):
        return text.removeprefix("/")
    return re.sub(rb"\\(\\|[0-7]{3})", _unescaped, text[2:].encode()).decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    word = match.group(1)
    return word if word == b"\\" else bytes([int(word, 8) & 0xFF])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("etc/passwd", "/etc/passwd"),
        ("a\\x2d.slice", "/a\\x2d.slice"),
        ("bad\nname", "\\/bad\\012name"),
        ("tab\t\\", "\\/tab\\011\\\\"),
        ("byte\udcff", "\\/byte\\377"),
        ("größe", "/größe"),
        ("", "/"),
    ],
)
def test_a_name_is_shown_in_one_line(path: str, line: str) -> None:
    assert shown(path) == line
    assert path_shown(line) == path


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name and not name.startswith(b"/")))
def test_every_name_is_one_line_of_utf_8_and_comes_back(name: bytes) -> None:
    path = name.decode("utf-8", "surrogateescape")
    line = shown(path)

    assert len(line.splitlines()) == 1
    assert path_shown(line.encode().decode()) == path


names = st.text(alphabet="ab.*[]", min_size=1, max_size=4).filter(lambda name: name not in {".", ".."})
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
targets = st.lists(st.sampled_from(["a", "b", "..", ".", "", "aa"]), min_size=1, max_size=5).map("/".join)


@given(st.dictionaries(paths, targets, max_size=8), st.lists(paths, max_size=8), targets)
def test_whatever_links_say_a_path_leads_to_a_name_of_the_tree(
    links: dict[str, str], files: list[str], path: str
) -> None:
    entries = {each: Entry("link", target=target) for each, target in links.items()}
    root = Tree(entries | {f"{each}/f": Entry("file") for each in files if each not in entries})

    found = root.resolve(path)

    assert found is None or found in root
    assert found is None or root[found].kind != "link"


@given(st.lists(paths, max_size=8), paths)
def test_a_pattern_finds_only_names_of_the_tree(files: list[str], pattern: str) -> None:
    root = Tree({each: Entry("file") for each in files})

    assert all(each in root for each in root.glob(pattern))
