"""Our own definition, as `skerry guest-os install` writes it."""

import stat
from pathlib import Path

import pytest

from skerry.errors import BadInput, Unavailable
from skerry.guestos.check import check
from skerry.guestos.install import (
    VARIANTS,
    Folders,
    Write,
    apply,
    folders_of,
    look_at,
    plan_install,
    shown,
    variant_files,
)
from skerry.guestos.parameters import BY_OS_PARAMETER
from skerry.guestos.search import find
from skerry.guestos.settings import Places

PROGRAM = Path("/opt/skerry/bin/skerry")
SCRIPTS = ("create", "import", "export", "rename", "verify")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return folders_of(tmp_path / "opt", os_dir=tmp_path / "srv/ganeti/os")


def installed(folders: Folders) -> Path:
    apply(plan_install(folders, PROGRAM, found=variant_files(folders.places)))
    return folders.os_dir / "skerry"


def text_of(folders: Folders, name: str, program: Path = PROGRAM) -> str:
    actions = plan_install(folders, program)
    return next(each.content for each in actions if isinstance(each, Write) and each.path.name == name)


@pytest.mark.parametrize(
    ("given", "os_dir", "places"),
    [
        ({}, "/usr/share/ganeti/os", Places(Path("/etc"), Path("/var"))),
        ({"os_dir": Path("/srv/ganeti/os")}, "/srv/ganeti/os", Places(Path("/etc"), Path("/var"))),
        (
            {"prefix": Path("/usr/local")},
            "/usr/local/share/ganeti/os",
            Places(Path("/usr/local/etc"), Path("/usr/local/var")),
        ),
        (
            {"prefix": Path("/opt/g"), "sysconfdir": Path("/etc"), "localstatedir": Path("/var")},
            "/opt/g/share/ganeti/os",
            Places(Path("/etc"), Path("/var")),
        ),
    ],
    ids=["nothing", "ganeti from source", "another prefix", "the old manual's words"],
)
def test_folders_follow_from_the_options_of_configure(given: dict[str, Path], os_dir: str, places: Places) -> None:
    assert folders_of(**given) == Folders(Path(os_dir), places)


def test_a_folder_must_be_absolute() -> None:
    with pytest.raises(BadInput, match=r"etc is not an absolute path"):
        folders_of(sysconfdir=Path("etc"))


def test_ganeti_takes_what_is_installed(folders: Folders) -> None:
    installed(folders)

    checked = look_at(folders)

    assert (checked.usable, checked.problems) == (True, ())
    assert checked.definition
    assert checked.definition.api_versions == (20, 15, 10)
    assert checked.definition.variants == tuple(VARIANTS)
    assert find("skerry+trixie", [folders.os_dir]).name == "skerry+trixie"


@pytest.mark.parametrize("version", ["20", "15", "10"])
def test_ganeti_takes_it_with_each_version_alone(version: str, folders: Folders) -> None:
    path = installed(folders)
    (path / "ganeti_api_version").write_text(f"{version}\n")

    assert check(path).valid


def test_every_os_parameter_is_listed_with_its_help_and_no_line_is_blank(folders: Folders) -> None:
    lines = text_of(folders, "parameters.list").splitlines()

    assert [line.split(" ", 1)[0] for line in lines] == list(BY_OS_PARAMETER)
    assert all(len(line.split(None, 1)) == 2 for line in lines)


def test_every_variant_has_a_file(folders: Folders) -> None:
    installed(folders)

    assert set(variant_files(folders.places)) == {f"{name}.conf" for name in VARIANTS}


def test_variants_of_the_node_are_listed_after_ours_when_installed_again(folders: Folders) -> None:
    path = installed(folders)
    for name in ("web.conf", "a.conf", "web.conf~", "no conf.conf", "#x.conf"):
        (folders.places.variants_dir / name).write_text("")

    installed(folders)

    assert (path / "variants.list").read_text().split() == [*VARIANTS, "a", "web"]


def test_what_a_person_changed_stays(folders: Folders) -> None:
    path = installed(folders)
    changed = folders.places.variants_dir / "trixie.conf"
    changed.write_text("SUITE=sid\n")
    (path / "create").write_text("")

    installed(folders)

    assert changed.read_text() == "SUITE=sid\n"
    assert (path / "create").read_text().startswith("#!/bin/sh\n")


def test_a_strict_umask_makes_no_difference(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    before = os.umask(0o077)
    try:
        path = installed(folders)
    finally:
        os.umask(before)

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.iterdir()}
    assert {modes[name] for name in SCRIPTS} == {0o755}
    assert {modes[name] for name in ("ganeti_api_version", "variants.list", "parameters.list")} == {0o644}
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(folders.os_dir.stat().st_mode) == 0o755
    assert stat.S_IMODE(folders.places.cache_dir.stat().st_mode) == 0o700


def test_a_script_calls_skerry_by_its_path_and_tells_it_where_things_are(folders: Folders) -> None:
    places = folders.places

    script = text_of(folders, "rename")

    assert f"program={PROGRAM}\n" in script
    assert (
        f'exec "$program" guest-os rename --sysconfdir {places.sysconfdir} --localstatedir {places.localstatedir} '
        '"$@" </dev/null\n'
    ) in script


def test_only_import_reads_standard_input(folders: Folders) -> None:
    silent = [
        name
        for name in ("create", "import", "export", "rename", "verify")
        if "</dev/null" in text_of(folders, name)
    ]

    assert silent == ["create", "export", "rename", "verify"]


def test_paths_with_blanks_and_quotes_are_one_word(tmp_path: Path) -> None:
    folders = folders_of(tmp_path, sysconfdir=Path("/a b/it's"))

    script = text_of(folders, "create", Path("/opt/my skerry"))

    assert "program='/opt/my skerry'\n" in script
    assert """--sysconfdir '/a b/it'"'"'s'""" in script


def test_no_settings_file_is_installed(folders: Folders) -> None:
    installed(folders)

    assert folders.places.settings_file.parent.is_dir()
    assert not folders.places.settings_file.exists()


def test_what_is_printed_names_every_file_with_its_content(folders: Folders) -> None:
    actions = plan_install(folders, PROGRAM)

    text = shown(actions)

    assert all(str(each.path) in text for each in actions)
    assert f"    program={PROGRAM}\n" in text


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "usr").write_text("")

    with pytest.raises(Unavailable, match="cannot be written"):
        installed(folders_of(tmp_path / "usr"))
