"""What is left when a build is killed at any of its steps, or its disk is full, or its mirror goes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from tests.integration.images.conftest import Recorder, Tiny, with_post, write

from skerry.errors import CommandFailed
from skerry.images.build import Order, build, build_image
from skerry.images.cache import Cache
from skerry.images.folders import tree_size
from skerry.images.plan import make_plan
from skerry.images.session import namespace_argv
from skerry.images.settings import BuildSettings
from skerry.progress import Collected
from skerry.sizes import MIB

BUILD = """
import asyncio, sys
from pathlib import Path
from skerry.commands import CommandRunner
from skerry.images.build import build_image
from skerry.images.settings import BuildSettings

class Told:
    def step(self, name): print(name, flush=True)
    def update(self, fraction, detail=""): pass
    def log(self, line): print(line, flush=True)

settings = BuildSettings(image_cache=Path(sys.argv[2]))
output = Path(sys.argv[1]).with_name("out.qcow2")
asyncio.run(build_image(Path(sys.argv[1]), output, settings=settings, commands=CommandRunner(), progress=Told()))
"""


async def until(condition: Callable[[], object], within_s: float = 120.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.05)


def working(folder: Path) -> list[psutil.Process]:
    """Processes that work under a folder, or name it."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        words = [process.info["cwd"] or "", *(process.info["cmdline"] or [])]
        if any(str(folder) in word for word in words) and process.pid != os.getpid():
            found.append(process)
    return found


def mounted(folder: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]


async def kill_at(recipe: Path, cache: Path, word: str) -> None:
    """Build in a process of its own until it says this, and kill it."""
    argv = [sys.executable, "-c", BUILD, str(recipe), str(cache)]
    builder = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    assert builder.stdout is not None
    async with asyncio.timeout(300):
        async for line in builder.stdout:
            if re.search(word, line.decode(errors="replace")):
                break
        else:
            raise AssertionError(f"the build ended before it said {word}")
    builder.kill()
    await builder.wait()


