"""Roots of Debian and Ubuntu: the command, its hooks, its output. Integration tests run mmdebstrap itself."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from skerry.errors import CommandFailed, NoSpace
from skerry.images.installers.deb import (
    DebInstaller,
    Follow,
    detail_of,
    explain,
    install_argv,
    installed_packages,
    keep_packages,
    link_packages,
    local_indexes,
    path_filters,
    trim_packages,
)
from skerry.images.lock import InstalledPackage, Lock, LockedPackage, differences
from skerry.images.recipe import BadRecipe, Packages
from skerry.images.session import alone_argv
from skerry.images.words import Meaning, Source
from skerry.progress import Collected

MEANING = Meaning(Source("debian", "trixie"), Packages(names=("bash", "apt"), core=False), ())


def argv(meaning: Meaning, lines: tuple[str, ...] = ()) -> list[str]:
    return [str(word) for word in install_argv(DebInstaller(meaning, lines, "mmdebstrap 1"), Path("/w/tree"))]


def test_a_guest_of_the_older_pcs_needs_no_program_that_tries_them() -> None:
    words = install_argv(DebInstaller(MEANING, (), "1", architecture="i386"), Path("/w/tree"))

    assert "--architectures=i386" in words
    assert "--skip=check/qemu" in words
    assert "--skip=check/qemu" not in argv(MEANING)


def test_the_command_names_packages_suite_and_sources() -> None:
    words = argv(MEANING, ("deb http://m.example/debian trixie main",))

    assert words[0] == "mmdebstrap"
    assert {"--mode=root", "--variant=essential", "--include=bash,apt"} <= set(words)
    assert words[-3:] == ["trixie", "/w/tree", "deb http://m.example/debian trixie main"]


def test_the_usual_small_system_is_the_default() -> None:
    words = argv(replace(MEANING, packages=Packages()))

    assert "--variant=important" in words
    assert not [word for word in words if word.startswith("--include")]
    assert '--aptopt=APT::Install-Recommends "true"' in words


def test_root_and_plain_users_run_the_same_command_and_it_goes_with_us() -> None:
    assert alone_argv(0)[:4] == ["setpriv", "--pdeathsig", "KILL", "unshare"]
    assert "--kill-child" in alone_argv(0)
    assert "--user" not in alone_argv(0)
    assert "--map-auto" in alone_argv(1000)


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


def test_with_a_lock_apt_sees_its_packages_only_and_the_image_keeps_the_sources_of_the_lock() -> None:
    line = "deb [trusted=yes] copy:/w/locked trixie main"
    words = install_argv(
        DebInstaller(MEANING, ("deb http://m.example/debian trixie main",), "1"), Path("/w/tree"), locked=line
    )

    assert words[-1] == line
    assert "--customize-hook=upload sources.list /etc/apt/sources.list" in words


def test_links_and_initial_ram_disk_of_a_kernel_are_made_when_all_packages_are_there(tmp_path: Path) -> None:
    root, programs, log = tmp_path / "root", tmp_path / "bin", tmp_path / "log"
    for name in ("boot/vmlinuz-6.12", "boot/vmlinuz-6.1", "boot/initrd.img-6.1", "usr/bin/linux-update-symlinks"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch(mode=0o755)
    (root / "etc/kernel/postinst.d").mkdir(parents=True)
    (root / "etc/kernel/postinst.d/initramfs-tools").touch(mode=0o755)
    programs.mkdir()
    (programs / "chroot").write_text(f'#!/bin/sh\necho "${{INITRD-unset}} $*" >> {log}\n')
    (programs / "chroot").chmod(0o755)
    words = install_argv(DebInstaller(MEANING, (), "1"), Path("/w/tree"))
    hook = next(str(word) for word in words if "/boot/vmlinuz-" in str(word)).removeprefix("--customize-hook=")

    environment = {"PATH": f"{programs}:/usr/bin:/bin", "INITRD": "No"}
    subprocess.run(["sh", "-c", hook, "sh", root], env=environment, check=True)

    assert log.read_text().splitlines() == [
        f"unset {root} /usr/bin/linux-update-symlinks install 6.12 /boot/vmlinuz-6.12",
        f"unset {root} /etc/kernel/postinst.d/initramfs-tools 6.12 /boot/vmlinuz-6.12",
    ]


STATUS = """\
Package: bash
Status: install ok installed
Architecture: amd64
Version: 1:5.2-1
Description: shell
 Package: not a field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def test_what_is_installed_is_told_with_the_hash_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "bash_1%3a5.2-1_amd64.deb").write_bytes(b"")

    (bash,) = installed_packages(STATUS, tmp_path)

    assert (bash.name, bash.version, bash.architecture) == ("bash", "1:5.2-1", "amd64")
    assert bash.sha256.startswith("e3b0c44298fc1c14")


def test_a_lock_that_does_not_hold_names_every_package() -> None:
    lock = Lock(1, (LockedPackage("a", "1", "all"), LockedPackage("b", "1", "all")))

    assert differences(lock, [InstalledPackage("b", "2", "all"), InstalledPackage("c", "1", "all")]) == [
        "a: missing",
        "b: 2 instead of 1",
        "c: not in the lock",
    ]


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
I: creating tarball...
I: success in 20.0 seconds
"""


def follow(text: str) -> tuple[Follow, Collected]:
    seen = Collected()
    follow = Follow(seen)
    for line in text.splitlines():
        follow.line(line)
    return follow, seen


def test_progress_only_grows() -> None:
    _, seen = follow(OUTPUT)
    fractions = [fraction for fraction in seen.fractions if fraction is not None]

    assert fractions == sorted(fractions)
    assert fractions[0] < 0.06
    assert fractions[12] == pytest.approx(0.9)  # all packages are set up
    assert fractions[-1] > 0.9


def test_every_line_goes_to_the_log() -> None:
    assert follow(OUTPUT)[1].lines == OUTPUT.splitlines()


def test_details_are_news_not_commands() -> None:
    assert detail_of("Setting up bash (5.2) ...") == "Setting up bash"
    assert detail_of("I: creating tarball...") == "creating tarball"
    assert detail_of("I: running special hook: upload unwanted /etc/x") == ""
    assert detail_of("anything else") == ""


def failed(message: str) -> CommandFailed:
    return CommandFailed(f"mmdebstrap ended with status 25: {message}")


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
    error = explain(failed(words), MEANING, tmp_path)

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
    folder = tmp_path / "debian-trixie"
    folder.mkdir()
    for number in range(3):
        file = folder / f"{number}.deb"
        file.write_bytes(bytes(100))
        os.utime(file, (number, number))

    trim_packages(tmp_path, 250)

    assert sorted(each.name for each in folder.iterdir()) == ["1.deb", "2.deb"]


def test_what_another_build_trims_meanwhile_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "gone.deb").symlink_to("nowhere")  # listed, and not there when it is looked at

    trim_packages(tmp_path, 0)


def test_a_repository_on_this_machine_is_another_one_when_its_packages_change(tmp_path: Path) -> None:
    release = tmp_path / "dists/trixie/Release"
    release.parent.mkdir(parents=True)
    lines = (f"deb [trusted=yes] copy:{tmp_path} trixie main", "deb http://m.example/debian trixie main")
    keys = []
    for text in ("one", "other"):
        release.write_text(text)
        keys.append(local_indexes(lines))

    assert [len(each) for each in keys] == [1, 1]
    assert keys[0] != keys[1]
    assert "indexes" not in DebInstaller(MEANING, lines[1:], "1").inputs
