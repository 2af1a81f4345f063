"""What the manager knows and tells: machines with their ownership, images, tasks, people, facts.

These models are what services return and what the REST API shows; the page and the command line are typed from
them through the OpenAPI document. Sizes are bytes, times are zone-aware UTC.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import Field

from skerry.host.types import (
    Address,
    Consoles,
    Description,
    DirectKernel,
    Disk,
    Firmware,
    Frozen,
    HostFacts,
    MachineName,
    MachineSample,
    MachineState,
    Network,
    NewNic,
    Nic,
    StoragePool,
    Title,
    Volume,
)

T = TypeVar("T")

MIB = 1024**2

_PLAIN = r"^[^\x00-\x1F\x7F]*$"  # no control characters
_HOSTNAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"
_LINES = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F]*$"  # none but tabs and line breaks
Ref = Annotated[str, Field(min_length=1, max_length=128, pattern=_PLAIN)]  # an id or a name


class Page(Frozen, Generic[T]):
    """One page of a list; `next_cursor` asks for the next one, and is null at the end."""

    items: tuple[T, ...]
    next_cursor: str | None = None
    total: int


class ObjectKind(StrEnum):
    """Kinds of things that tasks, facts and audit entries are about."""

    VM = "vm"
    IMAGE = "image"
    HOST = "host"
    TASK = "task"
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a word, not a secret
    POOL = "pool"
    NETWORK = "network"
    STORAGE_POOL = "storage-pool"
    VOLUME = "volume"


class ObjectRef(Frozen):
    """Names a thing, for people (name) and for programs (kind and id)."""

    kind: ObjectKind
    id: str
    name: str


# ---- machines


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
        default=None, max_length=256 * 1024, pattern=_LINES
    )  # whole YAML, or a script with #!
    ssh_keys: tuple[Annotated[str, Field(max_length=8192, pattern=_LINES)], ...] = Field(default=(), max_length=32)
    hostname: (
        Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")] | None
    ) = None


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
    boot_order: tuple[Literal["hd", "cdrom", "network"], ...] = ("hd", "cdrom", "network")
    cloud_init: CloudInit | None = None  # null: no seed disk
    autostart: bool = False
    start: bool = True


class VmChanges(Frozen):
    """What to change about a machine; null leaves a thing as it is."""

    name: MachineName | None = None
    title: Title | None = None
    description: Description | None = None
    vcpus: int | None = Field(default=None, ge=1, le=512)
    memory: int | None = Field(default=None, ge=16 * MIB)
    autostart: bool | None = None
    boot_order: tuple[Literal["hd", "cdrom", "network"], ...] | None = None
    direct_kernel: DirectKernel | None = None
    remove_direct_kernel: bool = False


class VmActionRequest(Frozen):
    """Do this to a machine; `timeout_s` is how long a shutdown or reboot may take before the task gives up."""

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


# ---- images


class ImageKind(StrEnum):
    """What an image is for."""

    TEMPLATE = "template"  # a disk that machines are cloned from
    ISO = "iso"  # a CD


class Image(Frozen):
    """An image in the library."""

    id: UUID
    name: str
    kind: ImageKind
    state: Literal["importing", "ready", "failed"]
    pool_id: UUID
    description: str = ""
    format: str = ""
    size: int = 0  # bytes the guest sees
    allocation: int = 0  # bytes used on the host
    sha256: str | None = None  # of what was imported
    storage_pool: str = ""
    volume: str = ""
    created_at: datetime
    used_by: tuple[str, ...] = ()  # names of machines cloned from it


class NewImage(Frozen):
    """An image to import from an upload or from a volume that is already there."""

    name: MachineName
    description: Description = ""
    upload: UUID | None = None
    storage_pool: Ref | None = None  # with `volume`: take this volume
    volume: Ref | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")] | None = None


class ImageChanges(Frozen):
    """What to change about an image; null leaves a thing as it is."""

    name: MachineName | None = None
    description: Description | None = None


class NewUpload(Frozen):
    """Bytes that will be sent."""

    size: int = Field(ge=1)
    name: Annotated[str, Field(max_length=256, pattern=_PLAIN)] = ""  # of the file, for people


class Upload(Frozen):
    """Bytes on their way; send the rest from `received` on, before it is thrown away at `expires_at`."""

    id: UUID
    name: str = ""
    user: str
    size: int
    received: int
    expires_at: datetime


# ---- tasks


class TaskState(StrEnum):
    """Where a task is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Problem(Frozen):
    """An error as programs get it (RFC 9457, application/problem+json)."""

    type: str  # `about:blank`-free: a stable `code` as a URN
    title: str
    status: int
    detail: str
    code: str
    hint: str | None = None
    errors: tuple[dict[str, Any], ...] = ()  # one a field, where a body was malformed


