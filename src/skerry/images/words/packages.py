"""%packages."""

from __future__ import annotations

import re
from dataclasses import replace

from skerry.images.recipe import Mistake, Packages, Place, Recipe
from skerry.images.words.table import PACKAGES_RPM_ONLY

_DEB = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+)?(/[a-z0-9-]+)?")
_DEB_EXCLUDED = re.compile(r"[a-z0-9*?][a-z0-9+.*?-]*(:[a-z0-9-]+)?")  # apt's preferences take patterns
# Names, patterns and paths (`/usr/bin/vim`); no leading minus, no blanks.
_RPM = re.compile(r"[A-Za-z0-9_*?\[/][A-Za-z0-9_+.:~^*?\[\]/!=-]{0,200}")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.+()/&-]{0,100}")
_LANGUAGE = re.compile(r"[A-Za-z0-9_.@-]{1,40}")


def checked_packages(recipe: Recipe, family: str, mistakes: list[Mistake]) -> Packages:
    """The packages that can be asked for; the others are mistakes."""
    packages = recipe.packages
    found: dict[str, str] = {}  # line or option: why it is a mistake
    if family == "deb":
        found |= _deb(recipe)
        packages = Packages(
            names=packages.names,
            excluded=packages.excluded,
            core=packages.core,
            docs=packages.docs,
            weak_dependencies=packages.weak_dependencies,
            languages=packages.languages,
        )
    else:
        found |= _rpm(recipe)
    languages = packages.languages
    if languages is not None:
        found |= {
            f"--inst-langs={each}": f"{each[:60]!r} is not a language"
            for each in languages
            if not _is_language(each)
        }
        languages = tuple(each for each in languages if _is_language(each))
    for line, reason in found.items():
        known = {**recipe.package_options, **recipe.package_places}
        written = (line, f"@{line}", f"-@{line}", f"@^{line}", line.partition("=")[0])
        place = next((known[each] for each in written if each in known), Place(recipe.path, 0))
        mistakes.append(Mistake(place, f"%packages: {reason}"))
    return replace(
        packages,
        names=tuple(each for each in packages.names if each not in found),
        excluded=tuple(each for each in packages.excluded if f"-{each}" not in found),
        groups=tuple(each for each in packages.groups if each not in found),
        excluded_groups=tuple(each for each in packages.excluded_groups if each not in found),
        environment=None if packages.environment in found else packages.environment,
        languages=languages,
    )


def _is_language(text: str) -> bool:
    return bool(_LANGUAGE.fullmatch(text))


def _deb(recipe: Recipe) -> dict[str, str]:
    packages = recipe.packages
    found = {}
    for name in packages.names:
        if not _DEB.fullmatch(name):
            pattern = "; apt installs no patterns: name the packages" if set(name) & set("*?[") else ""
            found[name] = f"{name[:80]!r} is not a package name{pattern}"
    for name in packages.excluded:
        if not _DEB_EXCLUDED.fullmatch(name):
            found[f"-{name}"] = f"{name[:80]!r} is not a package name"
    for line in recipe.package_places:
        if line.startswith(("@", "-@")):
            found[line] = f"{line[:80]}: Debian and Ubuntu have no package groups"
    for option in recipe.package_options:
        if option in PACKAGES_RPM_ONLY:
            found[option] = f"{option} cannot be honoured: {PACKAGES_RPM_ONLY[option]}"
    return found


def _rpm(recipe: Recipe) -> dict[str, str]:
    packages = recipe.packages
    found = {}
    for sign, names in (("", packages.names), ("-", packages.excluded)):
        for name in names:
            if not _RPM.fullmatch(name) or ".." in name.split("/"):
                found[f"{sign}{name}"] = f"{name[:80]!r} is not a package name"
    environments = [packages.environment] if packages.environment else []
    for name in (*packages.groups, *packages.excluded_groups, *environments):
        if not _GROUP.fullmatch(name):
            found[name] = f"{name[:80]!r} is not a name of a group"
    return found
