"""What is done to a root of Debian or Ubuntu when its packages are there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from skerry.images.installers.deb import DebInstaller, install_argv
from skerry.images.recipe import Packages
from skerry.images.words import Meaning, Source


def last_hook() -> str:
    installer = DebInstaller(Meaning(Source("debian", "trixie"), Packages(), ()), (), "mmdebstrap 1")
    words = [str(word) for word in install_argv(installer, Path("/w/tree"))]
    return next(word.partition("=")[2] for word in words if "hook" in word and "resolv.conf" in word)


def test_files_that_mmdebstrap_copies_have_neither_content_nor_mode_of_the_machine(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    for name in ("hostname", "resolv.conf"):
        (etc / name).write_text("of the machine\n")
        (etc / name).chmod(0o600)

    subprocess.run(["sh", "-ec", last_hook(), "sh", tmp_path], check=True)

    assert [(etc / name).stat().st_mode & 0o777 for name in ("hostname", "resolv.conf")] == [0o644, 0o644]
    assert (etc / "resolv.conf").read_text() == ""


def test_a_link_to_name_servers_stays_and_nothing_behind_it_is_touched(tmp_path: Path) -> None:
    etc, outside = tmp_path / "root/etc", tmp_path / "outside"
    etc.mkdir(parents=True)
    outside.write_text("x")
    outside.chmod(0o600)
    (etc / "resolv.conf").symlink_to(outside)

    subprocess.run(["sh", "-ec", last_hook(), "sh", tmp_path / "root"], check=True)

    assert (outside.read_text(), outside.stat().st_mode & 0o777) == ("x", 0o600)
