"""Changes to a guest's files, by debugfs and in a folder."""

import os
from pathlib import Path

import pytest

from skerry.errors import BadImage
from skerry.guestos.edits import Edit, apply_to_folder, debugfs_script


def test_a_file_is_written_with_owner_and_mode() -> None:
    script = debugfs_script([Edit("/etc/machine-id", b"x", 0o440, gid=42)], Path("/w"))

    assert script.splitlines() == [
        "mkdir /etc",
        "cd /",
        "cd /etc",
        "rm machine-id",
        'write "/w/0" machine-id',
        "sif machine-id mode 0100440",
        "sif machine-id uid 0",
        "sif machine-id gid 42",
    ]


def test_links_folders_and_removals() -> None:
    edits = [
        Edit("/etc/localtime", link="/usr/share/zoneinfo/Etc/UTC"),
        Edit("/root/.ssh", folder=True, mode=0o700),
        Edit("/etc/gone"),
    ]

    lines = debugfs_script(edits, Path("/w")).splitlines()

    assert 'symlink localtime "/usr/share/zoneinfo/Etc/UTC"' in lines
    assert "sif .ssh mode 040700" in lines
    assert lines[-3:] == ["cd /", "cd /etc", "rm gone"]


@pytest.mark.parametrize("path", ['/etc/a"b', "/etc/a b", "/etc/../../x", "etc/x", "/etc/a\nrm b", "/etc/$(x)"])
def test_a_path_that_a_program_could_read_otherwise_is_no_path(path: str) -> None:
    with pytest.raises(AssertionError):
        Edit(path, b"")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to root")


@needs_root
def test_a_folder_gets_files_links_and_folders(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/old").write_text("old")
    edits = [
        Edit("/etc/hostname", b"web1\n"),
        Edit("/var/lib/systemd/random-seed", b"12", 0o600),
        Edit("/etc/localtime", link="/usr/share/zoneinfo/UTC"),
        Edit("/root/.ssh", folder=True, mode=0o700),
        Edit("/etc/old"),
    ]

    apply_to_folder(edits, tmp_path)
    apply_to_folder(edits, tmp_path)  # as often as one likes

    assert (tmp_path / "etc/hostname").read_text() == "web1\n"
    assert (tmp_path / "var/lib/systemd/random-seed").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "root/.ssh").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/UTC")
    assert not (tmp_path / "etc/old").exists()


@needs_root
def test_a_link_in_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.write_text("ours")
    (root / "etc").mkdir(parents=True)
    (root / "etc/hostname").symlink_to(outside)

    apply_to_folder([Edit("/etc/hostname", b"guest\n")], root)

    assert outside.read_text() == "ours"
    assert not (root / "etc/hostname").is_symlink()


@needs_root
def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (root / "etc").symlink_to(outside)

    with pytest.raises(BadImage, match="etc"):
        apply_to_folder([Edit("/etc/hostname", b"guest\n")], root)

    assert list(outside.iterdir()) == []
