"""Bases of the RPM family, from a signed mirror on this machine's disk, by the real dnf and rpm."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.fixtures.rpm_packages import RpmFile, RpmPackage, build_rpm
from tests.fixtures.rpm_repository import RELEASE, RpmMirror

from skerry.commands import CommandRunner
from skerry.errors import Unavailable
from skerry.images.cache import Cache
from skerry.images.installers.dnf_output import BadSignature
from skerry.images.installers.installer import BaseBuild
from skerry.images.installers.rpm import RpmInstaller
from skerry.images.lock import Lock, LockBroken, LockedPackage
from skerry.images.recipe import BadRecipe, Packages
from skerry.images.repositories import RpmRepository, release_repositories
from skerry.progress import Collected

pytestmark = pytest.mark.timeout(900)
SMALL = Packages(core=False, weak_dependencies=False)


@dataclass(frozen=True)
class Base:
    """What an installation made."""

    tar: Path
    packages: dict[str, str]  # versions by name
    epoch: int
    said: list[str]

    def text(self, name: str) -> str:
        """A file of the root."""
        with tarfile.open(self.tar) as archive:
            file = archive.extractfile(f"./{name}")
            assert file is not None, f"{name} is no file"
            return file.read().decode()

    def names(self) -> set[str]:
        """All files of the root."""
        with tarfile.open(self.tar) as archive:
            return {name.removeprefix("./") for name in archive.getnames()}


Install = Callable[..., Awaitable[Base]]


@pytest.fixture
def repositories(rpm_mirror: RpmMirror) -> list[RpmRepository]:
    return release_repositories("fedora", RELEASE, mirror=rpm_mirror.url, keys=[str(rpm_mirror.key)])


@pytest.fixture
async def install(tmp_path: Path, repositories: list[RpmRepository]) -> AsyncIterator[Install]:
    """Installs packages into a new base; the cache of packages is one for all of a test."""
    cache = Cache(tmp_path / "cache", 2**32, CommandRunner())
    await cache.prepare()
    count = 0

    async def run(
        packages: Packages,
        places: list[RpmRepository] | None = None,
        *,
        lock: Lock | None = None,
        pool: Path | None = None,
        kept: tuple[RpmRepository, ...] = (),
    ) -> Base:
        nonlocal count
        count += 1
        folder = tmp_path / f"base-{count}"
        folder.mkdir()
        installer = RpmInstaller("fedora:42", RELEASE, packages, tuple(places or repositories), "", kept)
        progress = Collected()
        async with cache.workspace() as workspace:
            build = BaseBuild(folder, workspace, cache.root / "packages", CommandRunner(), progress, lock, pool)
            epoch = await installer.install(build)
        found = json.loads((folder / "packages.json").read_text())
        assert all(each["sha256"] for each in found)
        versions = {each["name"]: each["version"] for each in found}
        return Base(folder / "base.tar", versions, epoch, progress.lines)

    yield run
    assert not list((tmp_path / "cache/tmp").iterdir())


def repository(folder: Path, *packages: RpmPackage) -> RpmRepository:
    """An unsigned repository of a test's own."""
    (folder / "own").mkdir()
    for package in packages:
        build_rpm(package, folder / "own", folder / f"work-{package.name}")
    subprocess.run(["createrepo_c", "--quiet", folder / "own"], check=True)
    return RpmRepository("own", (folder / "own").as_uri())


async def test_a_base_holds_what_was_asked_for_and_its_own_rpm_knows_it(install: Install, tmp_path: Path) -> None:
    base = await install(replace(SMALL, names=("hello", "rpm"), docs=False, languages=("de",)))

    assert base.packages["hello"] == "1.1-1"  # of the updates
    assert "hello-extras" not in base.packages  # which is recommended only
    names = base.names()
    assert "usr/share/doc/hello/README" not in names
    assert "usr/share/licenses/hello/LICENSE" in names
    assert {name for name in names if name.endswith("hello.mo")} == {"usr/share/locale/de/LC_MESSAGES/hello.mo"}
    assert base.text("etc/rpm/macros.image") == "%_install_langs de\n%_excludedocs 1\n"
    root = tmp_path / "root"
    root.mkdir()
    commands = CommandRunner()
    await commands.run(["tar", "--extract", "--file", base.tar, "--directory", root])
    inside = ["bwrap", "--bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--clearenv"]
    told = await commands.run([*inside, "rpm", "-qa", "--qf", "%{name} %{installtime}\n"])
    lines = [line.split() for line in told.stdout.splitlines()]
    assert {name for name, _ in lines} - {"gpg-pubkey"} == set(base.packages)
    assert {time for _, time in lines} == {str(base.epoch)}


