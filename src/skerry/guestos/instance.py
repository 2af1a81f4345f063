"""What a definition's script is told of the instance that it works for, and how it is told.

Ganeti wipes the environment and sets the variables that ganeti-os-interface(7) names, and some that it does not
name (`OSEnvironment` in lib/backend.py of Ganeti 3.0). Here is what they say; `skerry.guestos.environment` reads
such an environment for our own definition, and writes one for any definition that we run.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Script(enum.StrEnum):
    """The scripts of a definition that work on an instance."""

    CREATE = "create"
    IMPORT = "import"
    EXPORT = "export"
    RENAME = "rename"


@dataclass(frozen=True)
class InstanceDisk:
    """A disk of the instance."""

    path: str = ""  # block device or plain file; "": there is only a URI
    uri: str = ""  # for QEMU itself, such as rbd:…
    size_mib: int | None = None  # None before Ganeti 3.0
    access: str = "rw"  # or ro
    uuid: str = ""
    name: str = ""
    frontend_type: str = ""  # as the hypervisor calls it, such as paravirtual
    backend_type: str = "block"  # or file:DRIVER


@dataclass(frozen=True)
class NicNetwork:
    """The network that a card belongs to, where the cluster knows it."""

    name: str
    uuid: str = ""
    tags: str = ""
    subnet: str = ""  # CIDR
    gateway: str = ""
    subnet6: str = ""
    gateway6: str = ""
    mac_prefix: str = ""


@dataclass(frozen=True)
class InstanceNic:
    """A network card of the instance."""

    mac: str
    uuid: str = ""
    name: str = ""
    ip: str = ""
    mode: str = "bridged"  # routed, openvswitch, ext
    link: str = ""  # bridge, switch or routing table
    frontend_type: str = ""
    network: NicNetwork | None = None

    @property
    def bridge(self) -> str:
        """The bridge that it is plugged into, if it is one."""
        return self.link if self.mode == "bridged" else ""


@dataclass(frozen=True)
class Instance:
    """The instance that a script works for."""

    name: str  # full host name
    os: str  # with variant, such as skerry+trixie
    hypervisor: str  # kvm, xen-pvm, xen-hvm, lxc, chroot, fake
    disks: tuple[InstanceDisk, ...]
    nics: tuple[InstanceNic, ...] = ()
    uuid: str = ""
    ctime: str = ""  # seconds since the epoch with a fraction, as text
    mtime: str = ""
    primary_node: str = ""
    secondary_nodes: tuple[str, ...] = ()
    backend: Mapping[str, str] = field(default_factory=dict)  # INSTANCE_BE_*, such as memory, vcpus
    hypervisor_parameters: Mapping[str, str] = field(default_factory=dict)  # INSTANCE_HV_*, such as serial_console

    @property
    def short_name(self) -> str:
        """Its name up to the first dot."""
        return self.name.partition(".")[0]

    @property
    def fully_virtual(self) -> bool:
        """Whether the guest brings its kernel and boot loader, because firmware starts it as on a real machine."""
        kernel = self.hypervisor_parameters.get("kernel_path", "")  # the host's own, for direct kernel boot
        return self.hypervisor in {"kvm", "xen-hvm"} and kernel in {"", "None"}

    @property
    def serial_console(self) -> bool:
        """Whether somebody will look at a serial console."""
        return self.hypervisor_parameters.get("serial_console", "") == "True"


@dataclass(frozen=True)
class Call:
    """One run of a definition's script."""

    script: Script
    instance: Instance
    api_version: int = 20
    variant: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)  # OS parameters by their names, such as filesystem
    debug_level: int = 0
    reinstall: bool = False  # create: over an older installation
    old_name: str = ""  # rename
    index: int = 0  # export, import: which disk
    device: str = ""  # export, import: its path, which may be that of a snapshot
    uri: str = ""
    size_fd: int | None = None  # export: where to write how many bytes will come
