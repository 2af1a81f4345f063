"""What is in a machine: disks, network cards, snapshots, consoles."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response
from fastapi.responses import PlainTextResponse

from skerry.api.answers import json_answer
from skerry.api.declare import Routes
from skerry.api.doors import Calling, Name, Ref
from skerry.api.models import ConsoleRequest, Snapshots
from skerry.api.routes.vms import HOST_ERRORS
from skerry.errors import InvalidState, NameTaken, NoSpace, NotFound
from skerry.host.operation import Permission
from skerry.host.types import NewNic
from skerry.manager.types import (
    ConsoleTicket,
    DiskResize,
    MediaChange,
    NewSnapshot,
    NewVmDisk,
    ObjectKind,
)

devices = Routes("Machines", "/vms", about=ObjectKind.VM)

Target = Annotated[
    str, Path(max_length=32, pattern=r"^[A-Za-z0-9]+$", description="The disk's name, such as vda.")
]
Mac = Annotated[
    str, Path(pattern=r"^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$", description="The card's MAC address.")
]


@devices.post("/{id}/disks", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState, NoSpace))
async def add_disk(call: Calling, ref: Ref, disk: NewVmDisk) -> Response:
    """Make a volume and attach it."""
    return call.accepted(await call.manager.devices.add_disk(call.caller, ref, disk))


@devices.change(
    "PATCH", "/{id}/disks/{target}", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState, NoSpace)
)
async def resize_disk(call: Calling, ref: Ref, target: Target, resize: DiskResize) -> Response:
    """Grow a disk."""
    return call.accepted(await call.manager.devices.resize_disk(call.caller, ref, target, resize))


@devices.change("DELETE", "/{id}/disks/{target}", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState))
async def remove_disk(
    call: Calling,
    ref: Ref,
    target: Target,
    *,
    delete: Annotated[bool, Query(description="The volume too.")] = False,
) -> Response:
    """Detach a disk."""
    return call.accepted(await call.manager.devices.remove_disk(call.caller, ref, target, delete=delete))


@devices.change("PUT", "/{id}/disks/{target}/media", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState))
async def change_media(call: Calling, ref: Ref, target: Target, media: MediaChange) -> Response:
    """Put an ISO image into a CD drive, or empty it."""
    return call.accepted(await call.manager.devices.change_media(call.caller, ref, target, media))


@devices.post("/{id}/nics", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState))
async def add_nic(call: Calling, ref: Ref, nic: NewNic) -> Response:
    """Put a network card in."""
    return call.accepted(await call.manager.devices.add_nic(call.caller, ref, nic))


@devices.change("DELETE", "/{id}/nics/{mac}", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState))
async def remove_nic(call: Calling, ref: Ref, mac: Mac) -> Response:
    """Take a network card out."""
    return call.accepted(await call.manager.devices.remove_nic(call.caller, ref, mac.lower()))


@devices.get("/{id}/snapshots", needs=Permission.VM_VIEW, answers=Snapshots, errors=(NotFound, *HOST_ERRORS))
async def list_snapshots(call: Calling, ref: Ref) -> Response:
    """A machine's snapshots, oldest first."""
    return json_answer(Snapshots(items=await call.manager.machines.snapshots(call.caller, ref)))


@devices.post("/{id}/snapshots", needs=Permission.VM_MODIFY, errors=(NotFound, NameTaken, InvalidState))
async def take_snapshot(call: Calling, ref: Ref, new: NewSnapshot) -> Response:
    """Keep the disks of a stopped machine as they are now."""
    return call.accepted(await call.manager.devices.take_snapshot(call.caller, ref, new))


@devices.post("/{id}/snapshots/{name}/revert", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState))
async def revert_to_snapshot(call: Calling, ref: Ref, name: Name) -> Response:
    """Make the disks of a stopped machine as they were."""
    return call.accepted(await call.manager.devices.revert_to_snapshot(call.caller, ref, name))


@devices.change("DELETE", "/{id}/snapshots/{name}", needs=Permission.VM_MODIFY, errors=(NotFound, InvalidState))
async def delete_snapshot(call: Calling, ref: Ref, name: Name) -> Response:
    """Forget a snapshot."""
    return call.accepted(await call.manager.devices.delete_snapshot(call.caller, ref, name))


@devices.get(
    "/{id}/serial-log",
    needs=Permission.VM_CONSOLE,
    errors=(NotFound, *HOST_ERRORS),
    response_class=PlainTextResponse,
)
async def get_serial_log(call: Calling, ref: Ref) -> Response:
    """The last 64 KiB that came out of a machine's serial console."""
    log = await call.manager.machines.serial_log(call.caller, ref)
    return PlainTextResponse(log.decode(errors="replace"))


@devices.post(
    "/{id}/consoles",
    needs=Permission.VM_CONSOLE,
    answers=ConsoleTicket,
    status=201,
    errors=(NotFound, InvalidState),
    once=False,
)
async def open_console(call: Calling, ref: Ref, wanted: ConsoleRequest) -> Response:
    """A ticket that opens a console once: connect a WebSocket to its `path`."""
    return json_answer(await call.manager.consoles.ticket(call.caller, ref, wanted.kind), 201)
