"""Building an image: `skerry image build`, the whole program, against what one would use instead.

One run, one machine, the same list of packages (recipes/aos.ks), which are all on the disk before anything is
measured; the builders take turns. A full build is one whose cache has packages and tools, and nothing else. For
the comparison the recipe has no scripts, as the others would not run them, and makes a raw disk, as they do; of
the others only mkosi writes a partition table, and none a boot loader, manifests or checksums.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.figure import Figure
from bench.image_builders import SUITE, Others, packages_of
from skerry.images import mirrors
from skerry.images.settings import BuildSettings
from skerry.images.words import Source

ROOT = Path(__file__).parents[1]
RUNS = int(os.environ.get("SKERRY_BENCH_RUNS", "3"))
_MIB = 1024**2
_POST = "%post\necho {} > /root/changed\n%end\n"


class Ours:
    """The command line, with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.out = folder / "out"
        self.recipe = folder / "recipe.ks"
        self.out.mkdir()
        self.most = 0  # bytes that the builder's process had in memory at most

    def build(self, recipe: Path | None = None, output: str = "disk") -> float:
        """Build; returns the seconds it took."""
        program = Path(sys.executable).parent / "skerry"
        argv: list[str | Path] = [
            program,
            "image",
            "build",
            recipe or self.recipe,
            "--output",
            output,
            "-o",
            self.out,
        ]
        environment = {**os.environ, "SKERRY_IMAGE_CACHE": str(self.cache)}
        began = time.perf_counter()
        with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            watcher = threading.Thread(target=self._watch, args=(running,))
            watcher.start()
            said = running.communicate()[1]
            took = time.perf_counter() - began
            watcher.join()
        if running.returncode:
            raise RuntimeError(f"the build failed: {said.decode(errors='replace')[-3000:]}")
        return took

    def _watch(self, running: subprocess.Popen[bytes]) -> None:
        """Note the high-water mark of the builder itself; the programs that it starts are not ours."""
        status = Path(f"/proc/{running.pid}/status")
        while running.poll() is None:
            with_mark = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
            for line in with_mark:
                self.most = max(self.most, int(line.split()[1]) * 1024)
            time.sleep(0.05)

    def full(self) -> float:
        """Build from packages and tools."""
        for entry in (self.cache / "entries").iterdir():
            if not entry.name.startswith("tools-"):
                shutil.rmtree(entry)
        for made in self.out.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        return self.build()


def measure() -> list[Figure]:
    """Ratios, seconds, sizes."""
    text = (ROOT / "recipes/aos.ks").read_text()
    plain = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("%include"))
    with tempfile.TemporaryDirectory(prefix="skerry-bench-", dir=_keep()) as name:
        folder = Path(name)
        ours = Ours(folder)
        ours.recipe.write_text(plain)
        kept = _keep() / "packages"
        kept.mkdir(exist_ok=True)
        ours.cache.mkdir()
        (ours.cache / "packages").symlink_to(kept)
        ours.build()  # fetches what is not kept yet
        work = folder / "others"
        others = Others(_keep() / "others", _keep() / "mkosi", work, packages_of(plain), _lines(), 2048 * _MIB)
        others.prepare(kept / f"debian-{SUITE}")
        others.mkosi()  # whose packages have their own cache
        figures = _full(ours, others)
        figures += _again(ours, plain, statistics.median(_times))
        ours.build(ROOT / "recipes/aos.ks", "qcow2")
        size = (ours.out / "aos.qcow2").stat().st_size
    figures.append(
        Figure("memory of the builder", f"{ours.most / _MIB:.0f} MiB", "200 MB", ours.most < 200e6),
    )
    figures.append(Figure("AOS as qcow2", f"{size / 1e6:.1f} MB", "140 MB", size <= 140e6))
    return figures


_times: list[float] = []


def _full(ours: Ours, others: Others) -> list[Figure]:
    rivals: dict[str, tuple[Callable[[], None], float]] = {
        "mmdebstrap + mke2fs -d": (others.mmdebstrap, 1.15),
        "mkosi": (others.mkosi, 1.0),
        "debootstrap + mke2fs -d": (others.debootstrap, 1.0),
    }
    theirs: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(RUNS):
        _times.append(ours.full())
        for name, (build, _) in rivals.items():
            others.clean()
            began = time.perf_counter()
            build()
            theirs[name].append(time.perf_counter() - began)
    others.clean()
    mine = statistics.median(_times)
    figures = []
    for name, (_, most) in rivals.items():
        other = statistics.median(theirs[name])
        said = f"{mine:.1f} s against {other:.1f} s: {mine / other:.2f} x"
        figures.append(Figure(f"full disk build, and {name}", said, f"{most:.2f} x", mine <= most * other))
    figures.append(Figure("measured against", others.versions(), "", holds=True))
    return figures


def _again(ours: Ours, plain: str, full: float) -> list[Figure]:
    ours.build()
    nothing = statistics.median(ours.build() for _ in range(RUNS))
    changed = []
    for number in range(RUNS):
        ours.recipe.write_text(plain + _POST.format(number))
        changed.append(ours.build())
    post = statistics.median(changed)
    text = f"{post:.1f} s: {post / full:.0%} of a full build"
    return [
        Figure("build with nothing changed", f"{nothing:.2f} s", "1.5 s", nothing <= 1.5),
        Figure("build with another %post", text, "25%", post <= 0.25 * full),
    ]


def _keep() -> Path:
    """Where packages and the other builders stay between runs."""
    folder = Path(os.environ.get("SKERRY_TEST_CACHE") or Path.home() / ".cache/skerry/tests") / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lines() -> tuple[str, ...]:
    """The sources that our build uses, with an address even where mmdebstrap would choose."""
    found = mirrors.find_mirrors(
        "debian",
        release=mirrors.machine_release(),
        sources=mirrors.machine_sources(),
        chosen=BuildSettings().mirrors("debian"),
    )
    main = mirrors.Mirrors(found.main or "http://deb.debian.org/debian", found.security)
    return tuple(mirrors.deb_lines(Source("debian", SUITE), main))
