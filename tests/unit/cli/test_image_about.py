"""`skerry image sizes` and `skerry image diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skerry.cli.main import main
from skerry.images.manifest.files import NAME, FileRecord, write_records

FOLDERS = {"/": 20480, "/usr": 16384, "/a/b/c/d": 1}


def manifests(folder: Path, version: str, *paths: str) -> Path:
    folder.mkdir()
    package = {"name": "bash", "version": version, "architecture": "amd64", "license": "MIT", "size": 8192}
    (folder / "packages.json").write_text(json.dumps([package]))
    sizes = {
        "name": "aos",
        "total": 12288 + 4096 * len(paths),
        "folders": {"/": 20480, "/usr": 16384, "/a/b/c/d": 1},
    }
    (folder / "sizes.json").write_text(json.dumps(sizes))
    write_records(folder / NAME, [FileRecord(path, "file", "0644", 0, 0, 10, "00", None) for path in paths])
    return folder


def test_sizes_are_told_per_package_and_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = manifests(tmp_path / "a", "5.2")

    assert main(["image", "sizes", str(folder)]) == 0
    told = capsys.readouterr().out

    assert "8 KiB  bash 5.2" in told
    assert "16 KiB  /usr" in told
    assert "/a/b/c/d" not in told


def test_sizes_as_json_have_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = manifests(tmp_path / "a", "5.2")

    assert main(["image", "sizes", str(folder), "--depth", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert (told["total"], told["unowned"]) == (12288, 4096)
    assert told["packages"] == [{"name": "bash", "version": "5.2", "size": 8192}]
    assert {"path": "/a/b/c/d", "size": 1} in told["folders"]


def test_a_difference_is_told_in_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = manifests(tmp_path / "a", "5.2", "/same", "/gone")
    new = manifests(tmp_path / "b", "5.3", "/same", "/new", "/other")

    assert main(["image", "diff", str(old), str(new)]) == 0
    told = capsys.readouterr().out

    assert "bash     5.2  5.3" in told
    assert "- /gone -10 B\n" in told
    assert "+ /new +10 B\n" in told
    assert "/same" not in told
    assert told.endswith("2 added, 1 removed, 0 changed files\n+4 KiB in all\n")


def test_images_that_are_the_same_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = manifests(tmp_path / "a", "5.2")

    assert main(["image", "diff", str(folder), str(folder)]) == 0
    assert capsys.readouterr().err == "no difference\n"

    assert main(["image", "diff", str(folder), str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packages"] == []


def test_an_image_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["image", "sizes", str(tmp_path / "none.qcow2")]) == 3
    assert "there is no image" in capsys.readouterr().err


def test_manifests_that_are_broken_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = manifests(tmp_path / "a", "5.2")
    (folder / "sizes.json").write_text("[]")

    assert main(["image", "sizes", str(folder)]) == 2
    assert "cannot be read" in capsys.readouterr().err
