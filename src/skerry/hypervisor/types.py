"""What a hypervisor has and is told: machines, disks, networks, samples, facts about the host.

Frozen pydantic models, because they cross the link as JSON. Sizes are bytes, times are zone-aware UTC, names are
libvirt's where libvirt has one.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from skerry.values import Frozen, VolumeName

MachineName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_TEXT = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF]*$"  # what XML can hold
Title = Annotated[str, Field(max_length=256, pattern=_TEXT)]
Description = Annotated[str, Field(max_length=16 * 1024, pattern=_TEXT)]
Mac = Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$")]


def _each_once(devices: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(devices)) < len(devices):
        raise ValueError("each device stands in it once")
    return devices


BootOrder = Annotated[
    tuple[Literal["hd", "cdrom", "network"], ...], Field(max_length=3), AfterValidator(_each_once)
]


class MachineState(StrEnum):
    """What a machine is doing, in the words that people use."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"  # was told to shut down and is on its way (libvirt: in shutdown)
    STOPPED = "stopped"
    SAVED = "saved"  # stopped, with its memory kept on disk (managed save)
    SUSPENDED = "suspended"  # the guest put itself to sleep (libvirt: pmsuspended)
    CRASHED = "crashed"


class Firmware(StrEnum):
    """What a machine starts from."""

    BIOS = "bios"
    UEFI = "uefi"


class AddressSource(StrEnum):
    """Who told us an address."""

    LEASE = "lease"
    AGENT = "agent"


class Address(Frozen):
    """One IP address of a guest."""

    mac: str
    address: str
    prefix: int
    family: Literal["ipv4", "ipv6"]
    source: AddressSource
    interface: str = ""  # as the guest names it, where the agent told us


class Disk(Frozen):
    """A disk or CD drive of a machine, as defined."""

    target: str  # vda, sda …
    device: Literal["disk", "cdrom", "floppy", "lun"]
    bus: str
    source: str | None  # a path, or pool/volume, or a network source's name; None: an empty drive
    storage_pool: str | None = None
    volume: str | None = None  # set where the source is a volume of a known storage pool
    format: str | None = None
    size: int | None = None  # bytes the guest sees, where known
    allocation: int | None = None  # bytes used on the host
    read_only: bool = False
    boot_order: int | None = None


class Nic(Frozen):
    """A network card of a machine, as defined."""

    mac: str
    kind: str  # network, bridge, user, direct …
    network: str | None  # the network or bridge it is plugged into
    model: str | None = None
    link_up: bool = True
    boot_order: int | None = None


class Consoles(Frozen):
    """The consoles that can be opened."""

    graphics: bool
    serial: bool


class DirectKernel(Frozen):
    """Boot this kernel, and not what is on a disk. Paths are on the host."""

    kernel: Annotated[str, Field(max_length=4096, pattern=_TEXT)]
    initrd: Annotated[str, Field(max_length=4096, pattern=_TEXT)] | None = None
    command_line: Annotated[str, Field(max_length=65536, pattern=_TEXT)] = ""


class Machine(Frozen):
    """A machine as its hypervisor knows it."""

    uuid: UUID
    name: str
    state: MachineState
    persistent: bool = True
    autostart: bool = False
    title: str = ""
    description: str = ""
    vcpus: int
    memory: int  # bytes
    max_vcpus: int
    max_memory: int  # bytes
    firmware: Firmware = Firmware.BIOS
    secure_boot: bool = False
    tpm: bool = False
    domain_type: str = "kvm"  # kvm or qemu (TCG)
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    boot_order: tuple[str, ...] = ()  # device words as libvirt's: hd, cdrom, network; or targets
    direct_kernel: DirectKernel | None = None
    consoles: Consoles
    needs_restart: bool = False  # the running machine differs from its definition
    etag: str  # changes whenever the stored definition changes
    started_at: datetime | None = None  # while it runs: since when, also where it was only restored then


