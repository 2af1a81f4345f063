"""`skerry guest-os run`."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fixtures.little_definition import write_definition

from skerry.cli.main import main

MIB = 1024**2


@pytest.fixture
def definitions(tmp_path: Path) -> str:
    write_definition(tmp_path / "os")
    return str(tmp_path / "os")


def run(*words: str) -> int:
    return main(["guest-os", "run", *words])


def test_a_disk_is_made_and_installed(definitions: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    disk = tmp_path / "web1.raw"
    words = ("--instance", "web1.example.org", "--disk", f"{disk}:16M", "--os-param", "words=well done")

    assert run("little+calm", "create", "--path", definitions, *words) == 0

    content = disk.read_bytes()
    assert len(content) == 16 * MIB
    assert content[4096:].startswith(b"installed web1.example.org well done")
    assert "installing web1.example.org as little+calm" in capfd.readouterr().err


def test_a_disk_that_was_made_goes_with_a_failure(definitions: str, tmp_path: Path) -> None:
    disk = tmp_path / "web1.raw"

    assert run("little+calm", "create", "--path", definitions, "--disk", f"{disk}:16M", "--os-param", "words=bad")

    assert not disk.exists()


def test_one_that_is_asked_to_end_leaves_neither_disk_nor_processes(tmp_path: Path) -> None:
    folder, disk = tmp_path / "os", tmp_path / "web1.raw"
    create = "#!/bin/sh\necho here $$\nsleep 4325 &\nexec sleep 4325\n"
    write_definition(folder, create=create)
    words = ["little+calm", "create", "--path", str(folder), "--disk", f"{disk}:16M"]
    skerry = Path(sys.executable).with_name("skerry")
    with subprocess.Popen([skerry, "guest-os", "run", *words], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        said, pid = process.stderr.readline().split()
        assert (said, disk.exists()) == ("here", True)

        process.send_signal(signal.SIGTERM)
        process.stderr.read()

    assert process.returncode == 143
    assert not disk.exists()
    assert not Path("/proc", pid).exists()


def test_a_disk_that_was_there_stays(definitions: str, tmp_path: Path) -> None:
    disk = tmp_path / "web1.raw"
    disk.write_bytes(bytes(MIB))

    assert run("little+calm", "create", "--path", definitions, "--disk", str(disk), "--os-param", "words=bad")

    assert disk.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("little+calm", "destroy"), "no script of a definition"),
        (("little+calm", "create"), "the instance has no disk 0"),
        (("little", "create", "--disk", "/dev/null"), "one must be named"),
        (("little+calm", "create", "--disk", "nowhere/disk"), "there is no disk"),
    ],
)
def test_wrong_words_are_told(
    definitions: str, words: tuple[str, ...], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, "--path", definitions) == 2
    assert told in capfd.readouterr().err


@pytest.mark.parametrize("other", ["with another create", "alone"])
def test_what_ganeti_would_run_in_a_helper_machine_is_not_run_here(
    definitions: str, tmp_path: Path, other: str, capfd: pytest.CaptureFixture[str]
) -> None:
    create = Path(definitions) / "little/create"
    untrusted = create.with_name("create_untrusted")
    if other == "alone":
        create.rename(untrusted)
    else:
        untrusted.write_text("#!/bin/sh\n")
        untrusted.chmod(0o755)
    disk = tmp_path / "web1.raw"

    assert run("little+calm", "create", "--path", definitions, "--disk", f"{disk}:16M") == 2

    assert "create_untrusted), which is not run here" in capfd.readouterr().err
    assert not disk.exists()
