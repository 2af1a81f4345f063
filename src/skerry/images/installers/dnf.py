"""dnf for a root that is not the machine's: its command and its configuration. Pure; `rpm` runs it.

dnf and the scriptlets of packages see a machine that has nothing but programs: /usr read-only, the parts of /etc
that name resolution and certificates need, the root, and the work folder. So a scriptlet that leaves rpm's chroot
finds nothing to read or change, and what it starts ends with dnf.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.commands import Arg
from skerry.images.recipe import BadRecipe, Packages
from skerry.images.repositories import RpmRepository, section

DATABASE = "/usr/lib/sysimage/rpm"  # where Fedora has it since 36; see rpm_database for others
_ETC = (
    *("alternatives", "ca-certificates", "crypto-policies", "gai.conf", "group", "host.conf", "hosts"),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "passwd", "pki", "protocols", "resolv.conf"),
    *("services", "ssl"),
)


@dataclass(frozen=True)
class Place:
    """Where things are while a base is installed."""

    root: Path
    work: Path  # configuration, keys, cache

    @property
    def cache(self) -> Path:
        """Metadata and packages, as dnf lays them out."""
        return self.work / "cache"


def contained_argv(place: Place, folders: Sequence[Path], *, network: bool) -> list[Arg]:
    """The options of bubblewrap that give dnf a machine of its own, with `folders` to read beside."""
    argv: list[Arg] = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64", "sbin"):
        argv += ["--symlink", f"usr/{name}", f"/{name}"]
    for name in _ETC:
        argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    argv += ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"]
    argv += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108 - a new one
    for folder in folders:
        argv += ["--ro-bind", folder, folder]
    argv += ["--bind", place.root, place.root, "--bind", place.work, place.work]
    argv += ["--dev", place.root / "dev", "--proc", place.root / "proc", "--tmpfs", place.root / "run"]
    argv += ["--ro-bind", "/sys", place.root / "sys"]
    for name in ("sys", "sysrq-trigger", "irq", "bus"):
        argv += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
        argv += ["--ro-bind-try", f"/proc/{name}", place.root / "proc" / name]
    alone = [] if network else ["--unshare-net"]
    return [*argv, *alone, "--chdir", place.work]


def dnf_argv(place: Place, release: str, *words: str, offline: bool = False) -> list[Arg]:
    """A dnf command for the root; everything else is in the configuration."""
    argv: list[Arg] = ["dnf", "--config", place.work / "dnf.conf", "--installroot", place.root]
    argv += ["--releasever", release or "0", "--noplugins"]
    argv.append("--cacheonly" if offline else "--refresh")  # a build asks whether the repositories moved on
    return [*argv, *words]


def configuration(place: Place, packages: Packages, repositories: Sequence[RpmRepository]) -> str:
    """dnf.conf; paths of dnf's own are below the root whatever they say, so they lead out of it again."""
    up = os.path.relpath(place.work, place.root)
    flag = {True: "1", False: "0"}
    lines = {
        "assumeyes": "1",
        "best": "1",
        "cachedir": f"{up}/cache",
        "logdir": f"{up}/log",
        "color": "never",
        "excludepkgs": " ".join(packages.excluded),
        "gpgcheck": "1",
        "install_weak_deps": flag[packages.weak_dependencies],
        "installonly_limit": "0",
        "keepcache": "1",
        "localpkg_gpgcheck": "1",
        "max_parallel_downloads": "10",
        "multilib_policy": "all" if packages.multilib else "best",
        "protected_packages": "",
        "reposdir": "/nonexistent",
        "retries": str(packages.retries if packages.retries is not None else 5),
        "strict": flag[not (packages.ignore_missing or packages.ignore_broken)],
        "timeout": str(packages.timeout if packages.timeout is not None else 30),
        "tsflags": "" if packages.docs else "nodocs",
        "varsdir": "/nonexistent",
    }
    main = "".join(f"{name}={value}\n" for name, value in lines.items())
    return "\n".join(["[main]", main, *map(section, repositories)])


def rpm_macros(packages: Packages) -> str:
    """~/.rpmmacros of the installation: rpm's settings that dnf has none for."""
    lines = {
        "_dbpath": DATABASE,
        "_db_backend": "sqlite",
        # Mount points of the installation, which packages own too; rpm would change their owners and modes.
        "_netsharedpath": "/dev:/proc:/sys",
        **{f"__transaction_{name}": "%{nil}" for name in ("systemd_inhibit", "selinux", "audit", "syslog")},
    }
    if packages.languages is not None:
        lines["_install_langs"] = languages(packages.languages)
    return "".join(f"%{name} {value}\n" for name, value in lines.items())


def languages(names: Sequence[str]) -> str:
    """The value of %_install_langs; empty would mean all, so none is `C`."""
    return ":".join(names) or "C"


def specs(packages: Packages) -> list[str]:
    """What to ask dnf for; groups that it cannot take as they are asked for are left to `rpm`.

    Raises:
        BadRecipe: a name would be something else to dnf than a package.
    """
    for name in (*packages.names, *packages.excluded):
        if "://" in name or name.endswith(".rpm") or not re.fullmatch(r"[^\s$,@-][^\s$,]*", name):
            raise BadRecipe(f"{name!r} is not the name of a package", hint="add a `repo` that has it")
    if packages.default:
        raise BadRecipe("%packages --default: name the environment instead, such as @^minimal-environment")
    special = {*packages.mandatory_groups, *packages.whole_groups, *packages.excluded_groups}
    groups = ["core"] if packages.core and "core" not in packages.groups else []
    wanted = [f"@{name}" for name in (*groups, *packages.groups) if name not in special]
    if packages.environment and not packages.excluded_groups:
        wanted.insert(0, f"@{packages.environment}")  # dnf 4 tells environments from groups by itself
    return [*wanted, *packages.names]


def needs_comps(packages: Packages) -> bool:
    """Whether groups must be taken apart before dnf is asked."""
    special = packages.mandatory_groups or packages.whole_groups
    return bool(special or (packages.environment and packages.excluded_groups))


def offline_environment(epoch: int, home: Path) -> Mapping[str, str]:
    """What dnf, and so the scriptlets, find while packages are installed."""
    return {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "SOURCE_DATE_EPOCH": str(epoch),
        "TERM": "dumb",
    }
