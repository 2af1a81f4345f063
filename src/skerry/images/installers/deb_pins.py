"""What apt prefers: packages that must not come in, and what a recipe's `repo` lines say of their suites.

See apt_preferences(5): a record that names packages goes before one of all packages, and of those the first one
holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skerry.images.recipe import Packages
from skerry.images.words.meaning import Repository, Source

_USUAL_COST = 1000  # of dnf
_USUAL = 500  # priority of what no record is about
# Aliases that move from release to release; everything else in Debian is a codename.
_ARCHIVES = frozenset({"stable", "oldstable", "testing", "unstable", "experimental"})


def preferences(packages: Packages, repositories: Sequence[Repository] = ()) -> str:
    """Apt preferences: excluded packages cannot come in, even as a dependency."""
    stanzas = [_stanza(name, "version *", -1) for name in packages.excluded]
    stanzas += [stanza for each in repositories for stanza in _pins(each)]
    return "".join(f"{stanza}\n" for stanza in stanzas)


def _pins(repository: Repository) -> Iterator[str]:
    release = f"release {_field(repository.source)}={repository.source.suite}"
    priority = _priority(repository.cost)
    if repository.exclude:
        yield _stanza(" ".join(repository.exclude), release, -1)
    if repository.include:
        yield _stanza(" ".join(repository.include), release, priority)
        yield _stanza("*", release, -1)
    elif repository.cost is not None:
        yield _stanza("*", release, priority)


def _field(source: Source) -> str:
    # Ubuntu's pockets all have the codename of their release.
    return "a" if source.distribution == "ubuntu" or source.suite.split("-")[0] in _ARCHIVES else "n"


def _priority(cost: int | None) -> int:
    """Less cost is more priority, without ever replacing a newer version by an older one."""
    return _USUAL if cost is None else min(max(_USUAL + (_USUAL_COST - cost) // 10, 101), 989)


def _stanza(packages: str, pin: str, priority: int) -> str:
    return f"Package: {packages}\nPin: {pin}\nPin-Priority: {priority}\n"
