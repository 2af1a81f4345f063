"""What dpkg's and RPM's databases say of a root's packages."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import pytest
from tests.unit.images.contents.roots import link, root

from skerry.images.contents.dpkg import installed_debs, list_without, sums_without
from skerry.images.contents.packages import Installed, Package, dependents
from skerry.images.contents.rpmdb import NotADatabase, installed_rpms, signature_text

STATUS = """\
Package: bash
Status: install ok installed
Architecture: amd64
Source: bash-source (1:5.2-1)
Version: 1:5.2-1+b3
Pre-Depends: libc6 (>= 2.41)
Depends: base-files (>= 2), debianutils | busybox
Provides: sh-like
Maintainer: Somebody <somebody@example.org>
Description: a shell
 with a long description

Package: half
Status: install ok half-configured
Version: 1

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-1
"""


def debs(**lists: str) -> Installed:
    files = {"var/lib/dpkg/status": STATUS, "usr/bin/bash": "", "usr/lib/libc.so.6": "", "lib": link("usr/lib")}
    return installed_debs(root(files | {f"var/lib/dpkg/info/{name}.list": text for name, text in lists.items()}))


def test_installed_packages_are_read_and_half_installed_ones_are_not() -> None:
    bash, libc = debs()

    assert (bash.name, bash.version, bash.architecture) == ("bash", "1:5.2-1+b3", "amd64")
    assert bash.source == "bash-source_5.2-1.dsc"
    assert bash.summary == "a shell"
    assert bash.requires == (("libc6",), ("base-files",), ("debianutils", "busybox"))
    assert libc.source == "libc6_2.41-1.dsc"


def test_files_have_the_paths_that_they_really_have() -> None:
    installed = debs(bash="/.\n/usr\n/usr/bin/bash\n/usr/share/gone\n", libc6="/lib/libc.so.6\n")

    assert [package.files for package in installed] == [("usr", "usr/bin/bash"), ("usr/lib/libc.so.6",)]
    assert [package.name for package in installed.owners("usr/lib/libc.so.6")] == ["libc6"]


def test_lists_lose_only_what_is_gone() -> None:
    assert list_without("/a\n/a/b\n", {"/a/b"}) == "/a\n"
    assert sums_without(f"{'0' * 32}  a/b\n{'1' * 32}  a/c\n", {"/a/b"}) == f"{'1' * 32}  a/c\n"


def deb(name: str, *requires: tuple[str, ...], provides: tuple[str, ...] = ()) -> Package:
    return Package("deb", name, "1", "all", requires=requires, provides=provides)


def test_who_needs_a_package_is_told_unless_another_would_do() -> None:
    packages = deb("a", ("b",), ("mail",), ("c", "d")), deb("b", provides=("mail",)), deb("c"), deb("d")

    found = dependents(Installed(packages))

    assert {name: [(who.name, word) for who, word in needs] for name, needs in found.items()} == {
        "b-1.all": [("a", "b"), ("a", "mail")]
    }


# ---- RPM


def header(**tags: tuple[int, int, list[bytes]]) -> bytes:
    """A header of strings and numbers: tag, type, values as bytes."""
    store, index = b"", b""
    for tag, kind, values in tags.values():
        index += struct.pack(">IIII", tag, kind, len(store), len(values) if kind != 7 else len(values[0]))
        store += b"".join(values)
    return struct.pack(">II", len(tags), len(store)) + index + store


def text(value: str) -> list[bytes]:
    return [value.encode() + b"\0"]


def v3_signature() -> bytes:
    body = bytes([3, 5, 0]) + struct.pack(">I", 1_600_000_000) + bytes.fromhex("0123456789abcdef") + bytes([1, 8])
    return bytes([0x89]) + struct.pack(">H", len(body)) + body


def bash_header() -> bytes:
    def numbers(*values: int) -> list[bytes]:
        return [struct.pack(">I", value) for value in values]

    return header(
        name=(1000, 6, text("bash")),
        version=(1001, 6, text("5.2")),
        release=(1002, 6, text("1.fc42")),
        epoch=(1003, 4, numbers(2)),
        license=(1014, 6, text("GPL-3.0-or-later")),
        arch=(1022, 6, text("x86_64")),
        source=(1044, 6, text("bash-5.2-1.fc42.src.rpm")),
        provides=(1047, 8, text("bash") + text("/bin/sh")),
        flags=(1048, 4, numbers(1 << 24, 0)),
        requires=(1049, 8, text("rpmlib(X)") + text("libc.so.6")),
        indexes=(1116, 4, numbers(0, 1)),
        names=(1117, 8, text("bash") + text("README")),
        folders=(1118, 8, text("/bin/") + text("/usr/share/doc/")),
        signed=(268, 7, [v3_signature()]),
    )


def database(folder: Path, *headers: bytes) -> bytes:
    path = folder / "rpmdb.sqlite"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        made.executemany("INSERT INTO Packages (blob) VALUES (?)", [(each,) for each in headers])
    made.close()
    return path.read_bytes()


def test_an_rpm_is_read_from_its_header(tmp_path: Path) -> None:
    files = {"bin": link("usr/bin"), "usr/bin/bash": "", "usr/share/x": ""}
    place = "usr/lib/sysimage/rpm/rpmdb.sqlite"

    (package,) = installed_rpms(root(files | {place: database(tmp_path, bash_header())}))

    assert package.full_name == "bash-5.2-1.fc42.x86_64"
    assert package.epoch == "2"
    assert package.source == "bash-5.2-1.fc42.src.rpm"
    assert package.license == "GPL-3.0-or-later"
    assert package.files == ("usr/bin/bash",)
    assert package.requires == (("libc.so.6",),)
    assert package.signature == "RSA/SHA256, Sun Sep 13 12:26:40 2020, Key ID 0123456789abcdef"


@pytest.mark.parametrize("blob", [b"", b"\0" * 7, struct.pack(">II", 9, 9), header(n=(1000, 6, [b"no end"]))])
def test_a_damaged_database_is_an_error_that_names_it(tmp_path: Path, blob: bytes) -> None:
    damaged = root({"var/lib/rpm/rpmdb.sqlite": database(tmp_path, blob)})

    with pytest.raises(NotADatabase, match=r"/var/lib/rpm/rpmdb\.sqlite"):
        installed_rpms(damaged)


def test_a_file_that_is_no_database_is_an_error() -> None:
    with pytest.raises(NotADatabase):
        installed_rpms(root({"var/lib/rpm/rpmdb.sqlite": "nothing of the kind" * 100}))


def test_a_signature_that_cannot_be_read_says_so() -> None:
    assert signature_text(b"\x89\x01") == "(unreadable signature)"
