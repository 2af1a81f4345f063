"""Where RPM packages come from, and whose signatures count.

A recipe names a release, `fedora:42`, and the mirror is a setting; or it names a repository itself, by address.
Signatures are always checked, unless a setting says otherwise: a release's by the keys that the distribution
publishes (Debian's package distribution-gpg-keys), any other repository's by the keys of the settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from skerry.errors import BadInput
from skerry.images.sums import sha256_of

KEYS = Path("/usr/share/distribution-gpg-keys")
Address = Literal["baseurl", "mirrorlist", "metalink"]
_SCHEMES = ("http", "https", "ftp", "file")


@dataclass(frozen=True)
class RpmRepository:
    """One repository, as dnf is told of it."""

    name: str
    url: str
    address: Address = "baseurl"
    keys: tuple[str, ...] = ()  # paths or addresses; none: signatures are not checked
    include: tuple[str, ...] = ()  # the only packages to see
    exclude: tuple[str, ...] = ()
    cost: int | None = None

    @property
    def folder(self) -> Path | None:
        """Where it is on this machine, for a file: address."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    @property
    def revision(self) -> str:
        """What its index is now, if it is on this machine: packages that were added there are another content."""
        try:
            return sha256_of(self.folder / "repodata/repomd.xml") if self.folder else ""
        except OSError:  # the installer tells what is wrong with it
            return ""

    @property
    def inputs(self) -> Mapping[str, object]:
        """All of it that decides what is installed."""
        revision = self.revision
        return asdict(self) | ({"revision": revision} if revision else {})


def release_repositories(
    distribution: str, release: str, *, mirror: str = "", keys: Sequence[str] = ()
) -> list[RpmRepository]:
    """The repositories of a release and its updates; without a mirror, the distribution's own list of mirrors.

    Raises:
        BadInput: there is no such release.
    """
    if distribution == "fedora":
        return _fedora(release, mirror.rstrip("/"), tuple(keys))
    if distribution == "centos":
        return _centos(release, mirror.rstrip("/"), tuple(keys))
    raise BadInput(f"{distribution} has no repositories that are known", hint="name them by address with `url`")


def _fedora(release: str, mirror: str, keys: tuple[str, ...]) -> list[RpmRepository]:
    if release != "rawhide" and not re.fullmatch(r"[1-9][0-9]{1,2}", release):
        raise BadInput(f"fedora has no release {release!r}", hint="name one by number, or rawhide")
    keys = keys or (f"{KEYS}/fedora/RPM-GPG-KEY-fedora-{release}-primary",)
    tree = "Everything/x86_64"
    if release == "rawhide":
        places = {"rawhide": (f"{mirror}/development/rawhide/{tree}/os", "rawhide")}
    else:
        places = {
            "fedora": (f"{mirror}/releases/{release}/{tree}/os", f"fedora-{release}"),
            "updates": (f"{mirror}/updates/{release}/{tree}", f"updates-released-f{release}"),
        }
    listing = "https://mirrors.fedoraproject.org/metalink?repo={}&arch=x86_64"
    return [_of_release(name, place, listing, mirror, keys) for name, place in places.items()]


def _centos(release: str, mirror: str, keys: tuple[str, ...]) -> list[RpmRepository]:
    match = re.fullmatch(r"([1-9][0-9]?)(-stream)?", release)
    if not match:
        raise BadInput(f"centos has no release {release!r}", hint="name one by number, such as centos:10")
    number = int(match[1])
    file = "RPM-GPG-KEY-CentOS-Official-SHA256" if number >= 10 else "RPM-GPG-KEY-CentOS-Official"
    keys = keys or (f"{KEYS}/centos/{file}",)
    listing = "https://mirrors.centos.org/metalink?repo={}&arch=x86_64"
    return [
        _of_release(
            name.lower(),
            (f"{mirror}/{number}-stream/{name}/x86_64/os", f"centos-{name.lower()}-{number}-stream"),
            listing,
            mirror,
            keys,
        )
        for name in ("BaseOS", "AppStream")
    ]


def _of_release(
    name: str, place: tuple[str, str], listing: str, mirror: str, keys: tuple[str, ...]
) -> RpmRepository:
    under_mirror, listed = place
    if mirror:
        return RpmRepository(name, under_mirror, keys=keys)
    return RpmRepository(name, listing.format(listed), "metalink", keys)


def check_repository(repository: RpmRepository) -> None:
    """Refuse what dnf would read as something else, or nothing.

    Raises:
        BadInput: the address or the name is none.
    """
    parts = urlsplit(repository.url)
    local = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    if parts.scheme not in _SCHEMES or not (local or (parts.scheme != "file" and parts.netloc)):
        raise BadInput(f"{repository.url!r} is not the address of a repository", hint="such as file:/srv/rpms")
    if re.search(r"[\s\x00-\x1f]", repository.url):
        raise BadInput(f"{repository.url!r}: addresses have no blanks")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", repository.name) or repository.name == "main":
        raise BadInput(f"{repository.name!r} is not a name that a repository can have")


def section(repository: RpmRepository) -> str:
    """Its section of dnf's configuration; `keys` are paths or addresses that dnf can open by then."""
    lines = [f"[{repository.name}]", f"name={repository.name}", f"{repository.address}={repository.url}"]
    lines += [f"gpgcheck={int(bool(repository.keys))}", "repo_gpgcheck=0", "skip_if_unavailable=0"]
    if repository.keys:
        lines.append(f"gpgkey={' '.join(repository.keys)}")
    if repository.include:
        lines.append(f"includepkgs={' '.join(repository.include)}")
    if repository.exclude:
        lines.append(f"excludepkgs={' '.join(repository.exclude)}")
    if repository.cost is not None:
        lines.append(f"cost={repository.cost}")
    return "\n".join(lines) + "\n"
