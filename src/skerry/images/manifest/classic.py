"""The seven manifests of oVirt Node, line for line in their formats; Debian's under the same names.

| file                   | lines                                                                       |
|------------------------|-----------------------------------------------------------------------------|
| manifest-rpm.txt       | `name-version-release.arch (signature)`, sorted                             |
| manifest-srpm.txt      | file names of source packages, sorted, each once                            |
| manifest-license.txt   | licence tags, sorted, each once                                             |
| manifest-deps.txt.bz2  | what `rpm -e --test` says of each package: who needs what                   |
| manifest-owns.txt.bz2  | a line with a path, then one with its owner; sorted by path                 |
| manifest-file.txt.bz2  | `KiB<TAB>path` of every file and folder, folders with all that is in them   |
| manifest-dir.txt.bz2   | the same of folders only                                                    |

Sizes are those on a disk with blocks of 4 KiB. A name with control characters, or with bytes that are no UTF-8,
begins with a backslash and is escaped, so that a line is always one name (`shown`).
"""

from __future__ import annotations

import bz2
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from skerry.images.contents.packages import Installed, Package, dependents
from skerry.images.contents.tree import Tree, parent_of, shown

UNOWNED = "Not owned by any package."
# What package managers keep for themselves is no part of the image.
CACHES = frozenset({"var/cache/apt/archives", "var/cache/dnf", "var/cache/libdnf5", "var/cache/yum"})


def rpm_lines(installed: Installed) -> list[str]:
    """manifest-rpm.txt: every package and who signed it."""
    return sorted(f"{package.full_name} {_in_parentheses(package.signature)}" for package in installed)


def _in_parentheses(signature: str) -> str:
    return f"({signature.strip('()')})"


def srpm_lines(installed: Installed) -> list[str]:
    """manifest-srpm.txt: every source package."""
    return sorted({package.source for package in installed if package.source})


def license_lines(licenses: Mapping[Package, Iterable[str]]) -> list[str]:
    """manifest-license.txt: every licence tag."""
    return sorted({_one_line(tag) for tags in licenses.values() for tag in tags})


def deps_lines(installed: Installed) -> list[str]:
    """manifest-deps.txt: for each package that others need, who needs it and by which word."""
    needed = dependents(installed)
    lines = []
    for package in installed:
        needs = needed.get(package.full_name)
        if needs:
            lines.append("error: Failed dependencies:")
            lines += sorted(
                f"\t{_one_line(word)} is needed by (installed) {other.full_name}" for other, word in needs
            )
    return lines


def owns_lines(tree: Tree, installed: Installed) -> Iterator[str]:
    """manifest-owns.txt: a path, then its owner; the first package that names it."""
    for path in ("", *tree):
        owners = installed.owners(path)
        yield shown(path)
        yield owners[0].full_name if owners else UNOWNED


def usage(tree: Tree) -> Iterator[tuple[str, int]]:
    """Every path with its bytes on disk, what is in a folder before the folder, as du goes.

    Names of one file count once, at the first.
    """
    seen: set[int] = set()
    totals: dict[str, int] = {}
    todo: list[tuple[str, bool]] = [("", False)]
    while todo:
        path, leaving = todo.pop()
        entry = tree[path]
        if entry.kind == "folder" and not leaving:
            totals[path] = entry.disk_size
            todo.append((path, True))
            todo += [(child, False) for child in reversed(tree.children(path)) if child not in CACHES]
            continue
        size = totals.pop(path) if leaving else _once(entry.disk_size, entry.inode, seen)
        if path:
            totals[parent_of(path)] += size
        yield path, size


def _once(size: int, inode: int, seen: set[int]) -> int:
    if inode and inode in seen:
        return 0
    seen.add(inode)
    return size


def usage_line(path: str, size: int) -> str:
    """A line of du."""
    return f"{size // 1024}\t{shown(path)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write_classic(
    folder: Path, tree: Tree, installed: Installed, licenses: Mapping[Package, Iterable[str]]
) -> dict[str, int]:
    """Write all seven; returns the bytes on disk of every folder."""
    sizes = list(usage(tree))
    folders = [(path, size) for path, size in sizes if tree.is_folder(path)]
    _write(folder / "manifest-rpm.txt", rpm_lines(installed))
    _write(folder / "manifest-srpm.txt", srpm_lines(installed))
    _write(folder / "manifest-license.txt", license_lines(licenses))
    _write_bz2(folder / "manifest-deps.txt.bz2", deps_lines(installed))
    _write_bz2(folder / "manifest-owns.txt.bz2", owns_lines(tree, installed))
    _write_bz2(folder / "manifest-file.txt.bz2", (usage_line(*each) for each in sizes))
    _write_bz2(folder / "manifest-dir.txt.bz2", (usage_line(*each) for each in folders))
    return dict(folders)


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_bytes(_text(lines))


def _write_bz2(path: Path, lines: Iterable[str]) -> None:
    path.write_bytes(bz2.compress(_text(lines)))
