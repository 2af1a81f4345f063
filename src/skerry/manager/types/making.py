"""Machines to make."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from skerry.host.guest_os_types import GuestOsName, OsParameters
from skerry.host.types import BootOrder, Description, DirectKernel, Firmware, MachineName, NewNic, Title
from skerry.manager.types.base import HOSTNAME, LINES, MIB, Ref
from skerry.values import Frozen


class EmptyDisk(Frozen):
    """A new disk without content."""

    kind: Literal["empty"] = "empty"
    size: int = Field(ge=MIB, le=64 * 1024**4)


class TemplateDisk(Frozen):
    """A new disk as a clone of an image; `size` grows it, null keeps the image's."""

    kind: Literal["image"] = "image"
    image: Ref
    size: int | None = Field(default=None, ge=MIB, le=64 * 1024**4)
    full_copy: bool = False  # False: a thin clone


class CdDrive(Frozen):
    """A CD drive; null `image` leaves it empty."""

    kind: Literal["cdrom"] = "cdrom"
    image: Ref | None = None  # an ISO image


NewVmDisk = Annotated[EmptyDisk | TemplateDisk | CdDrive, Field(discriminator="kind")]


class CloudInit(Frozen):
    """What the guest is told at its first boot."""

    user_data: str | None = Field(
        default=None, max_length=256 * 1024, pattern=LINES
    )  # whole YAML, or a script with #!
    ssh_keys: tuple[Annotated[str, Field(max_length=8192, pattern=LINES)], ...] = Field(default=(), max_length=32)
    hostname: Annotated[str, Field(max_length=253, pattern=HOSTNAME)] | None = None


class NewVm(Frozen):
    """A machine to create."""

    name: MachineName
    pool_id: UUID | None = None  # null: the default pool
    host: Ref | None = None  # null: placed by the manager
    title: Title = ""
    description: Description = ""
    vcpus: int = Field(default=1, ge=1, le=512)
    memory: int = Field(default=512 * MIB, ge=16 * MIB)
    firmware: Firmware = Firmware.BIOS
    secure_boot: bool = False
    tpm: bool = False
    disks: tuple[NewVmDisk, ...] = Field(default=(), max_length=26)
    nics: tuple[NewNic, ...] = Field(default=(NewNic(),), max_length=16)
    direct_kernel: DirectKernel | None = None
    boot_order: BootOrder = ("hd", "cdrom", "network")
    cloud_init: CloudInit | None = None  # null: no seed disk
    # A guest OS definition that installs the empty disks, as NAME or NAME+VARIANT; null: they stay empty.
    guest_os: GuestOsName | None = None
    os_parameters: OsParameters = Field(default_factory=dict, repr=False)
    autostart: bool = False
    start: bool = True
