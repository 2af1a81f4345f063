"""Where the files of locked packages are, what apt is asked, and the repository that apt then sees."""

from __future__ import annotations

import hashlib
import io
import lzma
import tarfile
from pathlib import Path

import pytest

from skerry.commands import CommandRunner
from skerry.errors import BadImage, Unavailable
from skerry.images.installers.deb_repository import read_control, write_repository
from skerry.images.installers.deb_resolve import priorities_of, resolve_argv, resolved, wanted_packages
from skerry.images.lock import LockedPackage
from skerry.images.package_files import addresses, find_files, moved_on
from skerry.images.recipe import Packages

OLD = ("deb http://a.example/debian trixie main", "", "deb http://a.example/debian-security trixie-security main")
CONTROL = "Package: demo\nVersion: 1:2.0\nArchitecture: all\nPriority: optional\nDescription: a demo\n more\n"


def deb(control: str = CONTROL) -> bytes:
    """The least that is a package."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        member = tarfile.TarInfo("./control")
        member.size = len(control.encode())
        tar.addfile(member, io.BytesIO(control.encode()))
    members = {"debian-binary": b"2.0\n", "control.tar.xz": lzma.compress(inner.getvalue())}
    found = b"!<arch>\n"
    for name, data in members.items():
        found += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        found += data + b"\n" * (len(data) % 2)
    return found


def demo(content: bytes) -> LockedPackage:
    return LockedPackage("demo", "1:2.0", "all", hashlib.sha256(content).hexdigest())


def test_a_package_is_looked_for_at_this_machines_mirror_of_its_suite_and_then_where_it_was() -> None:
    new = ("deb http://b.example/d trixie main", "deb http://b.example/s trixie-security main")
    url = "http://a.example/debian-security/pool/updates/main/x/x_1_all.deb"

    assert addresses(url, OLD, new) == ["http://b.example/s/pool/updates/main/x/x_1_all.deb", url]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", []),
        ("http://c.example/x_1_all.deb", ["http://c.example/x_1_all.deb"]),
        ("http://a.example/debian/x_1_all.deb", ["http://a.example/debian/x_1_all.deb"]),
    ],
    ids=["unknown", "of no source", "the same mirror"],
)
def test_addresses_are_not_invented(url: str, found: list[str]) -> None:
    assert addresses(url, OLD, OLD) == found


def test_a_file_counts_by_its_hash_and_not_by_its_name(tmp_path: Path) -> None:
    pool, archive = tmp_path / "pool", tmp_path / "archive"
    for folder, content in ((pool, b"cut off"), (archive, b"whole")):
        folder.mkdir()
        (folder / "demo_1%3a2.0_all.deb").write_bytes(content)
    package = demo(b"whole")

    found = find_files([package], [pool, archive], lambda each: each.deb_name)

    assert found == {package: archive / "demo_1%3a2.0_all.deb"}


def test_an_old_lock_on_a_new_mirror_names_the_packages_and_the_way_out() -> None:
    error = moved_on([demo(b"")] * 14)

    assert "it no longer has demo 1:2.0, demo 1:2.0" in str(error)
    assert str(error).endswith("and 2 more of the lock")
    assert "--pool" in (error.hint or "")


async def test_the_repository_is_the_suite_with_nothing_but_the_packages(tmp_path: Path) -> None:
    content = deb()
    (tmp_path / "demo_1%3a2.0_all.deb").write_bytes(content)
    package = demo(content)

    line = await write_repository(
        tmp_path / "locked", "trixie", {package: tmp_path / package.deb_name}, 1789199741, CommandRunner()
    )

    assert line == f"deb [trusted=yes] copy:{tmp_path}/locked trixie main"
    index = (tmp_path / "locked/dists/trixie/main/binary-amd64/Packages").read_text()
    assert index == (
        f"{CONTROL}Filename: pool/demo_1%3a2.0_all.deb\nSize: {len(content)}\nSHA256: {package.sha256}\n"
    )
    release = (tmp_path / "locked/dists/trixie/Release").read_text()
    assert "Codename: trixie\nDate: Sat, 12 Sep 2026 07:55:41 GMT\n" in release
    assert f" {hashlib.sha256(index.encode()).hexdigest()} {len(index)} main/binary-amd64/Packages\n" in release


async def test_the_archives_priority_goes_before_the_packages_own(tmp_path: Path) -> None:
    content = deb()
    package = LockedPackage("demo", "1:2.0", "all", hashlib.sha256(content).hexdigest(), priority="required")
    (tmp_path / package.deb_name).write_bytes(content)

    await write_repository(
        tmp_path / "locked", "trixie", {package: tmp_path / package.deb_name}, 0, CommandRunner()
    )

    assert "Priority: required\n" in (tmp_path / "locked/dists/trixie/main/binary-amd64/Packages").read_text()


@pytest.mark.parametrize("content", [b"", b"PK", b"!<arch>\n", deb()[:100], deb().replace(b"xz", b"gz", 1)])
async def test_what_is_no_package_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.deb").write_bytes(content)

    with pytest.raises(BadImage, match=r"bad\.deb is no package"):
        await read_control(tmp_path / "bad.deb", CommandRunner())


URIS = f"""\
Reading package lists...
Need to get 3160 kB of archives.
'http://m.example/d/pool/d/dash_0.5_amd64.deb' dash_0.5_amd64.deb 98504 SHA256:{"a8" * 32}
'http://m.example/d/pool/b/bash_5.2%2bb1_amd64.deb' bash_1%3a5.2+b1_amd64.deb 98504 SHA256:{"0b" * 32}
"""


def test_apts_answer_becomes_packages() -> None:
    bash, dash = resolved(URIS, {"bash": "required"})

    assert (bash.name, bash.version, bash.architecture, bash.priority) == ("bash", "1:5.2+b1", "amd64", "required")
    assert bash.url == "http://m.example/d/pool/b/bash_5.2%2bb1_amd64.deb"
    assert (dash.sha256, dash.priority) == ("a8" * 32, "")


def test_a_package_without_a_strong_hash_is_not_locked() -> None:
    with pytest.raises(Unavailable, match=r"no SHA-256 of http://m\.example/x_1_all\.deb"):
        resolved("'http://m.example/x_1_all.deb' x_1_all.deb 1 MD5Sum:00\n", {})


def test_priorities_are_the_archives(tmp_path: Path) -> None:
    (tmp_path / "available").write_text(
        "Package: a\nPriority: optional\n\nPackage: b\nVersion: 1\nPriority: required\n\nPackage: c\n"
    )

    assert priorities_of(tmp_path / "available") == {"b": "required"}


def test_apt_is_asked_for_what_an_installation_would_take() -> None:
    packages = Packages(names=("openssh-server",), core=False, weak_dependencies=False)
    wanted = wanted_packages(packages, "trixie", "")

    argv = [str(each) for each in resolve_argv(wanted, ("deb http://m.example/debian trixie main",), user_id=1000)]

    assert "--mode=chrootless" in argv
    hook = next(each for each in argv if each.startswith("--customize-hook"))
    assert "-oAPT::Install-Recommends=false install -- '?narrow(" in hook
    assert "?essential)' openssh-server > uris" in hook
    assert "dumpavail" not in hook
    assert "dumpavail" in " ".join(map(str, resolve_argv(wanted_packages(Packages(), "sid", ""), (), user_id=0)))
