"""The minimizer in a real root: package managers remove packages, databases stay true, nothing is half-done."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fixtures.rpm_packages import RpmFile, RpmPackage, build_rpm

from skerry.commands import CommandRunner
from skerry.images.cache import Cache
from skerry.images.contents.rpmdb import installed_rpms
from skerry.images.contents.tar import opened_tar
from skerry.images.minimize.rules import understand_minimizer
from skerry.images.minimize.run import Report, StillNeeded, minimize
from skerry.images.recipe import Place, Script
from skerry.images.session import Session, open_session
from skerry.progress import Collected


@asynccontextmanager
async def opened(tar: Path, home: Path) -> AsyncIterator[Session]:
    cache = Cache(home / "cache", 1 << 30, CommandRunner())
    await cache.prepare()
    async with cache.workspace() as workspace, open_session(workspace, CommandRunner(), tar) as session:
        yield session


async def apply(session: Session, rules: str, options: str = "", progress: Collected | None = None) -> Report:
    place = Place(Path("/r.ks"), 7)
    interpreter = f"image-minimizer {options}".strip()
    script = Script("%post", rules.encode(), interpreter, chroot=False, error_on_fail=False, log=None, place=place)
    return await minimize(session, understand_minimizer(script), progress or Collected())


async def said(session: Session, command: str) -> str:
    return (await session.run(["/bin/sh", "-c", command], chroot=True, ok=range(256))).stdout


async def test_packages_go_by_dpkg_and_its_database_stays_true(tiny_base: Path, tmp_path: Path) -> None:
    async with opened(tiny_base, tmp_path) as session:
        before = await said(session, "dpkg --verify | wc -l")

        report = await apply(
            session,
            "dropdeb mawk\ndropdeb libc-bin\nkeepdeb libc-b*\nkeep /usr/share/doc/mawk\n"
            "drop /usr/share/zoneinfo*\ndrop /usr/share/perl5/Debconf/Client\n",
            "--needs=warn",
        )

        assert [package.partition("-")[0] for package in report.packages] == ["mawk"]
        assert report.won > 0
        assert "not-installed" not in await said(session, "dpkg-query -W -f '${db:Status-Status}\\n' libc-bin")
        assert await said(session, "dpkg-query -W mawk 2>/dev/null") == ""
        assert "copyright" in await said(session, "ls /usr/share/doc/mawk")
        assert await said(session, "dpkg --audit") == ""
        assert int(await said(session, "dpkg --verify | wc -l")) <= int(before)
        assert await said(session, "ls -A / | grep skerry; ls /var/log/dpkg.log 2>/dev/null") == ""


async def test_what_is_needed_stops_everything_and_names_who_needs_it(tiny_base: Path, tmp_path: Path) -> None:
    async with opened(tiny_base, tmp_path) as session:
        count = "find / -xdev | wc -l"
        before = await said(session, count)

        with pytest.raises(StillNeeded, match=r"/r\.ks:7: nothing is deleted") as caught:
            await apply(session, "dropdeb tzdata\ndrop /usr/bin/perl*\ndrop /usr/lib/*/libselinux.so.1\n")

        assert "/usr/bin/debconf needs /usr/bin/perl (its interpreter)" in caught.value.message
        assert "(its library libselinux.so.1)" in caught.value.message
        assert await said(session, count) == before


async def test_a_dry_run_tells_and_changes_nothing(tiny_base: Path, tmp_path: Path) -> None:
    progress = Collected()
    async with opened(tiny_base, tmp_path) as session:
        report = await apply(session, "drop /usr/share/perl5\ndrop /no/such\n", "--dryrun --needs=warn", progress)

        assert report.deleted == 0
        assert await said(session, "ls /usr/share/perl5") != ""
    assert "note: /r.ks:7: nothing in the root matches line 9" in progress.lines
    assert any(line.startswith("minimized by ") for line in progress.lines)


async def test_two_runs_leave_the_same_bytes(tiny_base: Path, tmp_path: Path) -> None:
    packed = []
    for number in range(2):
        async with opened(tiny_base, tmp_path) as session:
            await apply(session, "dropdeb mawk\ndrop /usr/share/perl5/Debconf/Client\n", "--needs=ignore")
            tar = tmp_path / f"{number}.tar"
            await session.pack(tar, 1_700_000_000)
            packed.append(tar.read_bytes())

    assert packed[0] == packed[1]


@pytest.fixture
def rpm_root(tmp_path: Path) -> Path:
    """A root with two packages, and no rpm of its own."""
    (tmp_path / "rpms").mkdir()
    packages = [
        RpmPackage(
            "alpha",
            files=(
                RpmFile("/usr/share/alpha", None, 0o755),
                RpmFile("/usr/share/alpha/doc", b"d"),
                RpmFile("/usr/a", b"a"),
            ),
            requires=("beta",),
        ),
        RpmPackage("beta", files=(RpmFile("/usr/b", b"b"),), license="GPLv2+"),
    ]
    for package in packages:
        build_rpm(package, tmp_path / "rpms", tmp_path / "work")
    root = tmp_path / "root"
    root.mkdir()
    install = ["rpm", "--root", root, "--dbpath", "/usr/lib/sysimage/rpm", "-i", "--nodeps"]
    subprocess.run([*install, *sorted((tmp_path / "rpms").glob("*.rpm"))], check=True)
    tar = tmp_path / "root.tar"
    subprocess.run(["tar", "--create", "--file", tar, "--directory", root, "."], check=True)
    return tar


async def test_packages_go_by_rpm_and_its_database_stays_true(rpm_root: Path, tmp_path: Path) -> None:
    async with opened(rpm_root, tmp_path) as session:
        report = await apply(session, "droprpm *\nkeeprpm beta\nkeep /usr/share/alpha/doc\n")
        await session.pack(tmp_path / "after.tar", 1_700_000_000)

    assert report.packages == ("alpha-1.0-1.noarch",)
    with opened_tar(tmp_path / "after.tar") as files:
        assert [package.name for package in installed_rpms(files)] == ["beta"]
        assert {"usr/b", "usr/share/alpha/doc"} <= set(files.tree)
        assert "usr/a" not in files.tree
        assert [name for name in files.tree if "rpmdb" in name] == ["usr/lib/sysimage/rpm/rpmdb.sqlite"]


async def test_a_report_is_for_programs_too(rpm_root: Path, tmp_path: Path) -> None:
    async with opened(rpm_root, tmp_path) as session:
        report = json.loads(json.dumps((await apply(session, "drop /usr/a\n")).as_json()))

    assert report["rules"] == [{"rule": "drop /usr/a", "place": "/r.ks:8", "matched": 1, "won": 4096}]
    assert report["deleted"] == 1
