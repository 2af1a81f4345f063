"""What a host can be told."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from skerry.guestos.needs import HELPERS, Helper
from skerry.hypervisor.daemon import default_uri
from skerry.settings import PATH, TEXT, WORDS, setting


@dataclass(frozen=True)
class LocalSettings:
    """What `skerry up` and a host agent are both told of the machine that they run on."""

    libvirt_uri: str = setting(
        TEXT, "libvirt to use; empty: qemu:///system for root, else qemu:///session", default=""
    )
    libvirt_definitions: Path | None = setting(
        PATH,
        "folder in which libvirt stores definitions, where it is not the usual one; there changes are noticed "
        "that libvirt tells nobody of",
        default=None,
    )
    storage: Path | None = setting(
        PATH, "folder for disks of machines and for images; default: storage in the data folder", default=None
    )
    import_folders: tuple[str, ...] = setting(
        WORDS, "folders of this machine from which images may be imported", default=()
    )
    guest_os_folders: tuple[str, ...] = setting(
        WORDS, "folders in which guest OS definitions are; none: where Ganeti looks on this machine", default=()
    )
    guest_os_helper: Helper = setting(
        TEXT,
        "whether definitions run in a helper machine: auto, where they need root or device mapper and there is "
        "none; always, but for Skerry's own; never",
        default="auto",
        choices=HELPERS,
    )
    guest_os_helper_files: tuple[str, ...] = setting(
        WORDS,
        "files and folders that definitions find in the helper machine, beside /etc/ganeti",
        default=(),
    )


@dataclass(frozen=True)
class HostSettings(LocalSettings):
    """The settings of a host agent; `skerry up` gives them from its own table."""

    name: str = setting(TEXT, "what this host is called; empty: the machine's name", default="")
    data: Path | None = setting(
        PATH,
        "folder for volumes and logs of consoles; default: /var/lib/skerry or ~/.local/share/skerry",
        default=None,
    )
    storage_pool: str = setting(TEXT, "name of the storage pool that shows the volumes", default="skerry")
    serial_logs: Path | None = setting(
        PATH,
        "folder for what machines write to their serial consoles; default: serial in the data folder",
        default=None,
    )

    @property
    def known_as(self) -> str:
        """The host's name."""
        return self.name or socket.gethostname()

    @property
    def uri(self) -> str:
        """The libvirt to use."""
        return self.libvirt_uri or default_uri()

    @property
    def data_folder(self) -> Path:
        """Where everything is that has no folder of its own."""
        if self.data is not None:
            return self.data.absolute()
        if os.geteuid() == 0:
            return Path("/var/lib/skerry")
        base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        return Path(base).expanduser() / "skerry"

    @property
    def storage_folder(self) -> Path:
        """Where volumes are."""
        return (self.storage or self.data_folder / "storage").absolute()

    @property
    def serial_folder(self) -> Path:
        """Where the output of serial consoles is kept."""
        return (self.serial_logs or self.data_folder / "serial").absolute()