@pytest.mark.parametrize(
    ("word", "there"),
    [
        ("Unpacking|Setting up", {"tools"}),
        ("script is here", {"tools", "base"}),
        ("Writing qcow2", {"tools", "base", "root", "about"}),
    ],
    ids=["packages", "script", "output"],
)
async def test_a_killed_build_leaves_nothing_running_or_mounted(
    tiny: Tiny, settings: BuildSettings, tmp_path: Path, word: str, there: set[str]
) -> None:
    cache = tmp_path / "cache"
    share(settings.cache, cache, "tools", *(["base"] if "base" in there else []))
    recipe = write(tmp_path, with_post("echo script is here; sleep 2"))
    there_before = {path.name for path in (cache / "entries").iterdir()}

    await kill_at(recipe, cache, word)
    await until(lambda: not working(cache))

    assert mounted(cache) == []
    whole = {path.name for path in (cache / "entries").iterdir()}
    assert {name.split("-")[0] for name in whole} == there
    assert whole >= there_before
    keeper = Cache(cache, settings.image_cache_size, Recorder())
    await keeper.prepare()
    assert list((cache / "tmp").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == [recipe.name]


def share(source: Path, target: Path, *kinds: str) -> None:
    """Let a new cache have entries and packages of another."""
    (target / "entries").mkdir(parents=True)
    for kind in kinds:
        for entry in (source / "entries").glob(f"{kind}-*"):
            subprocess.run(["cp", "-a", entry, target / "entries" / entry.name], check=True)
    (target / "packages").symlink_to((source / "packages").resolve())


# What is mounted here goes with the namespace that this runs in.
ON_A_SMALL_DISK = """
mount -t tmpfs -o "size=$1" tmpfs "$2"
mkdir -p "$2/cache/entries"
shift 2
exec "$@"
"""
FILL = """
import asyncio, json, subprocess, sys
from pathlib import Path
from skerry.commands import CommandRunner
from skerry.errors import NoSpace
from skerry.images.build import build_image
from skerry.images.settings import BuildSettings

cache, recipe, output, *entries = map(Path, sys.argv[1:])
for entry in entries:
    subprocess.run(["cp", "-a", entry, cache / "entries"], check=True)
said = ""
try:
    settings = BuildSettings(image_cache=cache)
    asyncio.run(build_image(recipe, output, settings=settings, commands=CommandRunner()))
except NoSpace as exc:
    said = str(exc)
kept = sorted(path.name for path in (cache / "entries").iterdir())
print(json.dumps({"said": said, "kept": kept, "left": [path.name for path in (cache / "tmp").iterdir()]}))
"""


@pytest.mark.parametrize(
    ("kinds", "free"),
    [(("tools",), 40), (("tools", "base"), 60), (("tools", "base", "root", "about"), 20)],
    ids=["packages", "root", "output"],
)
async def test_a_disk_that_fills_up_at_any_step_is_told_and_leaves_the_cache_true(
    tiny: Tiny, settings: BuildSettings, tmp_path: Path, kinds: tuple[str, ...], free: int
) -> None:
    entries = [entry for kind in kinds for entry in (settings.cache / "entries").glob(f"{kind}-*")]
    used = sum(tree_size(entry) for entry in entries)
    disk = tmp_path / "disk"
    disk.mkdir()

    fill = [sys.executable, "-c", FILL, disk / "cache", tiny.recipe, tmp_path / "out.qcow2", *entries]
    small = ["sh", "-ec", ON_A_SMALL_DISK, "sh", str(used + free * MIB), disk, *fill]
    namespace = [*namespace_argv(os.geteuid()), "unshare", "--mount", "--"]
    ran = await Recorder().run([*namespace, *small], timeout=300)

    told = json.loads(ran.stdout)
    assert "free" in told["said"]
    assert told["kept"] == sorted(entry.name for entry in entries)
    assert told["left"] == []
    assert not working(disk)
    assert not (tmp_path / "out.qcow2").exists()


class Mirror(ThreadingHTTPServer):
    """Stands before the real mirror, and goes away after some answers."""

    def __init__(self, behind: str, packages: int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.behind = behind
        self.packages = packages  # that are still given

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/debian"


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Mirror

    def do_GET(self) -> None:
        if self.path.endswith(".deb"):
            self.server.packages -= 1
            if self.server.packages < 0:
                self.connection.close()
                return
        try:
            address = self.server.behind + self.path.removeprefix("/debian")
            with urllib.request.urlopen(address) as answer:
                content = answer.read()
            self.send_response(200)
        except OSError:
            content = b""
            self.send_response(404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's word
        """Say nothing."""


@pytest.fixture
async def mirror(tiny: Tiny, settings: BuildSettings) -> AsyncIterator[Mirror]:
    planned = await make_plan(tiny.recipe, ["disk"], settings, Recorder())
    lines = planned.installer.inputs["mirrors"]
    assert isinstance(lines, tuple)
    behind = lines[0].split()[1] if lines else "http://deb.debian.org/debian"
    server = Mirror(behind, packages=5)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_mirror_that_goes_half_way_is_told_and_leaves_the_cache_true(
    tiny: Tiny, settings: BuildSettings, tmp_path: Path, mirror: Mirror
) -> None:
    cache = tmp_path / "cache"
    share(settings.cache, cache, "tools")
    (cache / "packages").unlink()
    own = replace(settings, image_cache=cache, debian_mirror=mirror.address)

    with pytest.raises(CommandFailed, match="Failed to fetch") as caught:
        await build_image(tiny.recipe, tmp_path / "out.qcow2", settings=own, commands=Recorder())

    assert "SKERRY_DEBIAN_MIRROR" in (caught.value.hint or "")
    assert {path.name.split("-")[0] for path in (cache / "entries").iterdir()} == {"tools"}
    assert list((cache / "tmp").iterdir()) == []
    assert not (tmp_path / "out.qcow2").exists()


async def test_a_changed_script_installs_nothing_and_several_outputs_share_the_rest(
    tiny: Tiny, settings: BuildSettings, tmp_path: Path
) -> None:
    progress, commands = Collected(), Recorder()
    recipe = write(tmp_path, with_post("echo changed > /root/changed"), "web.ks")
    (tmp_path / "out").mkdir()

    built = await build(
        Order(recipe, ("disk", "tar", "dir")),
        tmp_path / "out",
        settings=settings,
        progress=progress,
        commands=commands,
    )

    assert [step.name for step in built.steps if not step.from_cache] == [
        "root",
        "about",
        "output disk",
        "output tar",
        "output dir",
    ]
    assert (tmp_path / "out/web.dir/root/changed").read_text() == "changed\n"
    sums = await commands.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "out")
    assert "web.raw: OK" in sums.stdout
    assert (tmp_path / "out/web.manifests/packages.json").exists()
