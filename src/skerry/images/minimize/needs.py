"""A look before deleting: does anything that stays need what goes?

Looked at are the libraries and the loader of every program and library, the interpreters of scripts that can be
run, what systemd's units start and require, PAM's modules, what Python modules import when they are loaded, and
the kernel's modules. What a program opens only while it runs cannot be seen from outside, unless it says so itself
(ELF's notes on dlopen): this finds mistakes, and does not prove that there are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from skerry.images.contents.tree import Files, Tree, join, parent_of, shown
from skerry.images.minimize.elf import MAGIC, read_elf
from skerry.images.minimize.imports import Modules
from skerry.images.minimize.libraries import Libraries, is_library_name
from skerry.images.minimize.units import is_pam, is_unit, pam_loses, script_loses, unit_loses

Sort = Literal["library", "loader", "interpreter", "unit", "pam", "import", "module"]
_CHUNK = 16 * 1024
_MOST_PYTHON, _MOST_MODULES = 4 * 1024 * 1024, 64 * 1024 * 1024
_MODULES = re.compile(r"(?:usr/)?lib/modules/[^/]+/modules\.dep")


@dataclass(frozen=True, order=True)
class Need:
    """Something that stays, and what it loses."""

    who: str
    what: str
    sort: Sort
    word: str  # by which it names it
    certain: bool = True  # otherwise only part of what it does is lost

    def __str__(self) -> str:
        verb = "needs" if self.certain else "may need"
        return f"{shown(self.who)} {verb} {shown(self.what)} ({_HOW[self.sort].format(self.word)})"


_HOW = {
    "library": "its library {}",
    "loader": "its loader",
    "interpreter": "its interpreter",
    "unit": "{}=",
    "pam": "its module {}",
    "import": "it imports {}",
    "module": "modules.dep",
}


def find_needs(files: Files, gone: frozenset[str]) -> list[Need]:
    """Everything that stays and loses something, sorted."""
    after = files.tree.without(gone)
    libraries = Libraries(files, after)
    modules = Modules(files.tree, gone)
    read_heads = _could_be_run_or_loaded(files.tree, gone)
    found: set[Need] = set()
    for path, entry in after.items():
        if entry.kind != "file" or not entry.size:
            continue
        found |= set(_by_name(files, after, modules, path))
        head = files.read(path, most=4096) if read_heads else b""
        if head[:4] == MAGIC:
            found |= set(_of_elf(files, after, libraries, path))
        elif head[:2] == b"#!" and entry.mode & 0o111:
            lost = script_loses(files.tree, after, head)
            if lost is not None:
                found.add(Need(path, lost, "interpreter", ""))
    return sorted(found)


def _could_be_run_or_loaded(tree: Tree, gone: frozenset[str]) -> bool:
    """Whether any program can miss what goes; nearly all that is dropped are data, and all programs are many."""
    reached = {found for path in gone if (found := tree.resolve(path)) is not None}
    behind_links = {each for path in reached - gone if tree.is_folder(path) for each in tree.below(path)}
    files = [path for path in reached | behind_links if not tree.is_folder(path)]
    return any(tree[path].mode & 0o111 or is_library_name(path) for path in files)


def _by_name(files: Files, after: Tree, modules: Modules, path: str) -> Iterator[Need]:
    """What files of a known place and form need."""
    if is_unit(path):
        yield from (Need(path, what, "unit", key) for key, what in unit_loses(files, after, path))
    elif is_pam(path):
        yield from (Need(path, what, "pam", word) for word, what in pam_loses(files, after, path))
    elif path.endswith(".py") and modules.any_lost:
        text = files.read(path, most=_MOST_PYTHON)
        yield from (Need(path, what, "import", name) for name, what in modules.lost(path, text))
    elif _MODULES.fullmatch(path):
        yield from _kernel_modules(files, after, path)


def _of_elf(files: Files, after: Tree, libraries: Libraries, path: str) -> Iterator[Need]:
    elf = read_elf(_Chunks(files, path).read)
    if elf is None:
        return
    loader = elf.interpreter.lstrip("/")
    if loader and files.tree.resolve(loader) is not None and after.resolve(loader) is None:
        yield Need(path, loader, "loader", "")
    for name, what in libraries.lost(path, elf):
        yield Need(path, what, "library", name)
    for priority, names in elf.opened:
        lost = None if priority == "suggested" else libraries.lost_choice(path, elf, names)
        if lost is not None:
            yield Need(path, lost, "library", names[0], certain=priority == "required")


class _Chunks:
    """A file read in a few large pieces instead of many small ones."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._kept: dict[int, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or offset > self._files.tree[self._path].size:
            return b""
        first = offset // _CHUNK * _CHUNK
        pieces = [self._chunk(begin) for begin in range(first, offset + length, _CHUNK)]
        return b"".join(pieces)[offset - first : offset - first + length]

    def _chunk(self, begin: int) -> bytes:
        if begin not in self._kept:
            self._kept[begin] = self._files.read(self._path, most=_CHUNK, offset=begin)
        return self._kept[begin]


def _kernel_modules(files: Files, after: Tree, path: str) -> Iterator[Need]:
    folder = parent_of(path)
    for line in files.read(path, most=_MOST_MODULES).decode("utf-8", "surrogateescape").splitlines():
        name, _, others = line.partition(":")
        who = _module(after, folder, name)
        if who is None:
            continue
        for other in others.split():
            what = _module(files.tree, folder, other)
            if what is not None and _module(after, folder, other) is None:
                yield Need(who, what, "module", "")


def _module(tree: Tree, folder: str, name: str) -> str | None:
    return tree.resolve(name if name.startswith("/") else join(folder, name))
