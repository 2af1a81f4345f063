"""Locks with real packages: what they name is what is installed, also when the mirror has moved on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.fixtures.deb_mirror import DebMirror, make_deb_mirror
from tests.fixtures.images import test_cache
from tests.fixtures.rpm_repository import RpmMirror
from tests.integration.images.conftest import TINY, with_post, write

from skerry.commands import CommandRunner
from skerry.images.build import Order, begin
from skerry.images.builder import read_facts
from skerry.images.installers.installer import BASE_TAR, read_packages
from skerry.images.lock import BadLock, LockBroken
from skerry.images.locking import Locked, lock_recipe
from skerry.images.package_files import PARTIAL
from skerry.images.settings import BuildSettings
from skerry.images.sums import sha256_of
from skerry.images.verify import NotReproducible, verify
from skerry.progress import Quiet

COMMANDS = CommandRunner()


async def lock(recipe: Path, settings: BuildSettings, pool: Path | None = None, *, keep: bool = False) -> Locked:
    return await lock_recipe(
        Order(recipe), None, pool, keep=keep, settings=settings, progress=Quiet(), commands=COMMANDS
    )


async def root_of(order: Order, settings: BuildSettings) -> str:
    """The hash of the root's tar."""
    _, builder = await begin(order, settings, COMMANDS, Quiet())
    async with builder.root() as entry:
        return str(read_facts(entry)["sha256"])


async def base_of(order: Order, settings: BuildSettings) -> str:
    """The hash of the packages' tar."""
    _, builder = await begin(order, settings, COMMANDS, Quiet())
    async with builder.base() as entry:
        return sha256_of(entry / BASE_TAR)


@dataclass(frozen=True)
class Site:
    """A recipe whose lock is of a mirror on this machine, and a pool of its packages."""

    recipe: Path
    mirror: DebMirror
    pool: Path
    settings: BuildSettings

    def order(self, *, pool: Path | None = None) -> Order:
        return Order(self.recipe, (), lock=self.recipe.with_suffix(".lock"), pool=pool)


@pytest.fixture
async def site(settings: BuildSettings, tmp_path: Path) -> Site:
    """Locked a moment ago; nothing is in the cache."""
    pool = test_cache() / "pool"  # which stays, as it takes long to fetch
    recipe = write(tmp_path)
    locked = await lock(recipe, settings, pool)
    packages = {*locked.lock.packages, *locked.lock.tools}
    mirror = make_deb_mirror(tmp_path / "mirror", [pool / each.deb_name for each in packages])
    own = replace(settings, image_cache=tmp_path / "cache", debian_mirror=mirror.setting)
    await lock(recipe, own)
    return Site(recipe, mirror, pool, own)


async def test_a_lock_names_what_a_build_installs(settings: BuildSettings, tmp_path: Path) -> None:
    recipe = write(tmp_path)
    recipe.with_suffix(".lock").write_text("<<<<<<< ours\n")  # of a merge, which only a new lock mends

    locked = await lock(recipe, settings)

    assert locked.changes == ()
    _, builder = await begin(Order(recipe, ()), settings, COMMANDS, Quiet())
    async with builder.base() as base:
        installed = read_packages(base)
        assert read_facts(base)["epoch"] == locked.lock.epoch
    named = [(each.name, each.version, each.architecture, each.sha256) for each in locked.lock.packages]
    assert named == [(each.name, each.version, each.architecture, each.sha256) for each in installed]


async def test_an_old_lock_gives_the_same_bytes_from_a_pool_when_the_mirror_has_moved_on(
    site: Site, tmp_path: Path
) -> None:
    before = await root_of(site.order(), site.settings)
    gone = site.mirror.move_on("hostname", tmp_path)

    later = replace(site.settings, image_cache=tmp_path / "later")
    with pytest.raises(LockBroken, match=rf"no longer has hostname {gone} of the lock") as caught:
        await root_of(site.order(), later)
    assert "--pool" in (caught.value.hint or "")

    elsewhere = replace(site.settings, image_cache=tmp_path / "other/folder")
    assert await root_of(site.order(pool=site.pool), elsewhere) == before


async def test_a_lock_is_of_one_recipe(site: Site) -> None:
    site.recipe.write_text(TINY.replace("-nano", "nano"))

    with pytest.raises(BadLock, match=r"tiny\.ks changed after its lock was made"):
        await root_of(site.order(), site.settings)


async def test_a_pool_that_was_cut_off_is_filled_up(site: Site, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    (pool / PARTIAL).mkdir(parents=True)
    dash, grep = (next(site.pool.glob(f"{name}_*.deb")) for name in ("dash", "grep"))
    shutil.copy(dash, pool)
    (pool / grep.name).write_bytes(grep.read_bytes()[:1000])
    (pool / PARTIAL / grep.name).write_bytes(grep.read_bytes()[:5000])

    locked = await lock(site.recipe, site.settings, pool, keep=True)

    packages = {*locked.lock.packages, *locked.lock.tools}
    assert locked.fetched == len(packages) - 1
    assert {path.name for path in pool.iterdir()} == {each.deb_name for each in packages}
    assert (pool / grep.name).read_bytes() == grep.read_bytes()


FEDORA = """\
url --url=fedora:42
%packages --nocore --exclude-weakdeps
hello
%end
"""


async def test_packages_of_the_rpm_family_are_locked_and_pooled_too(
    rpm_mirror: RpmMirror, settings: BuildSettings, tmp_path: Path
) -> None:
    recipe, pool = write(tmp_path, FEDORA, "hello.ks"), tmp_path / "pool"
    own = replace(settings, fedora_mirror=rpm_mirror.url, rpm_keys=(str(rpm_mirror.key),))

    locked = await lock(recipe, own, pool)

    assert {each.rpm_name for each in locked.lock.packages} <= {path.name for path in pool.iterdir()}
    free = await base_of(Order(recipe, ()), own)
    gone = replace(own, fedora_mirror=(tmp_path / "gone").as_uri(), image_cache=tmp_path / "cache")
    for name in ("releases/42/Everything/x86_64/os", "updates/42/Everything/x86_64"):
        (tmp_path / "gone" / name).mkdir(parents=True)
    assert await base_of(Order(recipe, (), lock=locked.file, pool=pool), gone) == free


async def test_verifying_names_the_file_that_differs_and_no_other(settings: BuildSettings, tmp_path: Path) -> None:
    order = Order(write(tmp_path, with_post("date +%s%N > /root/when")), ("tar",))

    with pytest.raises(NotReproducible) as caught:
        await verify(order, settings=settings, progress=Quiet(), commands=COMMANDS)

    lines = str(caught.value).splitlines()
    assert lines[1:3] == ["root:", "  ./root/when: content"]
    assert lines[3].startswith("tar: tiny.tar differs at ")