async def test_scriptlets_have_devices_and_processes_and_cannot_leave(install: Install) -> None:
    base = await install(replace(SMALL, names=("burglar", "hello")))

    assert base.text("var/lib/hello-has-proc") == "yes\n"
    assert not [line for line in base.said if line in {"made a device", "mounted", "changed the kernel"}]
    assert int(base.text("var/lib/burglar-saw")) < 15
    assert "tmp/disk" not in base.names()


async def test_two_builds_give_the_same_bytes(install: Install) -> None:
    packages = replace(SMALL, names=("systemd", "hello"))

    one, other = await install(packages), await install(packages)

    assert one.tar.read_bytes() == other.tar.read_bytes()
    assert one.epoch == 1735689600  # when the repository was made


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        pytest.param(
            replace(SMALL, groups=("Friendly Greetings",), weak_dependencies=False),
            {"hello", "hello-extras"},
            id="a group by its name: mandatory and default packages",
        ),
        pytest.param(
            replace(
                SMALL, groups=("greetings", "fonts"), mandatory_groups=("fonts",), whole_groups=("greetings",)
            ),
            {"font-one", "hello", "hello-extras", "hello-optional"},
            id="--nodefaults and --optional",
        ),
        pytest.param(
            replace(SMALL, environment="minimal-environment", excluded_groups=("core",)),
            {"font-one", "font-two"},
            id="an environment without one of its groups",
        ),
        pytest.param(
            replace(SMALL, names=("font-*",), excluded=("*-two",)),
            {"font-one", "font-three"},
            id="globs and a minus",
        ),
        pytest.param(
            replace(SMALL, names=("hello",), weak_dependencies=True), {"hello", "hello-extras"}, id="weak"
        ),
        pytest.param(
            replace(SMALL, names=("hello", "nonsuch"), ignore_missing=True), {"hello"}, id="--ignoremissing"
        ),
    ],
)
async def test_packages_are_chosen_as_kickstart_says(
    install: Install, packages: Packages, expected: set[str]
) -> None:
    base = await install(packages)

    assert {name for name in base.packages if name.startswith(("hello", "font"))} == expected


@pytest.mark.parametrize(
    ("packages", "message"),
    [
        pytest.param(replace(SMALL, names=("nonsuch",)), "fedora:42 has no package nonsuch", id="missing"),
        pytest.param(replace(SMALL, groups=("nope",)), "fedora:42 has no group nope", id="no such group"),
        pytest.param(replace(SMALL, names=("red", "blue")), "red-1.0-1.noarch conflicts with blue", id="conflict"),
        pytest.param(replace(SMALL, names=("wanting",)), "nothing provides what-nobody-has", id="broken"),
        pytest.param(
            replace(SMALL, names=("hello",), excluded=("bash",)), "filtered out by exclude", id="excluded"
        ),
        pytest.param(replace(SMALL, names=("failing",)), "the disk of dreams is missing", id="%pre"),
    ],
)
async def test_what_cannot_be_installed_is_explained(install: Install, packages: Packages, message: str) -> None:
    with pytest.raises(BadRecipe, match=message):
        await install(packages)


async def test_a_script_that_fails_after_its_package_is_there_is_told(install: Install) -> None:
    base = await install(replace(SMALL, names=("stumbling",)))

    assert [line for line in base.said if line.startswith("note: ") and "stumbling" in line]


async def test_a_package_that_somebody_else_signed_is_refused(
    install: Install, repositories: list[RpmRepository], rpm_mirror: RpmMirror
) -> None:
    forged = RpmRepository("forged", rpm_mirror.forged.as_uri(), keys=(str(rpm_mirror.key),))

    with pytest.raises(BadSignature, match=r"forged-1\.0-1\.noarch"):
        await install(replace(SMALL, names=("forged",)), [*repositories, forged])


