"""What was fetched from RPM repositories, kept between builds: a folder each, in the shape of dnf's cache."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from pathlib import Path

from skerry.errors import Unavailable


def link_tree(archive: Path, cache: Path) -> None:
    """Show what is kept to one build, by links: dnf replaces files of metadata, and writes into no package."""
    for path in _files(archive):
        place = cache / path.relative_to(archive)
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another build may trim just now
            os.link(path, place)
            if path.suffix == ".rpm":
                os.utime(place)


def link_or_copy(file: Path, place: Path) -> Path:
    """A file of a folder that may be on another disk, at `place`."""
    if not place.exists():
        try:
            os.link(file, place)
        except OSError:  # another file system, or somebody else's file
            shutil.copyfile(file, place)
    return place


def copy_whole(file: Path, place: Path) -> Path:
    """A copy of somebody's own file, which may change; it appears whole, and is made anew when that is newer."""
    if (
        not place.exists()
        or place.stat().st_mtime < file.stat().st_mtime
        or place.stat().st_size != file.stat().st_size
    ):
        part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        shutil.copyfile(file, part)
        part.replace(place)
    os.utime(place)
    return place


def keep(cache: Path, name: str, archive: Path) -> None:
    """Take over what a build fetched from a repository; a file appears whole or not at all, old metadata goes."""
    own = re.compile(re.escape(name) + r"(-[0-9a-f]{16}/.*|[^/]*\.solvx?)")
    there = {path.relative_to(cache) for path in _files(cache) if own.fullmatch(str(path.relative_to(cache)))}
    for path in there:
        place = archive / path
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        os.link(cache / path, part)
        part.replace(place)
        part.unlink(missing_ok=True)  # renaming a link to the same file does nothing
    for path in _files(archive):
        if path.parent.name == "repodata" and path.relative_to(archive) not in there:
            path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def epoch_of(cache: Path) -> int:
    """When the newest repository was made, in seconds since 1970, as the metadata in dnf's cache say.

    Raises:
        Unavailable: they say nothing.
    """
    times = [0]
    for file in cache.glob("*/repodata/repomd.xml"):
        text = file.read_text(errors="replace")
        times += [int(each) for each in re.findall(r"<timestamp>(\d{9,10})(?:\.\d+)?</timestamp>", text)]
    if not max(times):
        raise Unavailable("the repositories do not say when they were made")
    return max(times)
