"""The program that looks at a root and says what the rules would delete. It changes nothing.

python -m skerry.images.minimize.survey ROOT < rules.json > plan.json

It runs in the session, for a plain user's builder cannot read the files of the users of the root's namespace.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skerry.images.contents.dpkg import installed_debs, paths_of
from skerry.images.contents.folder import FolderFiles, opened_root
from skerry.images.contents.packages import Installed, in_tree
from skerry.images.contents.rpmdb import installed_rpms
from skerry.images.contents.tree import Files, Tree
from skerry.images.minimize.needs import find_needs
from skerry.images.minimize.rules import Rule
from skerry.images.minimize.selection import Removal, plan_removal, select, won

# What removing a package leaves behind by itself, with times in it: gone again where it was not there before.
TRACES = (
    "var/log/dpkg.log",
    "var/log/alternatives.log",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/statoverride-old",
    "var/lib/dpkg/status-old",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/templates.dat-old",
    "var/cache/ldconfig/aux-cache",
)


def survey(files: Files, rules: Sequence[Rule], *, needs: bool) -> dict[str, Any]:
    """What the rules would do to a root, as JSON can say it."""
    tree = files.tree
    installed = Installed((*installed_debs(files), *installed_rpms(files)))
    selection = select(rules, tree, installed)
    removal = plan_removal(selection, tree)
    gone = frozenset(removal.paths)
    found = (
        [each for each in find_needs(files, gone) if each.who not in selection.accepted] if needs and gone else []
    )
    bytes_of = won(removal, tree, len(rules))
    return {
        "rules": [
            {"rule": str(rule), "place": rule.place, "matched": matched, "won": size}
            for rule, matched, size in zip(rules, selection.matched, bytes_of, strict=True)
        ],
        "paths": removal.paths,
        "held": _held(removal, tree),
        "packages": [
            {"family": each.family, "name": each.name, "architecture": each.architecture, "full": each.full_name}
            for each in removal.packages
        ],
        "files_of": _files_of(files, removal, installed),
        "needs": [asdict(each) for each in found],
        "traces": [path for path in TRACES if path not in tree] if removal.packages else [],
        "modules": sorted({path.partition("/kernel/")[0] for path in gone if _is_kernel_module(path)}),
    }


def _held(removal: Removal, tree: Tree) -> list[Mapping[str, Any]]:
    """Kept files of packages that go, with the folders that they need."""
    held: list[Mapping[str, Any]] = []
    for path in removal.held:
        above = [path[:end] for end, character in enumerate(path) if character == "/"]
        folders = [(each, tree[each].mode, tree[each].owner, tree[each].group) for each in above]
        held.append({"path": path, "folders": folders})
    return held


def _files_of(files: Files, removal: Removal, installed: Installed) -> dict[str, list[str]]:
    """The names that go, as they stand in the lists of the Debian packages that stay, by package."""
    gone = set(removal.paths)
    losers = {owner for path in gone for owner in installed.owners(path) if owner.family == "deb"}
    found = {}
    for package in sorted(losers.difference(removal.packages), key=lambda each: each.full_name):
        listed = paths_of(files, package.name, package.architecture)
        lost = [path for path in listed if gone.intersection(in_tree(files.tree, [path]))]
        found[f"{package.name}:{package.architecture}"] = lost
    return found


def _is_kernel_module(path: str) -> bool:
    return "lib/modules/" in path and "/kernel/" in path and ".ko" in path


def main(argv: Sequence[str]) -> int:
    """Read rules from standard input, and write what they would do."""
    told = json.load(sys.stdin)
    rules = [Rule(*each) for each in told["rules"]]
    with opened_root(Path(argv[0])) as root:
        plan = survey(FolderFiles(root), rules, needs=told["needs"])
    sys.stdout.write(json.dumps(plan))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