class Task(Frozen):
    """Long work: durable, watched, cancellable."""

    id: UUID
    kind: str  # vm.create, vm.start, image.import …
    title: str  # for people: Create web1
    object: ObjectRef
    pool_id: UUID | None
    state: TaskState
    step: str = ""
    step_number: int = 0
    step_count: int = 0
    progress: float | None = None  # 0.0 to 1.0 of the whole
    detail: str = ""
    cancel_requested: bool = False
    cancellable: bool = True
    error: Problem | None = None
    not_undone: tuple[str, ...] = ()  # what a failed or cancelled task could not take back
    result: dict[str, Any] | None = None
    user: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class TaskLogLine(Frozen):
    """One line of a task's log."""

    number: int
    at: datetime
    text: str


# ---- facts, samples, audit


class Fact(Frozen):
    """Something that happened; durable and numbered per cloud as `epoch:n`."""

    id: str
    at: datetime
    kind: str  # vm.changed, vm.removed, task.changed, image.changed, host.changed …
    object: ObjectRef
    pool_id: UUID | None = None
    user: str | None = None
    summary: str  # for people: web1 started
    data: dict[str, Any] | None = None  # the whole thing after the change (a Vm, a Task …); null: it is gone


class TaskProgress(Frozen):
    """How far a running task is; sent often, never stored."""

    task: UUID
    step: str
    step_number: int
    step_count: int
    progress: float | None
    detail: str
    lines: tuple[TaskLogLine, ...] = ()


class SamplesOfHost(Frozen):
    """What a host and its running machines use now; sent often, never stored."""

    host: str
    at: datetime
    cpu: float
    free_memory: int
    machines: tuple[MachineSample, ...]


class AuditEntry(Frozen):
    """Who did what, when, from where, and how it ended."""

    id: int
    at: datetime
    user: str
    address: str
    method: str
    action: str
    object: ObjectRef | None = None
    status: int
    detail: str = ""


# ---- hosts, pools


class HostInfo(Frozen):
    """A host as the manager sees it."""

    name: str
    online: bool
    since: datetime
    facts: HostFacts | None
    networks: tuple[Network, ...]
    storage_pools: tuple[StoragePool, ...]
    vms: int
    running_vms: int
    cpu: float | None = None  # 0.0 to 1.0, last sample
    free_memory: int | None = None
    problem: str | None = None


class VolumeInfo(Volume):
    """A volume, and what needs it."""

    host: str
    image: str | None = None  # the name of the image in the library that it holds
    clones: tuple[str, ...] = ()  # names of the volumes that stand on it
    unused: bool  # no machine, image or clone needs it: it can be deleted


class Pool(Frozen):
    """A resource pool: what belongs together and who may use it. A tree with one root."""

    id: UUID
    name: str
    parent_id: UUID | None
    path: str  # /default/qa


class NewPool(Frozen):
    """A pool to create."""

    name: MachineName
    parent_id: UUID


# ---- people


class User(Frozen):
    """A person who may sign in."""

    name: str
    admin: bool
    created_at: datetime


class NewUser(Frozen):
    """A person to add."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9._@-]{0,63}$")]
    password: Annotated[str, Field(min_length=8, max_length=256)]
    admin: bool = False


class PasswordChange(Frozen):
    """A new password for oneself."""

    old_password: Annotated[str, Field(max_length=256)]
    new_password: Annotated[str, Field(min_length=8, max_length=256)]


class SignIn(Frozen):
    """Name and password."""

    user: Annotated[str, Field(max_length=64, pattern=_PLAIN)]
    password: Annotated[str, Field(max_length=256)]


class Session(Frozen):
    """Who is signed in; `csrf_token` goes into the header X-CSRF-Token of every request that changes something."""

    user: User
    permissions: tuple[str, ...]
    csrf_token: str
    expires_at: datetime


class NewToken(Frozen):
    """An API token to make."""

    name: MachineName
    expires_in_days: int | None = Field(default=90, ge=1, le=3650)


class Token(Frozen):
    """An API token, without its secret."""

    id: UUID
    name: str
    user: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenWithSecret(Token):
    """An API token at the only moment its secret is shown."""

    secret: str


class About(Frozen):
    """What anybody may know before signing in."""

    name: Literal["skerry"] = "skerry"
    version: str
    api: Literal["v1"] = "v1"
