"""The same lock gives the same bytes on another day, in another folder, for another user.

What outputs make of one root is compared in test_disk_outputs.py and test_live_outputs.py, on other days too.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.another_day import DAYS, as_another_user, later, owned_by_another_user
from tests.fixtures.images import ROOT, test_cache
from tests.integration.images.conftest import Recorder, Tiny, with_post, write

from skerry.images.build import Order, build
from skerry.images.differences import differing_files
from skerry.images.locking import lock_recipe
from skerry.images.settings import BuildSettings
from skerry.progress import Quiet

OUTPUTS = ("disk", "tar")
BUILD = """
import asyncio, json, os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from skerry.images.build import Order, build
from skerry.images.settings import BuildSettings
from tests.fixtures.another_day import OnAnotherDay

recipe, pool = Path(sys.argv[2]), Path(sys.argv[3])
order = Order(recipe, ("disk", "tar"), lock=recipe.with_suffix(".lock"), pool=pool)
settings = BuildSettings(image_cache=recipe.parent / "cache")
commands = OnAnotherDay(Path(os.environ["LD_PRELOAD"]))
built = asyncio.run(build(order, recipe.parent, settings=settings, commands=commands))
sums = {file.path.name: file.sha256 for output in built.outputs for file in output.files}
print(json.dumps({"user": os.getuid(), "time": time.time(), "sums": sums}))
"""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that every user can get to."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="skerry-elsewhere-") as name:
        Path(name).chmod(0o755)
        work = Path(name) / "a folder"
        work.mkdir()
        owned_by_another_user(work)
        later(Path(name))
        yield work


@pytest.mark.timeout(900)
async def test_a_lock_gives_the_same_bytes_on_another_day_in_another_folder_for_another_user(
    tiny: Tiny, settings: BuildSettings, tmp_path: Path, elsewhere: Path
) -> None:
    recipe = write(tmp_path, with_post("stat --format=%Y /usr > /root/when"))
    here = await build(Order(recipe, OUTPUTS), tmp_path, settings=settings, commands=Recorder())
    pool = test_cache() / "pool"  # which stays, as it takes long to fetch
    locked = await lock_recipe(Order(recipe), None, pool, settings=settings, progress=Quiet(), commands=Recorder())
    for file in (recipe, locked.file):
        shutil.copy(file, elsewhere)

    argv = [sys.executable, "-c", BUILD, ROOT, elsewhere / recipe.name, pool]
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(elsewhere),
        "LD_PRELOAD": str(elsewhere.parent / "later.so"),
    }
    ran = await asyncio.to_thread(
        subprocess.run,
        as_another_user(argv, tmp_path),
        env=environment,
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout)
    assert told["time"] > (tmp_path / "tiny.raw").stat().st_mtime + (DAYS - 1) * 24 * 3600
    assert list(differing_files(tmp_path / "tiny.tar", elsewhere / "tiny.tar")) == []
    assert told["sums"] == {file.path.name: file.sha256 for output in here.outputs for file in output.files}
