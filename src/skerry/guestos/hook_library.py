"""Hooks that an administrator may take: for our definition, and for any that calls hooks in the same way."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadInput, HostError, NameTaken, NotFound

_FILES = Path(__file__).with_name("hook_files")


@dataclass(frozen=True)
class LibraryHook:
    """A hook of the library."""

    name: str
    help: str
    text: str


def library() -> tuple[LibraryHook, ...]:
    """All hooks, by name; the comment at the beginning of each is its help."""
    return tuple(_read(path) for path in sorted(_FILES.iterdir()) if path.is_file())


def _read(path: Path) -> LibraryHook:
    text = path.read_text()
    words = []
    for line in text.splitlines()[1:]:
        if not line.startswith("# "):
            break
        words.append(line.removeprefix("# "))
    return LibraryHook(path.name, " ".join(words), text)


def write_hooks(names: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """Put hooks into a folder, to be run from now on.

    Raises:
        BadInput: there is no such hook.
        NameTaken: the folder has one of that name; it stays as it is, and nothing is written.
        NotFound, HostError: there is no such folder; it cannot be written.
    """
    known = {hook.name: hook for hook in library()}
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f"there is no hook {unknown[0]!r}", hint=f"there are {', '.join(known)}")
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", hint="it is CUSTOMIZE_DIR of the settings")
    if taken := [name for name in names if (folder / name).exists()]:
        raise NameTaken(f"{folder / taken[0]} is there already", hint="remove it, or leave it out")
    written: list[Path] = []
    try:
        for name in names:
            path = folder / name
            with path.open("x") as file:
                written.append(path)
                file.write(known[name].text)
            path.chmod(0o755)
    except OSError as exc:
        for path in written:
            with contextlib.suppress(OSError):
                path.unlink()
        raise HostError(f"{folder} cannot be written: {exc.strerror}") from exc
    return tuple(written)
