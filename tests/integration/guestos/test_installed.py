"""Our definition as it is installed, called as Ganeti calls it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from skerry.guestos.environment import core_environment
from skerry.guestos.install import apply, folders_of, plan_install

SKERRY = Path(sys.executable).parent / "skerry"


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    folders = folders_of(tmp_path / "usr", sysconfdir=tmp_path / "etc", localstatedir=tmp_path / "var")
    apply(plan_install(folders, SKERRY))
    return folders.os_dir / "skerry"


def run(definition: Path, *argv: str, parameters: Mapping[str, str] | None = None) -> tuple[int, str]:
    """With Ganeti's environment and no other, its umask, in its folder, with nothing at standard input."""
    environ = core_environment("skerry+trixie", api_version=20, variant="trixie", parameters=parameters or {})
    read, write = os.pipe()
    os.close(write)
    try:
        done = subprocess.run(
            argv,
            cwd=definition,
            env=environ,
            stdin=read,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            umask=0o077,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(read)
    return done.returncode, done.stdout


def test_good_parameters_pass_without_a_word(definition: Path) -> None:
    assert run(definition, "./verify", "parameters", parameters={"filesystem": "xfs"}) == (0, "")


def test_wrong_parameters_and_settings_are_named(definition: Path, tmp_path: Path) -> None:
    file = tmp_path / "etc/default/ganeti-instance-debootstrap"
    file.write_text("PARTITION_STYLE=mbr\n")

    status, said = run(definition, "./verify", "parameters", parameters={"filesystem": "zfs"})

    assert status != 0
    assert f"{file}:1: PARTITION_STYLE='mbr'" in said
    assert "OS parameter: filesystem='zfs'" in said


def test_help_is_usage(definition: Path) -> None:
    status, said = run(definition, "./verify", "-h")

    assert status == 0
    assert said.startswith("Usage: skerry guest-os verify")


def test_a_skerry_that_went_away_is_told(definition: Path) -> None:
    script = definition / "create"
    script.write_text(script.read_text().replace(str(SKERRY), "/opt/gone/skerry"))

    status, said = run(definition, "./create")

    assert status == 1
    assert "/opt/gone/skerry is not there any more" in said
