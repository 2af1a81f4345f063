"""Building an image: `skerry image build`, the whole program, against what one would use instead.

One run, one machine, the same list of packages (recipes/aos.ks), which are all on the disk before anything is
measured. The builders take turns, each round in another order. What counts is the median of the rounds' ratios:
of time, and of processor time, which a busy machine blurs less. A full build is one whose cache has packages
and tools, and nothing else. For the comparison the recipe has no scripts, as the others would not run them, and
makes a raw disk, as they do; of the others only mkosi writes a partition table, and none a boot loader,
manifests or checksums.

It needs root, and 6 GB of disk. SKERRY_BENCH_RUNS says how many rounds.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure
from bench.image_builders import SUITE, BuilderFailed, Others, packages_of
from skerry.images import mirrors
from skerry.images.settings import BuildSettings
from skerry.images.words import Source

ROOT = Path(__file__).parents[1]
RUNS = int(os.environ.get("SKERRY_BENCH_RUNS", "3"))
_MIB = 1024**2
_POST = "%post\necho {} > /root/changed\n%end\n"


@dataclass(frozen=True)
class Cost:
    """What a build took, with all programs that it started."""

    wall: float  # seconds
    processor: float  # seconds


def cost_of(build: Callable[[], object]) -> Cost:
    """Build by programs."""
    began, before = time.perf_counter(), _processor()
    build()
    return Cost(time.perf_counter() - began, _processor() - before)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Ours:
    """The command line, with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.out = folder / "out"
        self.recipe = folder / "recipe.ks"
        self.out.mkdir()
        self.most = 0  # bytes that the builder's process had in memory at most

    def build(self, recipe: Path | None = None, output: str = "disk") -> None:
        """Build."""
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
        # Byte-code is kept, as that of any installed program; the first build, which makes it, is not counted.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(self.cache.with_name("byte-code"))
        with subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            watcher = threading.Thread(target=self._watch, args=(running,))
            watcher.start()
            said = running.communicate()[1]
            watcher.join()
        if running.returncode:
            raise RuntimeError(f"the build failed: {said.decode(errors='replace')[-3000:]}")

    def _watch(self, running: subprocess.Popen[bytes]) -> None:
        """Note the high-water mark of the builder itself; the programs that it starts are not ours."""
        status = Path(f"/proc/{running.pid}/status")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends between two looks
            while running.poll() is None:
                for line in status.read_text().splitlines():
                    if line.startswith("VmHWM:"):
                        self.most = max(self.most, int(line.split()[1]) * 1024)
                time.sleep(0.05)

    def clean(self) -> None:
        """Leave packages and tools in the cache, and nothing else."""
        for entry in (self.cache / "entries").iterdir():
            if not entry.name.startswith("tools-"):
                shutil.rmtree(entry)
        for made in self.out.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()


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
        others.fetch()
        figures = _full(ours, others, plain)
        figures.append(_nothing(ours))
        ours.build(ROOT / "recipes/aos.ks", "qcow2")
        size = (ours.out / "aos.qcow2").stat().st_size
    figures.append(
        Figure("memory of the builder", f"{ours.most / _MIB:.0f} MiB", "200 MB", ours.most < 200e6),
    )
    figures.append(Figure("AOS as qcow2", f"{size / 1e6:.1f} MB", "140 MB", size <= 140e6))
    return figures


def _full(ours: Ours, others: Others, plain: str) -> list[Figure]:
    rivals: dict[str, tuple[Callable[[], None], float]] = {
        "mmdebstrap + mke2fs -d": (others.mmdebstrap, 1.15),
        "mkosi": (others.mkosi, 1.0),
        "debootstrap + mke2fs -d": (others.debootstrap, 1.0),
    }
    builders = {"ours": ours.build} | {name: build for name, (build, _) in rivals.items()}
    costs: dict[str, list[Cost]] = {name: [] for name in builders}
    changed: list[Cost] = []  # each right after the full build that it is compared with
    failed: dict[str, str] = {}  # and why; the figures of the rest are told none the less
    for turn in range(RUNS):
        names = list(builders)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            ours.clean()
            others.clean()
            if name not in failed:
                try:
                    costs[name].append(cost_of(builders[name]))
                except BuilderFailed as exc:
                    failed[name] = exc.reason
            if name == "ours":
                ours.recipe.write_text(plain + _POST.format(turn))
                changed.append(cost_of(ours.build))
                ours.recipe.write_text(plain)
    others.clean()
    figures = []
    for name, (_, most) in rivals.items():
        full = f"full disk build, and {name}"
        if name in failed:
            figures.append(Figure(full, f"failed: {failed[name]}", f"{most:.2f} x", holds=False))
            continue
        for what, of in _MEASURES.items():
            figures.append(_ratio(f"{full}: {what}", costs["ours"], costs[name], of, most))
    for what, of in _MEASURES.items():
        figures.append(
            _ratio(f"build with another %post, and a full one: {what}", changed, costs["ours"], of, 0.25)
        )
    figures.append(Figure("measured against", others.versions(), "", holds=True))
    return figures


_MEASURES: dict[str, Callable[[Cost], float]] = {
    "time": lambda cost: cost.wall,
    "processor": lambda cost: cost.processor,
}


def _ratio(what: str, ours: list[Cost], theirs: list[Cost], of: Callable[[Cost], float], most: float) -> Figure:
    """One to the other, round by round."""
    ratios = [of(mine) / of(other) for mine, other in zip(ours, theirs, strict=True)]
    mine, other, ratio = (statistics.median(each) for each in (map(of, ours), map(of, theirs), ratios))
    said = f"{mine:.1f} s against {other:.1f} s: {ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
    return Figure(what, said, f"{most:.2f} x", ratio <= most)


def _nothing(ours: Ours) -> Figure:
    ours.build()
    seconds = statistics.median(cost_of(ours.build).wall for _ in range(max(RUNS, 3)))
    return Figure("build with nothing changed", f"{seconds:.2f} s", "1.5 s", seconds <= 1.5)


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
