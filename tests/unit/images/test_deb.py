"""Roots of Debian and Ubuntu: the command, its hooks, its output. Integration tests run mmdebstrap itself."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from skerry.commands import Secret
from skerry.errors import CommandFailed, NoSpace
from skerry.images.installers.deb import (
    DebRoot,
    Follow,
    InstallStep,
    ScriptFailed,
    detail_of,
    explain,
    install_argv,
    keep_packages,
    link_packages,
    mode_of,
    path_filters,
    script_hook,
    settings_script,
    trim_packages,
    unwanted,
    write_inputs,
)
from skerry.images.recipe import BadRecipe, Packages, Place, Script
from skerry.images.words import Meaning, Source
from skerry.progress import Collected

POST = Script(
    "%post", b"echo \xff\n", "/bin/sh", chroot=True, error_on_fail=True, log=None, place=Place(Path("/r.ks"), 7)
)
MEANING = Meaning(Source("debian", "trixie"), Packages(names=("bash", "apt"), core=False), (POST,))


def argv(meaning: Meaning, lines: tuple[str, ...] = (), mode: str = "root") -> list[str]:
    steps = [InstallStep("script-0", "/bin/sh", error_on_fail=True, log=None, script=None)]
    return [str(word) for word in install_argv(DebRoot(meaning, lines), "root.tar", steps, mode=mode)]


def test_the_command_names_packages_suite_and_sources() -> None:
    words = argv(MEANING, ("deb http://m.example/debian trixie main",))

    assert words[0] == "mmdebstrap"
    assert {"--mode=root", "--variant=essential", "--include=bash,apt"} <= set(words)
    assert words[-3:] == ["trixie", "root.tar", "deb http://m.example/debian trixie main"]


def test_the_usual_small_system_is_the_default() -> None:
    words = argv(replace(MEANING, packages=Packages()))

    assert "--variant=important" in words
    assert not [word for word in words if word.startswith("--include")]
    assert '--aptopt=APT::Install-Recommends "true"' in words


def test_only_root_needs_no_namespace() -> None:
    assert (mode_of(0), mode_of(1000)) == ("root", "unshare")


def test_packages_are_kept_before_scripts_run() -> None:
    hooks = [word for word in argv(MEANING) if word.startswith("--customize-hook=")]

    assert hooks[0].startswith("--customize-hook=sync-out")
    assert "script-0" in hooks[1]


def test_licences_stay_without_docs() -> None:
    filters = path_filters(Packages(docs=False))

    assert filters.index("path-exclude=/usr/share/doc/*") < filters.index(
        "path-include=/usr/share/doc/*/copyright"
    )
    assert path_filters(Packages()) == []


def test_only_wanted_languages_come_in() -> None:
    filters = path_filters(Packages(languages=("de",)))

    assert "path-exclude=/usr/share/locale/*" in filters
    assert "path-include=/usr/share/locale/de*" in filters


def test_unwanted_packages_are_pinned_away() -> None:
    assert unwanted(Packages(excluded=("nano",))) == "Package: nano\nPin: version *\nPin-Priority: -1\n\n"


def test_scripts_are_written_to_the_byte(tmp_path: Path) -> None:
    steps = write_inputs(MEANING, tmp_path)

    assert [step.file for step in steps] == ["script-0", "script-1"]
    assert (tmp_path / "script-1").read_bytes() == POST.body


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the new root, and a `chroot` that enters it by name only."""
    programs = tmp_path / "programs"
    programs.mkdir()
    chroot = programs / "chroot"
    chroot.write_text(
        '#!/bin/sh\ncd "$1"; shift\nwhile case $1 in env|-*|*=*) true;; *) false;; esac; do shift; done\n'
        'interpreter=$1; shift\nexec "$interpreter" ".$@"\n'
    )
    chroot.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (tmp_path / "root/tmp").mkdir(parents=True)
    return tmp_path / "root"


def run_hook(root: Path, body: str, *, error_on_fail: bool, interpreter: str = "/bin/sh") -> tuple[int, list[str]]:
    (root / "tmp/script-1").write_text(body)
    step = InstallStep("script-1", interpreter, error_on_fail=error_on_fail, log=None, script=POST)
    hook = script_hook(1, step, mode="unshare")
    result = subprocess.run(["sh", "-c", hook, "exec", root], capture_output=True, text=True, check=False)
    return result.returncode, result.stdout.splitlines()


def test_a_hook_runs_the_script_and_removes_it(root: Path) -> None:
    assert run_hook(root, "echo here", error_on_fail=True) == (
        0,
        ["skerry-script 1 begins", "here", "skerry-script 1 ended 0"],
    )
    assert list((root / "tmp").iterdir()) == []


def test_a_failure_ends_the_build_only_with_erroronfail(root: Path) -> None:
    assert run_hook(root, "exit 3", error_on_fail=True)[0] == 3
    assert run_hook(root, "exit 3", error_on_fail=False) == (
        0,
        ["skerry-script 1 begins", "skerry-script 1 ended 3"],
    )


def test_the_interpreter_is_the_recipes(root: Path) -> None:
    assert run_hook(root, "print(6 * 7)", error_on_fail=True, interpreter="/usr/bin/python3")[1][1] == "42"


def check_syntax(script: bytes) -> None:
    subprocess.run(["sh", "-n"], input=script, check=True)


