"""Which libraries the loader would find, as in ld.so(8): the file's own folders, ld.so.conf, the standard ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from skerry.images.contents.tree import Files, Tree, join, name_of, parent_of
from skerry.images.minimize.elf import Elf, read_elf

_STANDARD = ("lib64", "usr/lib64", "lib", "usr/lib")
_MOST_CONF, _MOST_INCLUDES = 64 * 1024, 100


class Libraries:
    """Finds libraries in a root, with or without what is going to be deleted."""

    def __init__(self, files: Files, after: Tree) -> None:
        self._files = files
        self._before = files.tree
        self._after = after
        self._folders = (*conf_folders(files), *_STANDARD)
        self._kind_of = cache(self._read_kind)
        self._find_in = cache(self._look)

    def lost(self, path: str, elf: Elf) -> Iterator[tuple[str, str]]:
        """The names in NEEDED that a file finds now and not afterwards, each with the path that it finds now."""
        for name in elf.needed:
            found = self._find(path, elf, name, self._before)
            if found is not None and self._find(path, elf, name, self._after) is None:
                yield name, found

    def lost_choice(self, path: str, elf: Elf, names: Sequence[str]) -> str | None:
        """The path of the one of these names that a file finds now, when it finds none of them afterwards."""
        found = [each for name in names if (each := self._find(path, elf, name, self._before)) is not None]
        if not found or any(self._find(path, elf, name, self._after) is not None for name in names):
            return None
        return found[0]

    def _find(self, path: str, elf: Elf, name: str, tree: Tree) -> str | None:
        if "/" in name:
            return tree.resolve(name if name.startswith("/") else join(parent_of(path), name))
        return self._find_in(tuple(_own_folders(path, elf)), name, (elf.bits, elf.machine), tree)

    def _look(self, own: tuple[str, ...], name: str, kind: tuple[int, int], tree: Tree) -> str | None:
        for folder in (*own, *self._folders):
            found = tree.resolve(join(folder, name))
            if found is not None and self._kind_of(found) == kind:
                return found
        return None

    def _read_kind(self, path: str) -> tuple[int, int] | None:
        if self._before[path].kind != "file":
            return None
        elf = read_elf(lambda offset, most: self._files.read(path, most=most, offset=offset))
        return None if elf is None else (elf.bits, elf.machine)


def _own_folders(path: str, elf: Elf) -> Iterator[str]:
    for folder in elf.search:
        for word, value in (("ORIGIN", parent_of(path)), ("LIB", "lib64" if elf.bits == 64 else "lib")):
            folder = folder.replace(f"${{{word}}}", f"/{value}").replace(f"${word}", f"/{value}")  # noqa: PLW2901
        yield folder.strip("/")


def conf_folders(files: Files) -> tuple[str, ...]:
    """The folders that etc/ld.so.conf names, with what it includes."""
    found: list[str] = []
    todo = ["etc/ld.so.conf"]
    for _ in range(_MOST_INCLUDES):
        if not todo:
            break
        path = files.tree.resolve(todo.pop(0))
        if path is None or files.tree[path].kind != "file":
            continue
        for line in files.read(path, most=_MOST_CONF).decode("utf-8", "surrogateescape").splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["include"]:
                todo += [each for word in words[1:] for each in files.tree.glob(_absolute(word, path))]
            else:
                found += [word.strip("/") for word in words]
    return tuple(dict.fromkeys(found))


def _absolute(pattern: str, file: str) -> str:
    return pattern if pattern.startswith("/") else join(parent_of(file), pattern)


def is_library_name(path: str) -> bool:
    """Whether a path may be what a NEEDED names."""
    return ".so" in name_of(path)
