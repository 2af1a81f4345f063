"""What both formats of a bill of materials are made from."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from skerry.images.contents.packages import Installed, Package, dependents

_NAMESPACE = uuid.UUID("0a6f2d5e-7d0c-4f43-93c6-2a9d0f0a7c55")


@dataclass(frozen=True)
class Bill:
    """An image and its packages."""

    name: str
    system: Mapping[str, str]  # etc/os-release
    epoch: int  # seconds since 1970
    version: str  # of Skerry
    installed: Installed
    licenses: Mapping[Package, str]  # SPDX expressions
    hashes: Mapping[str, str]  # SHA-256 of package files, by full name
    content: str  # a hash of all files; it names the document

    @property
    def packages(self) -> list[Package]:
        """The packages without RPM's records of keys, which are none."""
        return [package for package in self.installed if package.name != "gpg-pubkey"]

    @property
    def made(self) -> str:
        """The time that the image claims to be made at."""
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def identity(self) -> str:
        """A UUID that is the same for the same image."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.name}/{self.content}"))

    @property
    def needs(self) -> Mapping[str, list[str]]:
        """By the full name of a package: those of the packages that it cannot be without, sorted."""
        found: dict[str, set[str]] = {}
        for needed, others in dependents(self.installed).items():
            for other, _ in others:
                found.setdefault(other.full_name, set()).add(needed)
        return {name: sorted(needs) for name, needs in found.items()}

    def url(self, package: Package) -> str:
        """The package's purl: https://github.com/package-url/purl-spec."""
        vendor = self.system.get("ID", "debian" if package.family == "deb" else "fedora")
        words = {"arch": package.architecture}
        if package.epoch:
            words["epoch"] = package.epoch
        words["distro"] = "-".join(filter(None, (vendor, self.system.get("VERSION_ID", ""))))
        if package.source not in {"", "(none)"}:
            words["upstream"] = package.source
        said = "&".join(f"{key}={quote(words[key], safe='.-_~')}" for key in sorted(words))
        version = quote(package.full_version, safe=".-_~")
        return f"pkg:{package.family}/{quote(vendor)}/{quote(package.name, safe='.-_~')}@{version}?{said}"


def clean(text: str) -> str:
    """Text of a package as one line that every reader of JSON and XML takes."""
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub(r"[\x00-\x1f\x7f\ufffe\uffff]+", " ", plain).strip()
