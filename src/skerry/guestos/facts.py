"""What must be known of a root before a guest is made its own: which programs it has, and a few of its files."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

# Names that decide something, as packages of Debian and Ubuntu have them with /usr merged or not.
IFUPDOWN = ("/usr/sbin/ifup", "/sbin/ifup")
NETWORKD = ("/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd")
SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
SSHD = ("/usr/sbin/sshd",)
CLOUD_INIT = ("/usr/bin/cloud-init",)
RESOLVED = ("/usr/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved")
DBUS_ID = "/var/lib/dbus/machine-id"
SHADOW = "/etc/shadow"
READ = (SHADOW,)  # files whose text is kept
KERNELS = ("/boot/", "/vmlinuz", "/initrd.img")  # what the names of their files begin with
HOST_KEYS = "/etc/ssh/ssh_host_"
_MARKERS = frozenset({*IFUPDOWN, *NETWORKD, *SYSTEMD, *SSHD, *CLOUD_INIT, *RESOLVED, DBUS_ID, "/etc/machine-id"})


@dataclass(frozen=True)
class RootFacts:
    """A root, in short."""

    names: frozenset[str]  # absolute, of files that decide something, and of kernels
    links: Mapping[str, str]  # where those of them that are symbolic links point to
    texts: Mapping[str, str]  # of READ, those that are there
    size: int  # bytes of all files
    sha256: str  # of the tar that it was read from; "" for one of an administrator's
    epoch: int  # seconds since 1970: the time that it claims
    tools: str = ""  # key of the tools tree that its image was written with

    def has(self, names: Collection[str]) -> bool:
        """Whether one of these is there."""
        return not self.names.isdisjoint(names)

    @property
    def kernel(self) -> bool:
        """Whether there is a kernel with an initial RAM disk."""
        return any("/vmlinuz" in name for name in self.names) and any("/init" in name for name in self.names)

    def dump(self) -> str:
        """For a file of the cache."""
        return json.dumps(asdict(self) | {"names": sorted(self.names)})


def is_telling(name: str) -> bool:
    """Whether the name of a file is worth keeping."""
    return name in _MARKERS or name.startswith((*KERNELS, HOST_KEYS))


def load_root_facts(text: str) -> RootFacts:
    """What `RootFacts.dump` wrote."""
    told: dict[str, Any] = json.loads(text)
    return replace(RootFacts(**told), names=frozenset(told["names"]))
