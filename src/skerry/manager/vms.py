"""Machines as people see them, put together from rows: what the host says, and what only the manager knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from skerry.host.types import Address, Machine, MachineSample
from skerry.manager.store import tables
from skerry.manager.store.database import Writing
from skerry.manager.tasks.pending import Offer, QueuedTask, accepted, offers, state_after
from skerry.manager.tasks.rows import unfinished_of
from skerry.manager.types import ObjectKind, ObjectRef, Vm, VmState

_ADDRESSES: TypeAdapter[tuple[Address, ...]] = TypeAdapter(tuple[Address, ...])
_SHARED = (
    "title",
    "description",
    "vcpus",
    "memory",
    "max_vcpus",
    "max_memory",
    "firmware",
    "secure_boot",
    "tpm",
    "domain_type",
    "autostart",
    "persistent",
    "disks",
    "nics",
    "boot_order",
    "direct_kernel",
    "consoles",
    "needs_restart",
    "etag",
    "started_at",
)

# All that a Vm is made of. A machine whose host was never seen is as unreachable as one whose host is away.
SELECTED = sa.select(tables.machines, tables.hosts.c.online).outerjoin_from(
    tables.machines, tables.hosts, tables.machines.c.host == tables.hosts.c.name
)

_BATCH = 500
_STATES = {state.value: state for state in VmState}  # a look into it costs a tenth of asking the enumeration
_RUNNING = VmState.RUNNING
_THING = f"{ObjectKind.VM}:"
SampleOf = Callable[[UUID], MachineSample | None]


def no_sample(_machine_id: UUID) -> MachineSample | None:
    """Facts hold no samples."""
    return None


def thing(machine_id: UUID) -> str:
    """What stands for a machine in the queue of tasks."""
    return f"{_THING}{machine_id}"


def ref(row: sa.Row[Any] | Vm) -> ObjectRef:
    """The name and id of a machine."""
    return ObjectRef(kind=ObjectKind.VM, id=str(row.id), name=row.name)


def state_of(row: sa.Row[Any]) -> VmState:
    """What a machine is doing now, as far as anybody can know."""
    if row.creating:
        return VmState.CREATING
    if not row.online:
        return VmState.UNREACHABLE
    return _STATES[row.state]


def addresses_json(addresses: Sequence[Address]) -> str:
    """Addresses as they are kept."""
    return _ADDRESSES.dump_json(tuple(addresses)).decode()


async def accepted_for(connection: AsyncConnection | Writing, row: sa.Row[Any]) -> tuple[Offer, ...]:
    """What can be asked of a machine now: more than `Vm.actions` shows to people, who see the state of now."""
    queue = (await unfinished_of(connection, [thing(row.id)])).get(thing(row.id), ())
    state = state_of(row)
    return accepted(state, state_after(state, [QueuedTask(task.kind, task.running_after) for task in queue]))


def vm_of(row: sa.Row[Any], queue: Sequence[sa.Row[Any]], sample_of: SampleOf = no_sample) -> Vm:
    """The machine in a row, and what its unfinished tasks will do to it."""
    machine = Machine.model_validate_json(row.machine)
    state = state_of(row)
    after = state_after(state, [QueuedTask(task.kind, task.running_after) for task in queue]) if queue else state
    consoles = machine.consoles.graphics or machine.consoles.serial
    return Vm.model_construct(
        id=row.id,
        name=row.name,
        host=row.host,
        pool_id=row.pool_id,
        owner=row.owner,
        state=state,
        pending_state=state if after is None else after,
        actions=offers(state, after, consoles=consoles),
        queued_tasks=len(queue),
        addresses=_ADDRESSES.validate_json(row.addresses),
        template=row.template,
        created_at=row.created_at,
        sample=sample_of(row.id) if state is _RUNNING else None,
        **{name: getattr(machine, name) for name in _SHARED},
    )


async def read_vms(
    connection: AsyncConnection | Writing, rows: Sequence[sa.Row[Any]], sample_of: SampleOf = no_sample
) -> tuple[Vm, ...]:
    """The machines in these rows, with one more query for their tasks."""
    things = [thing(row.id) for row in rows]
    queues = await unfinished_of(connection, things)
    return tuple(vm_of(row, queues.get(its, ()), sample_of) for row, its in zip(rows, things, strict=True))


async def tell_changed(writing: Writing, summaries: Mapping[UUID, str], *, user: str | None = None) -> None:
    """Note that these machines changed, each with the words for it; those that are gone are left out."""
    ids = list(summaries)
    for first in range(0, len(ids), _BATCH):
        found = await writing.execute(SELECTED.where(tables.machines.c.id.in_(ids[first : first + _BATCH])))
        for vm in await read_vms(writing, found.all()):
            writing.tell("vm.changed", ref(vm), summaries[vm.id], pool_id=vm.pool_id, user=user, data=vm)


def tell_removed(writing: Writing, row: sa.Row[Any], *, user: str | None = None) -> None:
    """Note that a machine is gone."""
    writing.tell("vm.removed", ref(row), f"{row.name} was removed", pool_id=row.pool_id, user=user)
