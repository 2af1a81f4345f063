"""Looking ahead, looking inside, cleaning up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.integration.images.conftest import Recorder, Tiny, with_post, write

from skerry.images.build import Order
from skerry.images.cache import Cache, Workspace
from skerry.images.looking import clean, look_ahead, open_shell
from skerry.images.settings import BuildSettings
from skerry.progress import Quiet


async def test_what_was_built_would_not_run_again(tiny: Tiny, settings: BuildSettings) -> None:
    steps = await look_ahead(Order(tiny.recipe, ("disk",)), settings, Recorder())

    assert [step.name for step in steps if step.runs] == []


async def test_another_script_would_run_with_all_that_follows(
    tiny: Tiny, settings: BuildSettings, tmp_path: Path
) -> None:
    recipe = write(tmp_path, with_post("true"))

    steps = await look_ahead(Order(recipe, ("disk",)), settings, Recorder())

    assert [step.name for step in steps if step.runs] == ["root", "about", "output disk"]


async def test_a_shell_sees_a_copy_of_the_root(tiny: Tiny, settings: BuildSettings) -> None:
    order = Order(tiny.recipe)
    for _ in range(2):
        async with open_shell(order, settings, Recorder(), Quiet()) as session:
            made = await session.run(["/bin/sh", "-c", "ls /root; rm /root/made"], chroot=True)
            root = session.root

            assert made.stdout == "made\n"
    assert not root.exists()


async def _fill(_workspace: Workspace, folder: Path) -> None:
    (folder / "file").write_bytes(bytes(100_000))


async def test_cleaning_leaves_what_is_in_use(tmp_path: Path, settings: BuildSettings) -> None:
    own = replace(settings, image_cache=tmp_path / "cache")
    cache = Cache(own.cache, own.image_cache_size, Recorder())
    await cache.prepare()
    (own.cache / "packages/debian-trixie").mkdir(parents=True)
    (own.cache / "packages/debian-trixie/a_1_all.deb").write_bytes(bytes(50_000))
    async with cache.use("root", "1" * 32, _fill):
        pass

    async with cache.use("root", "2" * 32, _fill):
        done = await clean(own, Recorder(), 0.0)

    assert not cache.has("root", "1" * 32)
    assert cache.has("root", "2" * 32)
    assert done["won"] > 150_000
    assert not (own.cache / "packages").exists()


async def test_cleaning_by_age_leaves_what_is_younger(tmp_path: Path, settings: BuildSettings) -> None:
    own = replace(settings, image_cache=tmp_path / "cache")
    cache = Cache(own.cache, own.image_cache_size, Recorder())
    await cache.prepare()
    async with cache.use("root", "1" * 32, _fill):
        pass

    await clean(own, Recorder(), 30.0)
    assert cache.has("root", "1" * 32)
    await clean(own, Recorder(), None)
    assert cache.has("root", "1" * 32)
