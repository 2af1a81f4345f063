"""What the manager knows and tells: machines with their ownership, images, tasks, people, facts.

These models are what services return and what the REST API shows; the page and the command line are typed from
them through the OpenAPI document. Sizes are bytes, times are zone-aware UTC.
"""

from __future__ import annotations

from skerry.manager.types.base import MIB, ObjectKind, ObjectRef, Page, Ref
from skerry.manager.types.events import AuditEntry, Fact, SamplesOfHost, TaskProgress
from skerry.manager.types.guest_oses import GuestOs
from skerry.manager.types.hosts import HostInfo, NewPool, Pool, VolumeInfo
from skerry.manager.types.library import Image, ImageChanges, ImageKind, NewImage, NewUpload, Upload
from skerry.manager.types.machines import (
    ConsoleTicket,
    DiskResize,
    MediaChange,
    NewSnapshot,
    Vm,
    VmAction,
    VmActionRequest,
    VmChanges,
    VmClone,
    VmState,
)
from skerry.manager.types.making import CdDrive, CloudInit, EmptyDisk, NewVm, NewVmDisk, TemplateDisk
from skerry.manager.types.people import (
    About,
    NewToken,
    NewUser,
    PasswordChange,
    Session,
    SignIn,
    Token,
    TokenWithSecret,
    User,
)
from skerry.manager.types.tasks import Problem, Task, TaskLogLine, TaskState

__all__ = [
    "MIB",
    "About",
    "AuditEntry",
    "CdDrive",
    "CloudInit",
    "ConsoleTicket",
    "DiskResize",
    "EmptyDisk",
    "Fact",
    "GuestOs",
    "HostInfo",
    "Image",
    "ImageChanges",
    "ImageKind",
    "MediaChange",
    "NewImage",
    "NewPool",
    "NewSnapshot",
    "NewToken",
    "NewUpload",
    "NewUser",
    "NewVm",
    "NewVmDisk",
    "ObjectKind",
    "ObjectRef",
    "Page",
    "PasswordChange",
    "Pool",
    "Problem",
    "Ref",
    "SamplesOfHost",
    "Session",
    "SignIn",
    "Task",
    "TaskLogLine",
    "TaskProgress",
    "TaskState",
    "TemplateDisk",
    "Token",
    "TokenWithSecret",
    "Upload",
    "User",
    "Vm",
    "VmAction",
    "VmActionRequest",
    "VmChanges",
    "VmClone",
    "VmState",
    "VolumeInfo",
]