async def test_an_unsigned_package_needs_the_word_of_the_settings(
    install: Install, repositories: list[RpmRepository], rpm_mirror: RpmMirror, tmp_path: Path
) -> None:
    own = repository(tmp_path, RpmPackage("mine", files=(RpmFile("/usr/share/mine", b"mine\n"),)))

    checked = replace(own, keys=(str(rpm_mirror.key),))

    with pytest.raises(BadSignature, match=r"mine-1\.0-1\.noarch of fedora:42 is not signed"):
        await install(replace(SMALL, names=("mine",)), [*repositories, checked])
    base = await install(replace(SMALL, names=("mine",)), [*repositories, own])
    assert base.text("usr/share/mine") == "mine\n"


async def test_a_repository_that_the_image_uses_too_is_written_into_it(
    install: Install, repositories: list[RpmRepository]
) -> None:
    base = await install(replace(SMALL, names=("filesystem",)), kept=(repositories[1],))

    assert "gpgkey=file:///etc/pki/rpm-gpg/updates-0" in base.text("etc/yum.repos.d/updates.repo")
    assert "BEGIN PGP PUBLIC KEY" in base.text("etc/pki/rpm-gpg/updates-0")


async def test_an_rpm_of_another_mind_gets_a_database_that_it_reads(
    install: Install, repositories: list[RpmRepository], tmp_path: Path
) -> None:
    macros = RpmFile("/usr/lib/rpm/macros.d/macros.zz-own", b"%_dbpath /var/lib/mine\n%_db_backend ndb\n")
    own = repository(tmp_path, RpmPackage("other-mind", files=(macros,), requires=("rpm", "coreutils")))

    base = await install(replace(SMALL, names=("other-mind",)), [*repositories, own])

    assert "var/lib/mine/Packages.db" in base.names()
    assert not [name for name in base.names() if name.startswith("usr/lib/sysimage/rpm/")]


async def test_a_mirror_that_is_gone_is_named(install: Install) -> None:
    with pytest.raises(Unavailable, match="the repository web of fedora:42 cannot be read"):
        await install(replace(SMALL, names=("hello",)), [RpmRepository("web", "http://127.0.0.1:9/x")])


async def test_a_lock_and_a_pool_give_the_same_bytes_when_the_mirror_is_gone(
    install: Install, rpm_mirror: RpmMirror, tmp_path: Path
) -> None:
    packages = replace(SMALL, names=("hello",))
    first = await install(packages)
    found = json.loads(first.tar.with_name("packages.json").read_text())
    lock = Lock(first.epoch, tuple(LockedPackage(**each) for each in found))
    pool = tmp_path / "pool"
    pool.mkdir()
    for package in lock.packages:
        shutil.copy(next(rpm_mirror.folder.rglob(package.rpm_name)), pool)
    gone = [RpmRepository("web", "http://127.0.0.1:9/x", keys=(str(rpm_mirror.key),))]

    again = await install(packages, gone, lock=lock, pool=pool)

    assert again.tar.read_bytes() == first.tar.read_bytes()


async def test_an_old_lock_names_what_is_gone_and_the_way_out(install: Install) -> None:
    lock = Lock(1735689600, (LockedPackage("hello", "0.5-1", "noarch", "0" * 64),))

    with pytest.raises(LockBroken, match=r"hello-0\.5-1") as caught:
        await install(replace(SMALL, names=("hello",)), lock=lock)
    assert "--pool" in (caught.value.hint or "")


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """A web server of a folder: its address, and the paths that were asked for so far."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


async def test_what_was_fetched_is_not_fetched_again(install: Install, rpm_mirror: RpmMirror) -> None:
    packages = replace(SMALL, names=("font-one",))
    with served(rpm_mirror.packages) as (url, asked):
        web = [RpmRepository("web", url, keys=(str(rpm_mirror.key),))]
        await install(packages, web)
        first = len(asked)
        await install(packages, web)

    assert [path for path in asked[:first] if path.endswith(".rpm")]
    assert set(asked[first:]) == {"/repodata/repomd.xml"}
