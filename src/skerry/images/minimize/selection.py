"""From rules to what goes: pure, on the tree as data.

One running set of names, folders too. `drop` adds a match and all that is in it, `keep` takes such out; the files
of a package come and go with its own words. Only in the end the names are put in an order in which they can be
deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from skerry.images.contents.packages import Family, Installed, Package
from skerry.images.contents.tree import Tree, name_matches, parent_of
from skerry.images.minimize.rules import Rule

# Folders of the Filesystem Hierarchy Standard 3.0 that systems mount on or expect: not pruned because they became
# empty, only deleted when a rule names them.
STANDARD = frozenset(
    {
        *(
            "bin",
            "boot",
            "dev",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "media",
            "mnt",
            "opt",
            "proc",
            "root",
            "run",
        ),
        *("sbin", "srv", "sys", "tmp", "usr", "usr/bin", "usr/lib", "usr/lib64", "usr/local", "usr/sbin"),
        *("usr/share", "var", "var/cache", "var/lib", "var/local", "var/log", "var/mail", "var/opt", "var/spool"),
        "var/tmp",
    }
)
_OF_FAMILY: Mapping[str, Family] = {"droprpm": "rpm", "keeprpm": "rpm", "dropdeb": "deb", "keepdeb": "deb"}


@dataclass
class Selection:
    """What the rules chose."""

    chosen: dict[str, int] = field(default_factory=dict)  # by path: the rule (its number) that put it in the set
    kept: set[str] = field(default_factory=set)  # whose last word was `keep`
    packages: dict[Package, int] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    matched: list[int] = field(default_factory=list)  # names, or packages, that each rule's pattern met


@dataclass(frozen=True)
class Removal:
    """What is deleted, in order: whatever is in a folder before the folder."""

    paths: tuple[str, ...]
    rules: Mapping[str, int]  # by path: the rule that it goes by
    held: tuple[str, ...]  # of packages that go, to be kept all the same
    packages: tuple[Package, ...]


def select(rules: Sequence[Rule], tree: Tree, installed: Installed) -> Selection:
    """Run the rules, one after the other."""
    selection = Selection()
    for number, rule in enumerate(rules):
        if rule.verb in _OF_FAMILY:
            _packages(selection, number, rule, installed)
            continue
        whole = {each for path in tree.glob(rule.pattern) for each in tree.below(path)} - {""}
        selection.matched.append(len(whole))
        _APPLY[rule.verb](selection, number, whole)
    return selection


def _drop(selection: Selection, number: int, whole: set[str]) -> None:
    for path in whole:
        selection.chosen.setdefault(path, number)
    selection.kept -= whole


def _keep(selection: Selection, _: int, whole: set[str]) -> None:
    for path in whole:
        selection.chosen.pop(path, None)
    selection.kept |= whole


def _accept(selection: Selection, _: int, whole: set[str]) -> None:
    selection.accepted |= whole


_APPLY = {"drop": _drop, "keep": _keep, "accept": _accept}


def _packages(selection: Selection, number: int, rule: Rule, installed: Installed) -> None:
    family = _OF_FAMILY[rule.verb]
    found = [each for each in installed if each.family == family and name_matches(each.name, rule.pattern)]
    selection.matched.append(len(found))
    if rule.verb.startswith("drop"):
        for package in found:
            selection.packages.setdefault(package, number)
        _drop(selection, number, _own_files(found, selection, installed))
        return
    back = _own_files(found, selection, installed)
    by_packages = set(selection.packages.values())
    for package in found:
        selection.packages.pop(package, None)
    for path in back:
        if selection.chosen.get(path) in by_packages:
            del selection.chosen[path]


def _own_files(packages: Iterable[Package], selection: Selection, installed: Installed) -> set[str]:
    """What belongs to nobody but to packages that go, and no folder in which something stays."""
    going = selection.packages
    return {
        path
        for package in packages
        for path in package.files
        if path not in STANDARD and all(owner in going for owner in installed.owners(path))
    }


def plan_removal(selection: Selection, tree: Tree) -> Removal:
    """Decide what is deleted.

    A folder goes with all that is in it, or stays. One that became empty because what stood directly in it was
    chosen goes too, unless it was kept, or is one of the standard's.
    """
    rules: dict[str, int] = {}
    for path in sorted(selection.chosen, reverse=True):
        rule = selection.chosen[path]
        if not tree.is_folder(path):
            rules[path] = rule
    folders = {path: rule for path, rule in selection.chosen.items() if tree.is_folder(path)}
    for path, rule in rules.items():
        folder = parent_of(path)
        if folder not in selection.kept and folder not in STANDARD and folder:
            folders.setdefault(folder, rule)
    for folder in sorted(folders, reverse=True):
        if all(child in rules for child in tree.children(folder)):
            rules[folder] = folders[folder]
    packages = tuple(sorted(selection.packages, key=lambda each: each.full_name))
    owned = {path for package in packages for path in package.files if not tree.is_folder(path)}
    return Removal(
        paths=tuple(sorted(rules, reverse=True)),
        rules=rules,
        held=tuple(sorted(owned & selection.kept)),
        packages=packages,
    )


def won(removal: Removal, tree: Tree, rules: int) -> list[int]:
    """The bytes that each rule wins. A file with several names is won with the last of them, if all go."""
    bytes_of = [0] * rules
    names: dict[int, int] = {}
    for path in tree:
        if (entry := tree[path]).inode:
            names[entry.inode] = names.get(entry.inode, 0) + 1
    for path in removal.paths:
        entry = tree[path]
        if entry.inode:
            names[entry.inode] -= 1
            if names[entry.inode]:
                continue
        bytes_of[removal.rules[path]] += entry.disk_size
    return bytes_of
