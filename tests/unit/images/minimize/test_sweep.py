"""Deleting in a real folder: only what was chosen, and never through a link."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.images.minimize.written import parse_rules

from skerry.images.contents.folder import FolderFiles, opened_root
from skerry.images.minimize import survey as survey_program
from skerry.images.minimize import sweep
from skerry.images.minimize.survey import survey


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def run(root: Path, rules: str) -> dict[str, Any]:
    """Survey and sweep, as a build does."""
    with opened_root(root) as handle:
        plan = survey(FolderFiles(handle), parse_rules(rules, "f"), needs=True)
        plan = json.loads(json.dumps(plan))
        sweep.delete(handle, plan["paths"])
        sweep.correct_lists(handle, plan["files_of"])
    return plan


def names_in(root: Path) -> list[str]:
    found = [os.path.join(folder, name) for folder, _, names in os.walk(os.fsencode(root)) for name in names]  # noqa: PTH118
    return sorted(os.fsdecode(os.path.relpath(name, os.fsencode(root))) for name in found)


def test_what_the_rules_say_is_gone_and_the_rest_is_as_it_was(root: Path) -> None:
    put(root, "usr/share/doc/a/copyright", "usr/share/doc/a/readme", "usr/share/man/a.1")

    run(root, "drop /usr/share/doc\nkeep /usr/share/doc/*/copyright\ndrop /usr/share/man")

    assert names_in(root) == ["usr/share/doc/a/copyright"]
    assert not (root / "usr/share/man").exists()


@pytest.mark.parametrize(
    "rules", ["drop /out", "drop /out/*", "drop /out/", "drop /usr/../../outside", "drop /*/secret", "drop /"]
)
def test_nothing_outside_of_the_root_is_touched(root: Path, rules: str) -> None:
    outside = root.parent / "outside"
    put(root.parent, "outside/secret")
    put(root, "usr/file")
    (root / "out").symlink_to(outside)
    (root / "usr/up").symlink_to("../../outside/secret")

    run(root, rules)

    assert (outside / "secret").read_text() == "outside/secret"


def test_a_folder_that_became_a_link_after_the_survey_is_not_followed(root: Path) -> None:
    put(root.parent, "outside/secret")
    put(root, "folder/secret")
    with opened_root(root) as handle:
        plan = survey(FolderFiles(handle), parse_rules("drop /folder", "f"), needs=False)
        (root / "folder/secret").unlink()
        (root / "folder").rmdir()
        (root / "folder").symlink_to(root.parent / "outside")

        sweep.delete(handle, plan["paths"])

    assert (root.parent / "outside/secret").exists()
    assert not (root / "folder").is_symlink()


def test_names_of_all_kinds_and_bytes_are_deleted(root: Path) -> None:
    names = [b"line\nbreak", b"quote\"'", b"byte\xff", b"-rf", b" blank ", "größe".encode()]
    (root / "odd").mkdir()
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(root / "odd"), name))).write_bytes(b"x")  # noqa: PTH118
    os.mkfifo(root / "odd/pipe")
    (root / "odd/link").symlink_to("/etc/passwd")
    os.link(root / "odd/-rf", root / "other")

    run(root, "drop /odd")

    assert names_in(root) == ["other"]


def test_a_folder_in_which_something_new_appeared_stays(root: Path) -> None:
    put(root, "a/x")
    with opened_root(root) as handle:
        plan = survey(FolderFiles(handle), parse_rules("drop /a", "f"), needs=False)
        put(root, "a/new")

        assert sweep.delete(handle, plan["paths"]) == (1, ["a"])

    assert names_in(root) == ["a/new"]


def test_paths_longer_than_the_kernel_takes_at_once_are_reached(root: Path) -> None:
    name = "n" * 200
    with opened_root(root) as handle:
        here = os.dup(handle)
        for _ in range(30):
            os.mkdir(name, dir_fd=here)
            below = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)

    run(root, f"drop /{name}")

    assert list(root.iterdir()) == []


def test_dpkgs_own_lists_stay_true(root: Path) -> None:
    put(root, "usr/share/doc/bash/copyright", "usr/share/man/bash.1", "usr/bin/bash")
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(
        "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"
    )
    (info / "bash.list").write_text("/.\n/usr\n/usr/bin\n/usr/bin/bash\n/usr/share/man\n/usr/share/man/bash.1\n")
    (info / "bash.md5sums").write_text(f"{'0' * 32}  usr/bin/bash\n{'1' * 32}  usr/share/man/bash.1\n")
    os.utime(info / "bash.list", (1, 1))

    run(root, "drop /usr/share/man")

    assert (info / "bash.list").read_text() == "/.\n/usr\n/usr/bin\n/usr/bin/bash\n"
    assert (info / "bash.md5sums").read_text() == f"{'0' * 32}  usr/bin/bash\n"
    assert (info / "bash.list").stat().st_mtime == 1


def test_files_that_are_kept_come_back_after_their_package_took_them_away(root: Path) -> None:
    put(root, "usr/share/doc/nano/copyright", "usr/share/doc/nano/readme", "usr/bin/nano")
    (root / "usr/share/doc/nano").chmod(0o711)
    held = [
        {
            "path": "usr/share/doc/nano/copyright",
            "folders": [
                (path, 0o711 if path.endswith("nano") else 0o755, os.geteuid(), os.getegid())
                for path in ("usr", "usr/share", "usr/share/doc", "usr/share/doc/nano")
            ],
        }
    ]
    with opened_root(root) as handle:
        sweep.hold(handle, held)
        sweep.delete(handle, ["usr/share/doc/nano/copyright", "usr/share/doc/nano/readme", "usr/share/doc/nano"])
        sweep.bring_back(handle, held)

    assert names_in(root) == ["usr/bin/nano", "usr/share/doc/nano/copyright"]
    assert (root / "usr/share/doc/nano").stat().st_mode & 0o777 == 0o711


def call(program: Any, argv: Sequence[str], told: object, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(told)))
    status: int = program.main(argv)
    return status


def test_both_programs_talk_json(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, "a/x", "b")

    assert call(survey_program, [str(root)], {"rules": [["drop", "/a", "f:1"]], "needs": True}, monkeypatch) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["rules"] == [{"rule": "drop /a", "place": "f:1", "matched": 2, "won": 8192}]
    assert names_in(root) == ["a/x", "b"]

    assert call(sweep, [str(root), "delete"], plan, monkeypatch) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": 2, "left": []}
    assert names_in(root) == ["b"]
