"""A builder whose cache knows packages and tools, and nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skerry.commands import Arg, CommandRunner, Output, program_of
from skerry.images.build import BuiltImage, build_image
from skerry.images.cache import Cache
from skerry.images.plan import make_plan
from skerry.images.settings import BuildSettings
from skerry.images.tools import tools_key, tools_tree
from skerry.progress import Collected

TINY = """\
url --url=debian:trixie
bootloader --timeout=1
part / --size=512 --label=tiny
network --bootproto=dhcp --hostname=tiny
%packages --nocore --exclude-weakdeps --excludedocs
-nano
%end
%post --erroronfail
# A kernel would take most of the time of these tests.
touch /vmlinuz /initrd.img
printf 'bytes: \\377\\n' > /root/made
%end
"""


@dataclass(frozen=True)
class Tiny:
    """A build, and what it said and did."""

    recipe: Path
    image: BuiltImage
    progress: Collected
    commands: Recorder


class Recorder(CommandRunner):
    """Runs programs, and remembers which, but for those asked for their version: those answers are kept."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def run(self, argv: Sequence[Arg], **options: Any) -> Output:
        if "--version" not in argv:
            self.ran.append(program_of(argv))
        return await super().run(argv, **options)


def write(folder: Path, text: str = TINY, name: str = "tiny.ks") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def with_post(script: str, header: str = "%post --erroronfail") -> str:
    """The tiny recipe with one more script, which begins in line 13."""
    return f"{TINY}{header}\n{script}\n%end\n"


@pytest.fixture(scope="session")
def settings(kept_images: BuildSettings) -> Iterator[BuildSettings]:
    """A new cache that has packages and tools from the kept one, on the same file system."""
    asyncio.run(_keep_tools(kept_images))
    with tempfile.TemporaryDirectory(dir=kept_images.cache.parent, prefix="run-") as name:
        root = Path(name)
        (root / "entries").mkdir()
        (kept_images.cache / "packages").mkdir(exist_ok=True)
        (root / "packages").symlink_to(kept_images.cache / "packages")
        entry = f"entries/tools-{tools_key()}"
        subprocess.run(["cp", "-al", kept_images.cache / entry, root / entry], check=True)
        yield BuildSettings(image_cache=root)


async def _keep_tools(kept: BuildSettings) -> None:
    commands = CommandRunner()
    cache = Cache(kept.cache, kept.image_cache_size, commands)
    await cache.prepare()
    with tempfile.TemporaryDirectory() as folder:
        planned = await make_plan(write(Path(folder)), ["disk"], kept, commands)
    async with tools_tree(cache, commands, planned.facts.tools_lines):
        pass


@pytest.fixture(scope="session")
def tiny(settings: BuildSettings, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny recipe as a raw disk, and how it was built."""
    folder, progress, commands = tmp_path_factory.mktemp("tiny"), Collected(), Recorder()
    recipe = write(folder)
    building = build_image(
        recipe, folder / "tiny.raw", format="raw", settings=settings, progress=progress, commands=commands
    )
    return Tiny(recipe, asyncio.run(building), progress, commands)


@pytest.fixture(scope="session")
def tiny_base(tiny: Tiny, settings: BuildSettings) -> Path:
    """A tar of the packages of the tiny recipe, with none of its words done."""
    planned = asyncio.run(make_plan(tiny.recipe, ["disk"], settings, CommandRunner()))
    return settings.cache / f"entries/base-{planned.base.key}/base.tar"
