"""Machines: lists, life, definitions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header, Query, Response

from skerry.api.answers import etag_of, json_answer, with_etag
from skerry.api.declare import Routes
from skerry.api.doors import PLAIN, Calling, Cursor, Limit, Ref, Words
from skerry.api.errors import PreconditionRequired
from skerry.api.models import DefinitionText
from skerry.errors import (
    BadDefinition,
    BadInput,
    Changed,
    HostError,
    InvalidState,
    NameTaken,
    NoSpace,
    NotFound,
    TimedOut,
    Unavailable,
)
from skerry.host.operation import Permission
from skerry.host.types import Definition
from skerry.manager.machine_filter import MachineFilter
from skerry.manager.types import (
    NewVm,
    ObjectKind,
    Page,
    Vm,
    VmActionRequest,
    VmChanges,
    VmClone,
    VmState,
)

vms = Routes("Machines", "/vms", about=ObjectKind.VM)

IfMatch = Annotated[
    str | None, Header(description="The ETag that the thing had when it was read.", max_length=200)
]

# What a route that asks the host can meet on the way.
HOST_ERRORS = (HostError, Unavailable, TimedOut)


@vms.get("", needs=Permission.VM_VIEW, answers=Page[Vm], errors=(NotFound,))
async def list_vms(
    call: Calling,
    state: Annotated[list[VmState] | None, Query(description="Only in one of these states.")] = None,
    host: Words = None,
    pool: Annotated[
        str | None,
        Query(max_length=128, pattern=PLAIN, description="A pool's id or name; with the pools below it."),
    ] = None,
    q: Words = None,
    sort: Literal["name", "created_at", "state", "memory", "vcpus"] = "name",
    *,
    descending: bool = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The machines that one may see."""
    which = MachineFilter(tuple(state or ()), host, pool, q, sort, descending)
    return json_answer(await call.manager.machines.list(call.caller, which, limit=limit, cursor=cursor))


@vms.post("", needs=Permission.VM_CREATE, errors=(NotFound, NameTaken, InvalidState, NoSpace, *HOST_ERRORS))
async def create_vm(call: Calling, new: NewVm) -> Response:
    """Create a machine; the task's result has its id."""
    return call.accepted(await call.manager.machines.create(call.caller, new))


@vms.get("/{id}", needs=Permission.VM_VIEW, answers=Vm, errors=(NotFound,))
async def get_vm(call: Calling, ref: Ref) -> Response:
    """One machine."""
    vm = await call.manager.machines.get(call.caller, ref)
    return with_etag(vm, vm.etag)


@vms.change("PATCH", "/{id}", needs=Permission.VM_MODIFY, errors=(NotFound, NameTaken, InvalidState, Changed))
async def change_vm(call: Calling, ref: Ref, changes: VmChanges, if_match: IfMatch = None) -> Response:
    """Change a machine's definition."""
    return call.accepted(await call.manager.devices.change(call.caller, ref, changes, if_match=etag_of(if_match)))


@vms.change("DELETE", "/{id}", needs=Permission.VM_CREATE, errors=(NotFound, InvalidState))
async def delete_vm(
    call: Calling,
    ref: Ref,
    disks: Annotated[Literal["delete", "keep"], Query(description="What becomes of its volumes.")] = "delete",
    *,
    force: Annotated[bool, Query(description="Power it off first.")] = False,
) -> Response:
    """Remove a machine."""
    return call.accepted(
        await call.manager.machines.delete(call.caller, ref, keep_disks=disks == "keep", force=force)
    )


@vms.post("/{id}/actions", needs=Permission.VM_CONTROL, errors=(NotFound, InvalidState))
async def act_on_vm(call: Calling, ref: Ref, request: VmActionRequest) -> Response:
    """Start a machine, stop it and so on."""
    return call.accepted(await call.manager.machines.act(call.caller, ref, request))


@vms.post("/{id}/clone", needs=Permission.VM_CREATE, errors=(NotFound, NameTaken, InvalidState, NoSpace))
async def clone_vm(call: Calling, ref: Ref, clone: VmClone) -> Response:
    """Make another machine like a stopped one."""
    return call.accepted(await call.manager.machines.clone(call.caller, ref, clone))


@vms.get("/{id}/definition", needs=Permission.VM_VIEW, answers=Definition, errors=(NotFound, *HOST_ERRORS))
async def get_definition(call: Calling, ref: Ref) -> Response:
    """A machine's definition as the hypervisor stores it now."""
    definition = await call.manager.machines.definition(call.caller, ref)
    return with_etag(definition, definition.etag)


@vms.change(
    "PUT",
    "/{id}/definition",
    needs=Permission.VM_MODIFY,
    answers=Definition,
    status=200,
    errors=(NotFound, BadDefinition, Changed, InvalidState, PreconditionRequired, *HOST_ERRORS),
)
async def put_definition(call: Calling, ref: Ref, text: DefinitionText, if_match: IfMatch = None) -> Response:
    """Replace a machine's definition, unless it changed since it was read (If-Match, or `etag` in the body)."""
    header = etag_of(if_match)
    if header is not None and text.etag is not None and header != text.etag:
        raise BadInput("If-Match and the etag in the body differ", hint="send one of them")
    etag = header or text.etag
    if etag is None:
        raise PreconditionRequired(
            "a definition is replaced only together with the ETag it had when it was read",
            hint="GET it, change its xml, and PUT it back with its etag, or send that as If-Match",
        )
    definition = await call.manager.machines.define(call.caller, ref, text.xml, if_match=etag)
    return with_etag(definition, definition.etag)


@vms.post(
    "/{id}/definition/check",
    needs=Permission.VM_MODIFY,
    answers=Definition,
    status=200,
    errors=(NotFound, BadDefinition, *HOST_ERRORS),
    once=False,
)
async def check_definition(call: Calling, ref: Ref, text: DefinitionText) -> Response:
    """What the hypervisor would make of a definition; changes nothing."""
    return json_answer(await call.manager.machines.check_definition(call.caller, ref, text.xml))
