"""What a builder lets go, so that it is made anew."""

from __future__ import annotations

from pathlib import Path

from skerry.commands import CommandRunner
from skerry.images.builder import Builder
from skerry.images.cache import Cache, Workspace
from skerry.images.installers.deb import DebInstaller
from skerry.images.outputs.registry import find_output
from skerry.images.plan import Facts, plan
from skerry.images.recipe import Packages
from skerry.images.words import Meaning, Source
from skerry.progress import Quiet


async def fill(_workspace: Workspace, folder: Path) -> None:
    (folder / "facts.json").write_text("{}")


async def test_a_fresh_build_makes_everything_but_the_tools_anew(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 10_000, CommandRunner())
    await cache.prepare()
    meaning = Meaning(Source("debian", "trixie"), Packages(), ())
    outputs = [find_output(name) for name in ("qcow2", "tar")]
    planned = plan(Path("/r.ks"), meaning, Facts((), "1"), DebInstaller(meaning, (), "1"), outputs)
    for step in planned.steps:
        async with cache.use(step.kind, step.key, fill):
            pass
    builder = Builder(planned, cache, CommandRunner(), Quiet(), script_timeout_s=1)

    await builder.renew()

    assert {step.kind for step in planned.steps if builder.has(step)} == {"tools"}
