"""From rules to what goes: one running set, in order, deleted once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.images.contents.roots import tree
from tests.unit.images.minimize.written import parse_rules

from skerry.images.contents.packages import Installed, Package
from skerry.images.contents.tree import Entry, Tree, parent_of
from skerry.images.minimize.rules import Rule
from skerry.images.minimize.selection import STANDARD, Removal, plan_removal, select, won

NOTHING = Installed()


def remove(text: str, root: Tree, installed: Installed = NOTHING) -> Removal:
    return plan_removal(select(parse_rules(text, "f"), root, installed), root)


B = ("doc/b", "doc/b/x", "doc/b/x/y")
DOCS = tree("usr/share/doc/a/copyright", "usr/share/doc/a/readme", "usr/share/doc/b/x/y", "usr/share/man/a.1")


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        ("drop /usr/share/doc/a", {"doc/a", "doc/a/copyright", "doc/a/readme"}),
        ("drop /usr/share/doc/a/*", {"doc/a", "doc/a/copyright", "doc/a/readme"}),
        (
            "drop /usr/share/doc\nkeep /usr/share/doc/*/copyright",
            {"doc/a/readme", "doc/b", "doc/b/x", "doc/b/x/y"},
        ),
        ("drop /usr/share/doc/b\nkeep /usr/share/doc\ndrop /usr/share/doc/b/x", {"doc/b/x", "doc/b/x/y"}),
        ("keep /usr/share/doc\ndrop /usr/share/doc/a/readme", {"doc/a/readme"}),
        ("drop /usr/share/doc/b/x/y", {"doc/b/x", "doc/b/x/y"}),
        ("drop usr/share/man", {"man", "man/a.1"}),
        ("drop /nothing*", set()),
    ],
    ids=lambda value: value.replace("\n", ", ") if isinstance(value, str) else "",
)
def test_the_set_grows_and_shrinks_in_order(rules: str, gone: set[str]) -> None:
    assert set(remove(rules, DOCS).paths) == {f"usr/share/{path}" for path in gone}


def test_what_is_in_a_folder_goes_before_the_folder() -> None:
    paths = remove("drop /usr/share/doc", DOCS).paths

    assert paths.index("usr/share/doc/a/readme") < paths.index("usr/share/doc/a") < paths.index("usr/share/doc")


def test_a_folder_that_was_kept_is_not_pruned_when_it_becomes_empty() -> None:
    root = tree("var/cache/x/file")

    assert remove("keep /var/cache/x\ndrop /var/cache/x/*", root).paths == ("var/cache/x/file",)
    assert remove("drop /var/cache/x/*", root).paths == ("var/cache/x/file", "var/cache/x")


def test_an_empty_folder_inside_of_what_is_kept_stays() -> None:
    root = tree("a/empty/", "a/file")

    assert remove("drop /a\nkeep /a/empty", root).paths == ("a/file",)


@pytest.mark.parametrize("folder", ["tmp", "var/tmp", "boot", "usr/share"])
def test_a_folder_of_the_standard_is_only_deleted_by_its_own_name(folder: str) -> None:
    root = tree(f"{folder}/file")

    assert remove(f"drop /{folder}/*", root).paths == (f"{folder}/file",)
    assert folder in remove(f"drop /{folder}", root).paths


def test_a_link_is_itself_and_not_what_it_points_at() -> None:
    root = tree("usr/lib/x", "etc/passwd", lib="usr/lib", usr__away="../../../etc")

    assert remove("drop /lib", root).paths == ("lib",)
    assert remove("drop /lib/x", root).paths == ("usr/lib/x",)
    assert remove("drop /usr/away", root).paths == ("usr/away",)
    assert remove("drop /usr/away/*", root).paths == ("etc/passwd",)


def test_dropping_everything_is_possible_by_its_own_name() -> None:
    assert set(remove("drop /", DOCS).paths) == set(DOCS)


# ---- packages


def deb(name: str, *files: str) -> Package:
    return Package("deb", name, "1", "amd64", files=files)


PERL = deb("perl", "usr/bin/perl", "usr/share/doc", "usr/share/doc/perl", "usr/share/doc/perl/x", "etc/both")
NANO = deb("nano", "usr/bin/nano", "usr/share/doc", "usr/share/doc/nano", "usr/share/doc/nano/x", "etc/both")
PACKAGES = Installed((NANO, PERL))
ROOT = tree("usr/bin/perl", "usr/bin/nano", "usr/share/doc/perl/x", "usr/share/doc/nano/x", "etc/both")


def test_a_package_goes_with_what_is_its_own() -> None:
    removal = remove("dropdeb na*", ROOT, PACKAGES)

    assert removal.packages == (NANO,)
    assert set(removal.paths) == {"usr/bin/nano", "usr/share/doc/nano", "usr/share/doc/nano/x"}


def test_what_two_packages_share_goes_with_the_last_of_them() -> None:
    assert "etc/both" in remove("dropdeb nano\ndropdeb perl", ROOT, PACKAGES).paths
    assert "etc/both" not in remove("dropdeb *\nkeepdeb perl", ROOT, PACKAGES).paths


def test_a_package_that_is_kept_again_keeps_its_files_but_not_those_that_were_dropped_by_name() -> None:
    removal = remove("drop /usr/share/doc\ndropdeb *\nkeepdeb perl", ROOT, PACKAGES)

    assert removal.packages == (NANO,)
    assert "usr/bin/perl" not in removal.paths
    assert "usr/share/doc/perl/x" in removal.paths


def test_a_file_that_is_kept_outlives_its_package() -> None:
    removal = remove("dropdeb nano\nkeep /usr/share/doc/nano", ROOT, PACKAGES)

    assert removal.held == ("usr/share/doc/nano/x",)
    assert set(removal.paths) == {"usr/bin/nano"}


def test_the_words_of_one_family_do_not_touch_the_other() -> None:
    assert remove("droprpm *", ROOT, PACKAGES).packages == ()


# ---- what it wins


def test_bytes_are_won_by_the_rule_that_brought_a_name_in_first() -> None:
    rules = parse_rules("drop /a/*\ndrop /a", "f")
    root = Tree({"a/x": Entry("file", 1), "a/y": Entry("file", 5000)})

    assert won(plan_removal(select(rules, root, NOTHING), root), root, 2) == [4096 + 8192, 4096]


def test_a_file_with_two_names_is_won_with_the_last_of_them() -> None:
    root = Tree({"a": Entry("file", 1, inode=7), "b": Entry("file", 1, inode=7)})

    def of(text: str) -> list[int]:
        rules = parse_rules(text, "f")
        return won(plan_removal(select(rules, root, NOTHING), root), root, len(rules))

    assert of("drop /a") == [0]
    assert sum(of("drop /a\ndrop /b")) == 4096


# ---- properties

names = st.sampled_from(["a", "b", "c", "tmp"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


def files_and_folders(found: list[str]) -> Tree:
    return tree(*(f"{path}/f" for path in found), *(f"{path}/" for path in found))


trees = st.lists(paths, max_size=12).map(files_and_folders)
patterns = st.lists(st.sampled_from(["a", "b", "*", "tmp", "f", "**"]), min_size=1, max_size=4).map("/".join)
rule_lists = st.lists(st.builds(Rule, st.sampled_from(["drop", "keep"]), patterns, st.just("f:1")), max_size=6)


@given(trees, rule_lists)
def test_nothing_goes_that_no_rule_met_or_that_is_still_full(root: Tree, rules: list[Rule]) -> None:
    selection = select(rules, root, NOTHING)
    removal = plan_removal(selection, root)
    gone = set(removal.paths)

    for path in gone:
        assert path in selection.chosen or (
            root.is_folder(path) and set(root.children(path)) & selection.chosen.keys()
        )
        assert set(root.children(path)) <= gone
        assert path not in selection.kept


@given(trees, rule_lists)
def test_every_file_that_is_in_the_set_goes(root: Tree, rules: list[Rule]) -> None:
    selection = select(rules, root, NOTHING)

    files = {path for path in selection.chosen if not root.is_folder(path)}
    assert files <= set(plan_removal(selection, root).paths)


@given(trees, rule_lists, patterns)
def test_a_last_keep_keeps_all_that_it_meets(root: Tree, rules: list[Rule], pattern: str) -> None:
    removal = plan_removal(select([*rules, Rule("keep", pattern, "f:9")], root, NOTHING), root)

    for path in root.glob(pattern):
        assert not set(root.below(path)) & set(removal.paths)


@given(trees, rule_lists, patterns)
def test_drop_and_keep_of_the_same_leave_no_new_file_gone(root: Tree, rules: list[Rule], pattern: str) -> None:
    before = select(rules, root, NOTHING)
    after = select([*rules, Rule("drop", pattern, "f:8"), Rule("keep", pattern, "f:9")], root, NOTHING)

    assert after.chosen.keys() <= before.chosen.keys()


@given(trees, rule_lists)
def test_a_second_run_finds_no_more_files(root: Tree, rules: list[Rule]) -> None:
    gone = set(plan_removal(select(rules, root, NOTHING), root).paths)
    rest = root.without(gone)

    again = plan_removal(select(rules, rest, NOTHING), rest).paths
    assert all(rest.is_folder(path) for path in again)


@given(trees, rule_lists)
def test_the_order_lets_every_folder_be_empty_in_its_turn(root: Tree, rules: list[Rule]) -> None:
    there = set(root)
    for path in plan_removal(select(rules, root, NOTHING), root).paths:
        assert not any(parent_of(other) == path for other in there)
        there.remove(path)


@given(trees, rule_lists)
def test_folders_of_the_standard_go_only_by_name(root: Tree, rules: list[Rule]) -> None:
    selection = select(rules, root, NOTHING)

    for path in plan_removal(selection, root).paths:
        assert path not in STANDARD or path in selection.chosen


@given(trees, rule_lists)
def test_all_bytes_are_won_by_somebody(root: Tree, rules: list[Rule]) -> None:
    removal = plan_removal(select(rules, root, NOTHING), root)

    assert sum(won(removal, root, len(rules))) == sum(root[path].disk_size for path in removal.paths)