class NewDisk(Frozen):
    """A disk or CD drive to put into a machine; the volume exists. A CD drive without one is empty."""

    storage_pool: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    volume: VolumeName | None = None
    device: Literal["disk", "cdrom"] = "disk"
    target: Annotated[str, Field(max_length=16, pattern=r"^[a-z]+$")] | None = None  # None: the first free one
    bus: Literal["virtio", "sata", "scsi"] | None = None  # None: virtio for disks, sata for CDs
    read_only: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.volume is None) != (self.storage_pool is None):
            raise ValueError("a volume and its storage pool go together")
        if self.volume is None and self.device != "cdrom":
            raise ValueError("only a CD drive can be empty")
        return self

    @property
    def on_bus(self) -> str:
        """The bus that it will be on."""
        return self.bus or ("sata" if self.device == "cdrom" else "virtio")


class NewNic(Frozen):
    """A network card to put into a machine."""

    network: Annotated[str, Field(min_length=1, max_length=64)] = "default"
    kind: Literal["network", "bridge", "user"] = "network"
    mac: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$")] | None = (
        None  # None: made by the host
    )
    model: Literal["virtio", "e1000e", "rtl8139"] = "virtio"


class NewMachine(Frozen):
    """All that is needed to define a machine; its volumes exist."""

    uuid: UUID
    name: MachineName
    title: Title = ""
    description: Description = ""
    vcpus: int = Field(ge=1, le=512)
    memory: int = Field(ge=16 * 1024**2)  # bytes
    firmware: Firmware = Firmware.BIOS
    secure_boot: bool = False
    tpm: bool = False
    disks: Annotated[tuple[NewDisk, ...], Field(max_length=64)] = ()
    nics: Annotated[tuple[NewNic, ...], Field(max_length=32)] = ()
    boot_order: BootOrder = ("hd", "cdrom", "network")
    direct_kernel: DirectKernel | None = None
    autostart: bool = False


class MachineChanges(Frozen):
    """What to change in a definition; None leaves a thing as it is."""

    title: Title | None = None
    description: Description | None = None
    vcpus: int | None = Field(default=None, ge=1, le=512)
    memory: int | None = Field(default=None, ge=16 * 1024**2)
    boot_order: BootOrder | None = None
    direct_kernel: DirectKernel | None = None
    remove_direct_kernel: bool = False


class Definition(Frozen):
    """A machine's stored definition."""

    xml: str
    etag: str


class Network(Frozen):
    """A network that machines can be plugged into."""

    name: str
    kind: Literal["network", "bridge"]
    active: bool
    autostart: bool
    bridge: str | None = None
    forward: str | None = None  # nat, route, open, bridge …, user (outwards alone); None: isolated
    addresses: tuple[str, ...] = ()  # of the host on it, with prefix
    dhcp: bool = False


class Snapshot(Frozen):
    """A snapshot of a stopped machine's disks, kept inside them."""

    name: str
    created_at: datetime
    current: bool
    description: str = ""


class Accelerator(Frozen):
    """How guests run here, and how we know."""

    kind: Literal["kvm", "tcg"]
    reason: str


class HostFacts(Frozen):
    """A host at a glance."""

    name: str
    uuid: UUID
    architecture: str
    cpu_model: str
    cpus: int
    memory: int
    free_memory: int
    kernel: str
    os: str
    libvirt_version: str
    qemu_version: str
    libvirt_uri: str
    accelerator: Accelerator
    uefi: bool  # firmware for UEFI machines is installed
    tpm: bool  # swtpm is installed
    warnings: tuple[str, ...] = ()  # such as a QEMU that crashes guests under emulation


class MachineSample(Frozen):
    """What a machine used since the last sample."""

    uuid: UUID
    cpu: float  # 0.0 to 1.0 of its vCPUs
    memory: int | None  # bytes used inside the guest (balloon statistics), where known
    resident: int  # bytes of host memory
    disk_read: float  # bytes a second
    disk_write: float
    net_receive: float
    net_send: float
