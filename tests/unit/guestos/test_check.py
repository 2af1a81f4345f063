"""Definitions are judged as Ganeti judges them, and each problem is explained."""

from pathlib import Path

import pytest
from tests.unit.guestos.definitions import BASE, BROKEN, CASES, GOOD, INVALID, Case, File, Folder, Link, put, text

from skerry.errors import BadDefinition, BadInput, NotFound
from skerry.guestos.check import Weight, check
from skerry.guestos.search import SEARCH_PATH, every, find, search_path

WEIGHTS = {GOOD: {Weight.REMARK}, BROKEN: {Weight.BROKEN}, INVALID: {Weight.INVALID, Weight.REMARK}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_definition_is_judged_as_ganeti_does(case: Case, tmp_path: Path) -> None:
    path = case.make(tmp_path)

    checked = check(path)

    told = [f"{each.where} {each.what}" for each in checked.problems]
    expected = [beginning.format(path=path) for beginning in case.told]
    assert [line[: len(start)] for line, start in zip(told, expected, strict=True)] == expected
    assert {each.weight for each in checked.problems} <= WEIGHTS[case.verdict]
    assert all(each.why for each in checked.problems)
    assert checked.valid is (case.verdict != INVALID)
    assert checked.usable is (case.verdict == GOOD)


def test_the_table_has_enough_of_each_kind() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 40
    assert all(sum(case.verdict == verdict for case in CASES) >= 5 for verdict in (GOOD, BROKEN, INVALID))


def test_what_a_definition_says_of_itself(tmp_path: Path) -> None:
    definition = check(Case("", GOOD, {"verify": Link("create")}).make(tmp_path)).definition

    assert definition
    assert (definition.api_versions, definition.api_version) == ((20, 15, 10), 20)
    assert definition.variants == ("default", "trixie")
    assert definition.parameters == (("filesystem", "The type of the root file system"), ("mirror", "Where from"))
    assert set(definition.scripts) == {"create", "import", "export", "rename", "verify"}
    assert definition.names() == ("debootstrap+default", "debootstrap+trixie")
    assert definition.trusted


def test_the_version_spoken_is_the_highest_that_both_know(tmp_path: Path) -> None:
    definition = check(Case("", GOOD, {"ganeti_api_version": text("25\n15\n5\n")}).make(tmp_path)).definition

    assert definition
    assert definition.api_version == 15


def test_a_file_is_no_definition(tmp_path: Path) -> None:
    put(tmp_path / "README", text("x"))

    assert [each.what for each in check(tmp_path / "README").problems] == ["is not a folder"]


def test_a_flood_is_not_read(tmp_path: Path) -> None:
    path = Case("", INVALID, {"parameters.list": text("a b\n" * 300_000)}).make(tmp_path)

    assert [each.what for each in check(path).problems] == ["is larger than 1 MiB"]


# ---- the search path


def two_folders(tmp_path: Path) -> list[Path]:
    return [tmp_path / "srv", tmp_path / "usr"]


def test_the_first_definition_of_a_name_wins_even_when_it_is_broken(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    Case("", INVALID, {"create": Folder()}).make(folders[0])
    Case("", GOOD).make(folders[1])

    assert [(checked.valid, wins) for checked, wins in every(folders)] == [(False, True), (True, False)]
    with pytest.raises(BadDefinition, match="create is not a plain file"):
        find("debootstrap+trixie", folders)


def test_files_and_hidden_folders_do_not_stand_in_the_way(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    folders[0].mkdir()
    put(folders[0] / "debootstrap", text("x"))
    put(folders[0] / ".hidden", Folder())
    Case("", GOOD).make(folders[1])

    assert [checked.path.parent.name for checked, _ in every(folders)] == ["srv", "usr"]
    assert find("debootstrap+trixie", folders).definition.path.parent == folders[1]


def test_folders_that_are_not_there_are_no_mistake(tmp_path: Path) -> None:
    assert list(every([tmp_path / "none"])) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("debootstrap", r"one must be named"),
        ("debootstrap+", r"one must be named"),
        ("debootstrap+trixi", r"no variant 'trixi'"),
        ("bare+trixie", r"has no variants"),
    ],
)
def test_variants_are_asked_for_as_ganeti_wants(name: str, words: str, tmp_path: Path) -> None:
    Case("", GOOD).make(tmp_path)
    Case("", GOOD, {"variants.list": text("")}, name="bare").make(tmp_path)

    with pytest.raises(BadInput, match=words):
        find(name, [tmp_path])


def test_an_administrator_can_force_a_variant(tmp_path: Path) -> None:
    Case("", GOOD).make(tmp_path)

    assert find("debootstrap+sid", [tmp_path], any_variant=True).name == "debootstrap+sid"
    assert find("debootstrap+trixie", [tmp_path]).name == "debootstrap+trixie"


@pytest.mark.parametrize("name", ["debotstrap+trixie", "../debootstrap", "", "deb.ootstrap"])
def test_an_unknown_definition_is_answered_with_the_nearest(name: str, tmp_path: Path) -> None:
    Case("", GOOD).make(tmp_path)

    with pytest.raises(NotFound) as caught:
        find(name, [tmp_path])

    assert caught.value.hint in {"did you mean debootstrap?", "`skerry guest-os list` lists what is there"}


def test_ganetis_own_modules_say_where_it_looks(tmp_path: Path) -> None:
    modules = tmp_path / "usr/share/ganeti/3.0/ganeti"
    modules.mkdir(parents=True)
    put(modules / "_constants.py", text('X = 1\nOS_SEARCH_PATH = ["/opt/os","/srv/ganeti/os"]\n'))

    assert search_path(tmp_path) == (Path("/opt/os"), Path("/srv/ganeti/os"))


@pytest.mark.parametrize("line", ["", "OS_SEARCH_PATH = [exit()]", "OS_SEARCH_PATH = ['relative', 3]"])
def test_where_they_say_nothing_debians_path_is_looked_at(line: str, tmp_path: Path) -> None:
    modules = tmp_path / "usr/share/ganeti/3.0/ganeti"
    modules.mkdir(parents=True)
    put(modules / "_constants.py", text(line))

    assert search_path(tmp_path) == SEARCH_PATH


def test_the_good_definition_is_made_of_plain_files() -> None:
    assert all(isinstance(entry, File) for entry in BASE.values())
