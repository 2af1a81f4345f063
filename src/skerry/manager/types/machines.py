"""Machines, as they are shown and changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field

from skerry.host.types import (
    Address,
    BootOrder,
    Consoles,
    Description,
    DirectKernel,
    Disk,
    Firmware,
    MachineName,
    MachineSample,
    MachineState,
    Nic,
    Title,
)
from skerry.manager.types.base import MIB, Ref
from skerry.values import Frozen


class VmAction(StrEnum):
    """What can be done to the run state of a machine."""

    START = "start"
    SHUTDOWN = "shutdown"
    POWEROFF = "poweroff"
    REBOOT = "reboot"
    RESET = "reset"
    PAUSE = "pause"
    RESUME = "resume"
    SAVE = "save"
    RESTORE = "restore"


class VmState(StrEnum):
    """The state of a machine: what the hypervisor says, and what only the manager knows."""

    RUNNING = MachineState.RUNNING.value
    PAUSED = MachineState.PAUSED.value
    STOPPING = MachineState.STOPPING.value
    STOPPED = MachineState.STOPPED.value
    SAVED = MachineState.SAVED.value
    SUSPENDED = MachineState.SUSPENDED.value
    CRASHED = MachineState.CRASHED.value
    CREATING = "creating"  # a task is making it; it has no definition yet
    UNREACHABLE = "unreachable"  # its host does not answer


class Vm(Frozen):
    """A machine with all that a page needs to show it."""

    id: UUID
    name: str
    host: str
    pool_id: UUID
    owner: str | None  # the person who created it; null where it was found on the host
    title: str = ""
    description: str = ""
    state: VmState
    pending_state: VmState  # what the state will be after the queued tasks
    # What to offer to a person: valid after the queue, and in the state of now. A chain of tasks may have more.
    actions: tuple[VmAction | Literal["edit", "delete", "clone", "console"], ...]
    queued_tasks: int = 0
    vcpus: int
    memory: int
    max_vcpus: int
    max_memory: int
    firmware: Firmware
    secure_boot: bool = False
    tpm: bool = False
    domain_type: str
    autostart: bool
    persistent: bool
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    boot_order: tuple[str, ...]
    direct_kernel: DirectKernel | None = None
    consoles: Consoles
    addresses: tuple[Address, ...]
    needs_restart: bool
    template: str | None = None  # name of the image it was cloned from
    etag: str
    created_at: datetime
    started_at: datetime | None = None
    sample: MachineSample | None = None


class VmChanges(Frozen):
    """What to change about a machine; null leaves a thing as it is."""

    name: MachineName | None = None
    title: Title | None = None
    description: Description | None = None
    vcpus: int | None = Field(default=None, ge=1, le=512)
    memory: int | None = Field(default=None, ge=16 * MIB)
    autostart: bool | None = None
    boot_order: BootOrder | None = None
    direct_kernel: DirectKernel | None = None
    remove_direct_kernel: bool = False


class VmActionRequest(Frozen):
    """Do this to a machine; `timeout_s` is how long a shutdown may take before the task gives up."""

    action: VmAction
    timeout_s: float = Field(default=120, gt=0, le=3600)
    force_after: bool = False  # shutdown only: power off when the time is over


class VmClone(Frozen):
    """Clone a stopped machine."""

    name: MachineName
    full_copy: bool = False  # False: a disk that stands on an image has a clone on the same one, which holds what
    # the disk holds itself; what stands on nothing is copied whole either way
    start: bool = False


class DiskResize(Frozen):
    """Grow a disk."""

    size: int = Field(ge=MIB, le=64 * 1024**4)


class MediaChange(Frozen):
    """Put an ISO image into a CD drive, or null to empty it."""

    image: Ref | None


class NewSnapshot(Frozen):
    """A snapshot to take of a stopped machine."""

    name: MachineName
    description: Description = ""


class ConsoleTicket(Frozen):
    """Opens one console once; the WebSocket is at `path` until `expires_at`."""

    ticket: str
    path: str
    expires_at: datetime
