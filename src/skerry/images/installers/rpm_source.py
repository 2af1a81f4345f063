"""From a recipe of the RPM family and the settings to its installer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skerry.errors import Unavailable
from skerry.images.answers import Answers, version_of
from skerry.images.installers.rpm import RpmInstaller
from skerry.images.repositories import RpmRepository, release_repositories
from skerry.images.settings import BuildSettings
from skerry.images.words import Meaning, Repository, Source


async def rpm_installer(meaning: Meaning, settings: BuildSettings, answers: Answers) -> RpmInstaller:
    """The installer of a recipe.

    Raises:
        BadInput: there is no such release.
        Unavailable: dnf is not installed, or nothing says whose signatures count.
    """
    try:
        version = await version_of("dnf", answers)
        await version_of("rpm", answers)
    except Unavailable as exc:
        hint = "on Debian and Ubuntu: apt install dnf rpm distribution-gpg-keys"
        raise Unavailable(f"{meaning.source} is installed by dnf and rpm: {exc.message}", hint=hint) from exc
    if not version.startswith("4."):
        raise Unavailable(f"{meaning.source} is installed by dnf 4; here it is {version}")
    repositories = repositories_of(meaning.source, "install", meaning.source.suite, settings)
    kept: list[RpmRepository] = []
    for more in meaning.repositories:
        found = repositories_of(more.source, more.name, meaning.source.suite, settings)
        found = [_as_asked(each, more) for each in found]
        repositories += found
        kept += found if more.install else []
    return RpmInstaller(
        source=str(meaning.source),
        release=meaning.source.suite,
        packages=meaning.packages,
        repositories=tuple(repositories),
        program=version,
        kept=tuple(kept),
    )


def repositories_of(source: Source, name: str, release: str, settings: BuildSettings) -> list[RpmRepository]:
    """The repositories of one source; one by address is called `name`.

    Raises:
        BadInput: there is no such release.
        Unavailable: nothing says whose signatures count.
    """
    if source.distribution:
        mirror = {"fedora": settings.fedora_mirror, "centos": settings.centos_mirror}.get(source.distribution, "")
        found = release_repositories(source.distribution, source.suite, mirror=mirror)
        return [replace(each, keys=_trusted(each.keys, settings)) for each in found]
    if not settings.rpm_keys and not settings.rpm_unsigned:
        raise Unavailable(
            f"nothing says whose signatures count for {source.address}",
            hint="set SKERRY_RPM_KEYS to the file of its key, or SKERRY_RPM_UNSIGNED to yes to look at none",
        )
    keys = () if settings.rpm_unsigned else settings.rpm_keys
    return [RpmRepository(name, address_of(source.address, release), source.address_kind, keys)]


def _trusted(published: tuple[str, ...], settings: BuildSettings) -> tuple[str, ...]:
    """The keys of a release that this machine has, and those of the settings: a mirror may sign anew."""
    return (*(key for key in published if Path(key).exists()), *settings.rpm_keys) or published


def address_of(text: str, release: str) -> str:
    """An address with dnf's variables filled in, and as a whole URL.

    Raises:
        Unavailable: it depends on a release, and the recipe names none.
    """
    if "$releasever" in text and not release:
        raise Unavailable(f"{text} depends on a release", hint="name the release in the address")
    for variable, value in (("$releasever", release), ("$basearch", "x86_64"), ("$arch", "x86_64")):
        text = text.replace(variable, value)
    if text.startswith("file:"):
        return "file:///" + text.removeprefix("file:").lstrip("/")
    return text


def _as_asked(repository: RpmRepository, more: Repository) -> RpmRepository:
    return replace(repository, cost=more.cost, include=more.include, exclude=more.exclude)
