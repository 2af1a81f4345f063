"""`skerry guest-os` about definitions: list, show, check, install."""

import json
from pathlib import Path

import pytest
from tests.unit.guestos.definitions import BROKEN, GOOD, INVALID, Case, Folder, text

from skerry.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Case("", GOOD, name="good").make(tmp_path)
    Case("", BROKEN, {"parameters.list": text("a One\n\n")}, name="crashes").make(tmp_path)
    Case("", INVALID, {"create": Folder()}, name="wrong").make(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    status = main(["guest-os", *map(str, argv)])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_list_tells_what_can_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "list", "--path", folder)

    assert status == 0
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["crashes", "broken", "20"],
        ["good", "valid", "20"],
        ["wrong", "invalid", "-"],
    ]


def test_a_definition_behind_another_of_its_name_is_hidden(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Case("", GOOD, name="good").make(tmp_path / "later")

    _, out, _ = said(capsys, "list", "--json", "--path", folder, "--path", tmp_path / "later")

    states = [(each["name"], each["state"]) for each in json.loads(out) if each["name"] == "good"]
    assert states == [("good", "valid"), ("good", "hidden")]


def test_where_nothing_is_the_next_step_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = said(capsys, "list", "--path", tmp_path / "none")

    assert (status, out) == (0, "")
    assert "skerry guest-os install" in err


@pytest.mark.parametrize("name", ["good", "good+trixie"])
def test_a_definition_shows_its_variants_and_parameters(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = said(capsys, "show", name, "--path", folder)

    assert "default, trixie" in out
    assert "filesystem  The type of the root file system" in out


@pytest.mark.parametrize("name", ["good+sid", "goood", "wrong"])
def test_what_cannot_be_shown_is_an_error_with_a_hint(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = said(capsys, "show", name, "--path", folder)

    assert status != 0
    assert "hint: " in err


def test_a_check_explains_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = said(capsys, "check", "--path", folder)

    assert status != 0
    assert "  broken: parameters.list:2 the line is blank\n    the diagnosis passes" in out
    assert "  invalid: create is not a plain file\n" in out
    assert "2 of 3 cannot be used: crashes, wrong" in err


def test_a_check_of_good_ones_succeeds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_name = said(capsys, "check", "good", "--path", folder)
    by_folder = said(capsys, "check", f"{folder}/good")

    assert by_name == by_folder == (0, f"{folder}/good: valid\n", "")


def test_names_of_hostile_folders_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a\x1b[2Jb").mkdir()

    _, out, err = said(capsys, "check", "--path", tmp_path)

    assert "\x1b" not in out + err


def test_an_installation_can_be_looked_at_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "install", "--prefix", tmp_path / "usr", "--print")

    assert status == 0
    assert f"file {tmp_path}/usr/share/ganeti/os/skerry/create (755)" in out
    assert list(tmp_path.iterdir()) == []


def test_programs_can_look_at_an_installation_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "install", "--prefix", tmp_path / "usr", "--print", "--json")

    files = {Path(each["path"]).name: each for each in json.loads(out) if each["kind"] == "file"}
    assert files["create"]["mode"] == "0755"
    assert (files["variants.list"]["stays"], files["trixie.conf"]["stays"]) == (False, True)
    assert files["trixie.conf"]["content"].endswith("SUITE=trixie\n")


def test_an_installation_names_its_files_and_passes_its_own_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os_dir = tmp_path / "os"

    status, out, err = said(capsys, "install", "--prefix", tmp_path / "usr", "--with-os-dir", os_dir)

    assert status == 0
    assert f"{os_dir}/skerry/parameters.list" in out.splitlines()
    assert f"note: Ganeti does not look in {os_dir}" in err
    assert said(capsys, "check", "skerry", "--path", os_dir)[0] == 0


def test_a_program_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = said(capsys, "install", "--prefix", tmp_path, "--program", tmp_path / "skerry")

    assert status == 2
    assert "--program" in err
