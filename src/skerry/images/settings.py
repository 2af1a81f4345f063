"""The builder's table of settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from skerry.images.mirrors import Mirrors
from skerry.settings import FLAG, NUMBER, PATH, SIZE, TEXT, WORDS, load, setting
from skerry.sizes import GIB, MIB


def default_cache() -> Path:
    """Where caches of this user belong; root's are the machine's."""
    if os.geteuid() == 0:
        return Path("/var/cache/skerry/images")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skerry/images"


@dataclass(frozen=True)
class BuildSettings:
    """How images are built on this machine."""

    image_cache: Path | None = setting(
        PATH, "folder for packages, tools and finished steps; safe to delete", default=None
    )
    image_cache_size: int = setting(
        SIZE,
        "how much the cache may hold; what was not used longest goes first",
        default=6 * GIB,
        minimum=64 * MIB,
    )
    image_script_timeout: float = setting(
        NUMBER, "seconds that one script of a recipe may take", default=3600.0, minimum=1
    )
    debian_mirror: str = setting(
        TEXT, "where Debian is fetched from (default: as this machine itself)", default=""
    )
    debian_security_mirror: str = setting(TEXT, "where Debian's security fixes are fetched from", default="")
    ubuntu_mirror: str = setting(
        TEXT, "where Ubuntu is fetched from (default: as this machine itself)", default=""
    )
    fedora_mirror: str = setting(
        TEXT, "where Fedora is fetched from, up to `releases` (default: its list of mirrors)", default=""
    )
    centos_mirror: str = setting(
        TEXT, "where CentOS Stream is fetched from, up to `10-stream` (default: its list of mirrors)", default=""
    )
    rpm_keys: tuple[str, ...] = setting(
        WORDS, "files or addresses of keys that sign the packages of RPM repositories", default=()
    )
    rpm_unsigned: bool = setting(
        FLAG, "install from RPM repositories named by address without looking at signatures", default=False
    )

    @property
    def cache(self) -> Path:
        """The cache folder in use."""
        return self.image_cache or default_cache()

    def mirrors(self, distribution: str) -> Mirrors:
        """What the settings say of a distribution's mirrors."""
        if distribution == "ubuntu":  # which has updates and security in one archive
            return Mirrors(self.ubuntu_mirror or None, self.ubuntu_mirror or None)
        return Mirrors(self.debian_mirror or None, self.debian_security_mirror or None)


def default_config() -> Path:
    """The builder's file of settings."""
    if os.geteuid() == 0:
        return Path("/etc/skerry/build.toml")
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "skerry" / "build.toml"


def load_settings() -> BuildSettings:
    """File and environment as one object.

    Raises:
        BadSettings: with every mistake.
    """
    return load(BuildSettings, file=default_config())
