"""What Python modules import when they are loaded: import lines of their top level, outside of any `try` or `if`.

What a function imports when it is called, or what falls back to something else, is no need: a program may live
without it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from skerry.images.contents.tree import Tree, join, name_of, parent_of

_LINE = re.compile(
    rb"^(?:import[ \t]+(?P<names>[\w., \t]+)|from[ \t]+(?P<base>[.\w]+)[ \t]+import[ \t]+(?:\((?P<many>[^)]*)\)|"
    rb"(?P<some>[\w., \t]+)))",
    re.MULTILINE,
)
_BASE = r"(?:usr/(?:local/)?)?lib(?:64)?/python3(?:\.\d+)?"
_FOLDER = re.compile(rf"{_BASE}(?:/(?:dist-packages|site-packages|lib-dynload))?")
_IN_PYTHON = re.compile(rf"{_BASE}/")


class Modules:
    """The modules that Python finds in a root, before and after."""

    def __init__(self, before: Tree, gone: frozenset[str]) -> None:
        self._before = before
        self._gone = gone
        self._folders = tuple(
            sorted({folder for path in before if (folder := parent_of(path)) and _is_search_folder(folder)})
        )
        self._lost_names = {_plain_name(path) for path in gone if _is_module(path)}

    @property
    def any_lost(self) -> bool:
        """Whether anything goes that Python could import."""
        return bool(self._lost_names)

    def lost(self, path: str, text: bytes) -> Iterator[tuple[str, str]]:
        """The modules that a file imports and that go, each with its path."""
        package = package_of(path)
        wanted = [name for name in _imports(text, package) if name.rpartition(".")[2] in self._lost_names]
        if not wanted:
            return
        sure = _top_level(text, package)
        for name in dict.fromkeys(wanted):
            if sure is not None and name not in sure:
                continue
            found = [each for folder in self._search(path) for each in self._at(folder, name)]
            if found and all(each in self._gone for each in found):
                yield name, found[0]

    def _search(self, path: str) -> tuple[str, ...]:
        """The folders that programs see: of the same Python where the file lies in one, and beside itself."""
        beside = () if _IN_PYTHON.match(path) else (parent_of(path),)
        return (*beside, *self._folders)

    def _at(self, folder: str, name: str) -> list[str]:
        stem = join(folder, name.replace(".", "/"))
        here = [f"{stem}.py", f"{stem}/__init__.py", f"{stem}.pyc"]
        found = [each for each in here if each in self._before]
        above = parent_of(stem)
        if above in self._before:
            begin = name_of(stem) + "."
            found += [
                each
                for each in self._before.children(above)
                if name_of(each).startswith(begin) and each.endswith(".so")
            ]
        return found


def _is_search_folder(folder: str) -> bool:
    return _FOLDER.fullmatch(folder) is not None


def _is_module(path: str) -> bool:
    return path.endswith((".py", ".pyc", ".so")) and "/__pycache__/" not in path


def _plain_name(path: str) -> str:
    stem = path.removesuffix("/__init__.py")
    return name_of(stem).partition(".")[0]


def package_of(path: str) -> str:
    """The dotted name of the package that a module's file is in; empty for one that lies in a search folder."""
    folder = parent_of(path)
    parts: list[str] = []
    while folder and not _is_search_folder(folder):
        parts.insert(0, name_of(folder))
        folder = parent_of(folder)
    return ".".join(parts) if folder else ""


def _imports(text: bytes, package: str) -> Iterator[str]:
    """Names in lines that look like imports of the top level, quick to find."""
    for match in _LINE.finditer(text):
        if names := match["names"]:
            yield from (word for part in names.decode().split(",") if (word := part.strip().split(" ")[0]))
            continue
        base = _absolute(match["base"].decode("ascii", "replace"), package)
        yield base
        for part in re.sub(rb"#[^\n]*", b"", match["many"] or match["some"]).decode("utf-8", "replace").split(","):
            if word := part.strip().split(" ")[0]:
                yield f"{base}.{word}" if base else word


def _absolute(base: str, package: str) -> str:
    level = len(base) - len(base.lstrip("."))
    if not level:
        return base
    parts = package.split(".") if package else []
    kept = parts[: len(parts) - level + 1]
    return ".".join([*kept, *([base[level:]] if base[level:] else [])])


def _top_level(text: bytes, package: str) -> set[str] | None:
    """The names that surely are imported when the module is; None when this Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = set()
    for node in body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            found |= {base} | {f"{base}.{alias.name}" if base else alias.name for alias in node.names}
    return found
