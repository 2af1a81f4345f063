"""What is left when a build is killed, and who removes it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
from tests.integration.images.conftest import Recorder, with_post, write

from skerry.images.cache import Cache
from skerry.images.settings import BuildSettings

BUILD = """
import asyncio, sys
from pathlib import Path
from skerry.commands import CommandRunner
from skerry.images.build import build_image
from skerry.images.settings import BuildSettings

settings = BuildSettings(image_cache=Path(sys.argv[2]))
output = Path(sys.argv[1]).with_name("out.qcow2")
asyncio.run(build_image(Path(sys.argv[1]), output, settings=settings, commands=CommandRunner()))
"""


async def until(condition: Callable[[], object], within_s: float = 120.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.05)


def installers(workspaces: Path) -> list[psutil.Process]:
    """The mmdebstrap processes that work under a folder."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        cwd, cmdline = process.info["cwd"] or "", process.info["cmdline"] or []
        if cwd.startswith(str(workspaces)) and any("mmdebstrap" in word for word in cmdline[:2]):
            found.append(process)
    return found


async def test_the_next_build_removes_what_a_killed_one_left(settings: BuildSettings, tmp_path: Path) -> None:
    workspaces = settings.cache / "tmp"
    recipe = write(tmp_path, with_post("# never reached"))
    argv = [sys.executable, "-c", BUILD, str(recipe), str(settings.cache)]
    builder = await asyncio.create_subprocess_exec(*argv)
    await until(lambda: installers(workspaces))

    builder.kill()
    await builder.wait()
    cache = Cache(settings.cache, settings.image_cache_size, Recorder())
    left_alone = installers(workspaces)
    await cache.prepare()

    assert list(workspaces.iterdir()) != []  # the installer still works there
    os.killpg(os.getpgid(left_alone[0].pid), signal.SIGTERM)
    await until(lambda: not installers(workspaces))
    await cache.prepare()
    assert list(workspaces.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == [recipe.name]