def test_the_words_become_a_script() -> None:
    meaning = replace(
        MEANING,
        hostname="web1",
        timezone="Europe/Berlin",
        dhcp=True,
        enabled=("ssh",),
        disabled=("a.timer",),
        root_password=Secret("$6$a$b"),
    )

    script = settings_script(meaning)

    check_syntax(script)
    text = script.decode()
    assert "echo web1 > /etc/hostname" in text
    assert "systemctl enable ssh" in text
    assert "systemctl disable a.timer" in text
    assert "'$6$a$b'" in text
    assert "DHCP=yes" in text


def test_root_is_locked_unless_the_recipe_says_otherwise() -> None:
    assert b"passwd --lock root" in settings_script(MEANING)


OUTPUT = """\
I: running apt-get update...
I: downloading packages with apt...
2 upgraded, 40 newly installed, 0 to remove
Get:1 http://m.example/debian trixie/main amd64 bash
I: extracting archives...
I: installing essential packages...
Setting up bash (5.2)
I: installing remaining packages inside the chroot...
0 upgraded, 2 newly installed, 0 to remove
Unpacking less (668-1) ...
Unpacking zstd (1.5) ...
Setting up less (668-1) ...
Setting up zstd (1.5) ...
skerry-script 0 begins
skerry-script 0 ended 0
skerry-script 1 begins
hello
skerry-script 1 ended 0
I: creating tarball...
I: success in 20.0 seconds
"""


def follow(text: str) -> tuple[Follow, Collected]:
    seen = Collected()
    follow = Follow(seen, 2)
    for line in text.splitlines():
        follow.line(line)
    return follow, seen


def test_progress_only_grows() -> None:
    _, seen = follow(OUTPUT)
    fractions = [fraction for fraction in seen.fractions if fraction is not None]

    assert fractions == sorted(fractions)
    assert fractions[0] < 0.06
    assert fractions[12] == pytest.approx(0.8)  # all packages are set up
    assert fractions[-1] > 0.9


def test_every_line_goes_to_the_log() -> None:
    assert follow(OUTPUT)[1].lines == OUTPUT.splitlines()


def test_details_are_news_not_commands() -> None:
    assert detail_of("Setting up bash (5.2) ...") == "Setting up bash"
    assert detail_of("I: creating tarball...") == "creating tarball"
    assert detail_of("I: running special hook: upload script-0 /tmp/script-0") == ""
    assert detail_of("anything else") == ""


def failed(message: str) -> CommandFailed:
    return CommandFailed(f"mmdebstrap ended with status 25: {message}")


def test_a_failed_script_names_recipe_line_and_last_words(tmp_path: Path) -> None:
    followed, _ = follow(
        "skerry-script 1 begins\nmkdir: cannot create\nskerry-script 1 ended 4\nE: setup failed\n"
    )

    error = explain(failed("E: setup failed"), followed, MEANING, tmp_path)

    assert isinstance(error, ScriptFailed)
    assert error.message == "%post at /r.ks:7 failed with status 4: mkdir: cannot create"


def test_a_word_that_cannot_be_carried_out_is_the_recipes_mistake(tmp_path: Path) -> None:
    followed, _ = follow("skerry-script 0 begins\nsystemctl: no such unit\nskerry-script 0 ended 1\n")

    error = explain(failed("E: setup failed"), followed, MEANING, tmp_path)

    assert isinstance(error, BadRecipe)
    assert "no such unit" in error.message


def test_a_script_that_may_fail_is_told_and_not_blamed(tmp_path: Path) -> None:
    followed, seen = follow("skerry-script 1 begins\nskerry-script 1 ended 4\nI: creating tarball...\n")

    assert any("status 4" in line for line in seen.lines)
    assert not isinstance(explain(failed("tar: broken"), followed, MEANING, tmp_path), ScriptFailed)


@pytest.mark.parametrize(
    ("words", "kind", "part"),
    [
        ("tar: root.tar: Cannot write: No space left on device", NoSpace, "SKERRY_IMAGE_CACHE"),
        ("E: IO Error saving source cache", NoSpace, "SKERRY_IMAGE_CACHE"),
        ("E: Unable to locate package nosuch", BadRecipe, "%packages"),
        ("E: newuidmap: not found", CommandFailed, "uidmap"),
        (
            "E: Failed to fetch http://m.example/x  Could not resolve 'm.example'",
            CommandFailed,
            "SKERRY_DEBIAN_MIRROR",
        ),
    ],
)
def test_failures_say_what_to_do(tmp_path: Path, words: str, kind: type[Exception], part: str) -> None:
    error = explain(failed(words), follow("")[0], MEANING, tmp_path)

    assert isinstance(error, kind)
    assert part in (error.hint or "")


def test_kept_packages_are_linked_and_taken_over(tmp_path: Path) -> None:
    archive, first, out = tmp_path / "packages", tmp_path / "in", tmp_path / "out"
    out.mkdir()
    (out / "a_1_all.deb").write_bytes(b"a")
    (out / "lock").touch()
    archive.mkdir()

    keep_packages(out, archive)
    link_packages(archive, first)

    assert [each.name for each in first.iterdir()] == ["a_1_all.deb"]
    assert (first / "a_1_all.deb").stat().st_nlink == 2


def test_the_archive_is_bounded_and_drops_the_oldest(tmp_path: Path) -> None:
    for number in range(3):
        file = tmp_path / f"{number}.deb"
        file.write_bytes(bytes(100))
        os.utime(file, (number, number))

    trim_packages(tmp_path, 250)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["1.deb", "2.deb"]
