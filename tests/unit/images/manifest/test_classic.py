"""The seven classic manifests, line for line."""

from __future__ import annotations

import bz2
from pathlib import Path

from tests.unit.images.contents.roots import Made, folder, hard_link, link, root

from skerry.images.contents.packages import Installed, Package
from skerry.images.contents.tree import Entry, Tree
from skerry.images.manifest.classic import (
    deps_lines,
    license_lines,
    owns_lines,
    rpm_lines,
    srpm_lines,
    usage,
    usage_line,
    write_classic,
)

BASH = Package("rpm", "bash", "5.2", "x86_64", release="1", source="bash-5.2-1.src.rpm", signature="RSA, Key ID 1")
GLIBC = Package(
    "rpm", "glibc", "2.41", "x86_64", release="3", source="glibc-2.41-3.src.rpm", provides=("libc.so.6",)
)
LANG = Package("rpm", "glibc-lang", "2.41", "noarch", release="3", source="glibc-2.41-3.src.rpm")


def test_packages_are_named_with_version_release_architecture_and_signature() -> None:
    assert rpm_lines(Installed((GLIBC, BASH))) == [
        "bash-5.2-1.x86_64 (RSA, Key ID 1)",
        "glibc-2.41-3.x86_64 (none)",
    ]


def test_debian_packages_stand_in_the_same_lines() -> None:
    bash = Package("deb", "bash", "1:5.2-1+b3", "amd64", source="bash_5.2-1.dsc")

    assert rpm_lines(Installed((bash,))) == ["bash-1:5.2-1+b3.amd64 (none)"]
    assert srpm_lines(Installed((bash,))) == ["bash_5.2-1.dsc"]


def test_source_packages_stand_once() -> None:
    assert srpm_lines(Installed((BASH, LANG, GLIBC))) == ["bash-5.2-1.src.rpm", "glibc-2.41-3.src.rpm"]


def test_licences_stand_once_and_in_one_line() -> None:
    assert license_lines({BASH: ["GPLv3+", "MIT"], GLIBC: ["MIT", "LGPLv2+\nand more"]}) == [
        "GPLv3+",
        "LGPLv2+ and more",
        "MIT",
    ]


def test_who_needs_a_package_is_told_as_rpm_tells_it() -> None:
    bash = Package("rpm", "bash", "5.2", "x86_64", release="1", requires=(("libc.so.6",),))

    assert deps_lines(Installed((bash, GLIBC))) == [
        "error: Failed dependencies:",
        "\tlibc.so.6 is needed by (installed) bash-5.2-1.x86_64",
    ]


def test_every_path_has_a_line_with_its_owner_below() -> None:
    package = Package("rpm", "a", "1", "noarch", release="1", files=("usr", "usr/x"))
    tree = root({"usr/x": "", "usr/mine\nown": ""}).tree

    assert list(owns_lines(tree, Installed((package,)))) == [
        *("/", "Not owned by any package."),
        *("/usr", "a-1-1.noarch"),
        *("\\/usr/mine\\012own", "Not owned by any package."),
        *("/usr/x", "a-1-1.noarch"),
    ]


def test_sizes_are_told_as_du_tells_them() -> None:
    names: dict[str, str | bytes | Made] = {
        "a/big": "x" * 5000,
        "a/empty": "",
        "a/first": hard_link("12", 7),
        "b/second": hard_link("12", 7),
        "b/link": link("../a/big"),
        "c": folder(),
    }

    assert [usage_line(*each) for each in usage(root(names).tree)] == [
        "8\t/a/big",
        "0\t/a/empty",
        "4\t/a/first",
        "16\t/a",
        "0\t/b/link",
        "0\t/b/second",
        "4\t/b",
        "4\t/c",
        "28\t/",
    ]


def test_what_package_managers_keep_is_left_out() -> None:
    tree = root({"var/cache/dnf/x": "x", "var/cache/apt/archives/x.deb": "x", "var/cache/y": "y"}).tree

    assert "var/cache/y" in dict(usage(tree))
    assert not [path for path, _ in usage(tree) if path.startswith(("var/cache/dnf", "var/cache/apt/archives"))]


def test_deep_trees_are_no_danger(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 4000)

    assert max(size for _, size in usage(Tree({deep: Entry("folder")}))) == 4096 * 4001


def test_all_seven_are_written_and_always_the_same(tmp_path: Path) -> None:
    tree = root({"usr/x": "x", "bad\nname\udcff": "y"}).tree
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_classic(tmp_path / name, tree, Installed((BASH,)), {BASH: ["MIT"]})
        written.append({file.name: file.read_bytes() for file in sorted((tmp_path / name).iterdir())})

    assert written[0] == written[1]
    assert sorted(written[0]) == [
        "manifest-deps.txt.bz2",
        "manifest-dir.txt.bz2",
        "manifest-file.txt.bz2",
        "manifest-license.txt",
        "manifest-owns.txt.bz2",
        "manifest-rpm.txt",
        "manifest-srpm.txt",
    ]
    assert bz2.decompress(written[0]["manifest-dir.txt.bz2"]) == b"8\t/usr\n16\t/\n"
    assert b"4\t\\/bad\\012name\\377\n" in bz2.decompress(written[0]["manifest-file.txt.bz2"])
