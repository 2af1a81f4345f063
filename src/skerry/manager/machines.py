"""Machines, as people ask for them: lists from the inventory, and changes as tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from skerry.errors import BadDefinition, InvalidState, NotFound
from skerry.host.operation import MachineRef, Permission
from skerry.host.operations import consoles as consoles_on_host
from skerry.host.operations import definition as definition_on_host
from skerry.host.operations import snapshots as snapshots_on_host
from skerry.host.types import Definition, Machine, Snapshot
from skerry.hypervisor.xml import parse_domain
from skerry.link.port import Link
from skerry.manager import creation
from skerry.manager.access import AnyPermission, Caller
from skerry.manager.guest_oses import GuestOses
from skerry.manager.machine_filter import MachineFilter, clauses
from skerry.manager.naming import check_free, find, name_claim
from skerry.manager.placement import choose
from skerry.manager.samples import LastSamples
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database, Writing
from skerry.manager.store.pages import Order, checked_limit, next_cursor
from skerry.manager.tasks import rows
from skerry.manager.tasks.disks import images_needed, need_image
from skerry.manager.tasks.ending import accept
from skerry.manager.tasks.machine import OnMachine
from skerry.manager.tasks.making import MakeArgs, private_text
from skerry.manager.tasks.power import TITLES, PowerArgs
from skerry.manager.tasks.removing import is_seed
from skerry.manager.types import NewVm, Page, Task, Vm, VmAction, VmActionRequest, VmClone, VmState
from skerry.manager.vms import SELECTED, accepted_for, read_vms, ref, thing

_m = tables.machines.c
_h = tables.hosts.c
_SORTS = {
    "name": _m.name,
    "created_at": _m.created_at,
    "state": _m.state,
    "memory": _m.memory,
    "vcpus": _m.vcpus,
}
_LOG_BYTES = 64 * 1024


@dataclass(frozen=True)
class _Making:
    """How a new machine comes to be."""

    kind: str
    verb: str
    pool_id: UUID
    private: str | None
    source: UUID | None = None  # the machine that is cloned; it waits in its queue as well


class Machines:
    """The machines of the cloud. `ref` is an id or a name."""

    def __init__(
        self,
        database: Database,
        link: Link,
        samples: LastSamples,
        settings: ManagerSettings,
        guest_oses: GuestOses,
    ) -> None:
        self._database = database
        self._guest_oses = guest_oses
        self._settings = settings
        self._link = link
        self._samples = samples

    # ---- looking

    async def list(
        self, caller: Caller, which: MachineFilter, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Vm]:
        """One page of the machines that the caller may see."""
        wanted = clauses(caller, which)
        order = Order(_SORTS[which.sort], _m.id, which.descending)
        both = tables.machines.outerjoin(tables.hosts, _m.host == _h.name)
        counted = sa.select(sa.func.count()).select_from(both)
        # Rows are wide: which ones the page shows is found among ids alone, a fourth of the time for 5,000.
        ids = sa.select(_m.id).select_from(both).where(*wanted).limit(checked_limit(limit) + 1)
        query = order.apply(SELECTED.where(_m.id.in_(order.apply(ids, cursor))), None)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
            total = (await connection.execute(counted.where(*wanted))).scalar_one()
            items = await read_vms(connection, found[:limit], self._samples.of_machine)
        more = next_cursor(found, limit, which.sort, "id")
        return Page[Vm].model_construct(items=items, next_cursor=more, total=total)

    async def get(self, caller: Caller, ref: str) -> Vm:
        """One machine."""
        async with self._database.read() as connection:
            row = await find(connection, caller, ref)
            return (await read_vms(connection, [row], self._samples.of_machine))[0]

    async def id_of(self, caller: Caller, ref: str) -> UUID:
        """The id of the machine that a word names."""
        async with self._database.read() as connection:
            found: UUID = (await find(connection, caller, ref)).id
        return found

    async def definition(self, caller: Caller, ref: str) -> Definition:
        """Its stored definition, asked of the host now."""
        row = await self._row(caller, ref, Permission.VM_VIEW)
        return await self._link.call(row.host, definition_on_host.show, MachineRef(uuid=row.id))

    async def check_definition(self, caller: Caller, ref: str, xml: str) -> Definition:
        """What the hypervisor would make of this definition; changes nothing."""
        row = await self._row(caller, ref, Permission.VM_MODIFY)
        check = definition_on_host.CheckDefinition(xml=xml, only=_only(caller, row))
        checked = await self._link.call(row.host, definition_on_host.check, check)
        _check_identity(row, xml)
        return checked

    async def define(self, caller: Caller, ref: str, xml: str, *, if_match: str) -> Definition:
        """Replace its definition, unless it changed since it was read (Changed)."""
        row = await self._row(caller, ref, Permission.VM_MODIFY)
        await self.check_definition(caller, ref, xml)
        new = definition_on_host.DefineMachine(xml=xml, expected_etag=if_match, only=_only(caller, row))
        await self._link.call(row.host, definition_on_host.define, new)
        return await self._link.call(row.host, definition_on_host.show, MachineRef(uuid=row.id))

    async def snapshots(self, caller: Caller, ref: str) -> tuple[Snapshot, ...]:
        """Its snapshots, oldest first."""
        row = await self._row(caller, ref, Permission.VM_VIEW)
        return await self._link.call(row.host, snapshots_on_host.list_snapshots, MachineRef(uuid=row.id))

    async def serial_log(self, caller: Caller, ref: str) -> bytes:
        """The last 64 KiB that came out of the serial console."""
        row = await self._row(caller, ref, Permission.VM_CONSOLE)
        wanted = consoles_on_host.SerialLogRange(uuid=row.id, limit=_LOG_BYTES)
        return (await self._link.call(row.host, consoles_on_host.serial_log, wanted)).text.encode()

    async def _row(self, caller: Caller, ref: str, permission: AnyPermission) -> sa.Row[Any]:
        async with self._database.read() as connection:
            return await allowed(connection, caller, ref, permission)

    # ---- making and removing

    async def create(self, caller: Caller, new: NewVm) -> Task:
        """Make a machine."""
        creation.check_wishes(new)
        able = await self._guest_oses.hosts_for(caller, new)
        task_id = uuid4()
        async with self._database.write() as writing:
            pool_id = await _pool_for(writing, caller, new.pool_id)
            await check_free(writing, new.name)
            hosts = await creation.candidates(writing)
            host = choose(new, hosts, capacity=self._settings.host_capacity, among=able)
            plan = creation.Plan(task_id, new.name, host.name, self._settings, new.guest_os or "")
            for disk in new.disks:
                await plan.add(writing, caller, disk)
            told = new.cloud_init
            hostname = (told.hostname if told else None) or new.name
            machine = creation.machine_of(new, task_id)
            args = plan.args(machine, seed=told is not None, hostname=hostname, start=new.start)
            private = creation.private_of(new)
            return await self._make(writing, caller, _Making("vm.create", "Create", pool_id, private), plan, args)

    async def clone(self, caller: Caller, ref: str, clone: VmClone) -> Task:
        """Make another one like it."""
        task_id = uuid4()
        async with self._database.write() as writing:
            row = await allowed(writing, caller, ref, Permission.VM_VIEW)
            caller.require(Permission.VM_CREATE, row.pool_id, row.name)
            await check_free(writing, clone.name)
            source = Machine.model_validate_json(row.machine)
            await creation.check_can_be_cloned(writing, row, source)
            plan = creation.Plan(task_id, clone.name, row.host, self._settings)
            plan.template = row.template
            seeded = any(is_seed(disk) for disk in source.disks)
            stands_on = await images_needed(writing, row.id)
            for disk in source.disks:
                if disk.volume is not None and not is_seed(disk):
                    plan.add_copy(disk, stands_on.get(disk.volume), full=clone.full_copy)
                elif disk.volume is None and disk.device == "cdrom":
                    plan.add_empty_drive()
            machine = creation.clone_of(source, clone, task_id)
            args = plan.args(machine, seed=seeded, hostname=clone.name, start=clone.start)
            # A seed of its own makes cloud-init in the clone give it new host keys and its own name.
            private = private_text(None, ()) if seeded else None
            making = _Making("vm.clone", f"Clone {row.name} to", row.pool_id, private, source=row.id)
            return await self._make(writing, caller, making, plan, args)

    async def _make(
        self, writing: Writing, caller: Caller, making: _Making, plan: creation.Plan, args: MakeArgs
    ) -> Task:
        """The row that keeps the name, what it stands on, and the task."""
        row = {
            "id": args.uuid,
            "name": args.name,
            "host": args.host,
            "pool_id": making.pool_id,
            "owner": caller.user,
            "template": plan.template,
            "created_at": now(),
            "creating": True,
            "state": VmState.STOPPED,
            "vcpus": args.machine.vcpus,
            "memory": args.machine.memory,
            "should_run": args.start,
            "machine": creation.machine_in_the_making(args.machine).model_dump_json(),
            "addresses": "[]",
        }
        await writing.execute(sa.insert(tables.machines).values(row))
        for volume, image in plan.images.items():
            await need_image(writing, args.uuid, image, volume)
        order = rows.Order(
            kind=making.kind,
            title=f"{making.verb} {args.name}",
            about=ref(await _by_id(writing, args.uuid)),
            pool_id=making.pool_id,
            args=args,
            user=caller.user,
            task_id=plan.task_id,
            private=making.private,
            name_claimed=name_claim(args.name),
            things={thing(args.uuid): args.start} | ({thing(making.source): None} if making.source else {}),
        )
        return await accept(writing, order)

    async def delete(self, caller: Caller, ref: str, *, keep_disks: bool = False, force: bool = False) -> Task:
        """Remove it; `force` powers it off first."""
        async with self._database.write() as writing:
            row, vm = await self._valid(writing, caller, ref, Permission.VM_CREATE, "delete")
            running = {VmState.RUNNING, VmState.PAUSED, VmState.STOPPING, VmState.SUSPENDED}
            if vm.pending_state in running and not force:
                raise InvalidState(
                    f"{vm.name} is {vm.pending_state}, so it cannot be deleted",
                    hint="stop it first, or delete it with force",
                )
            args = await creation.removal_of(
                writing, row, self._settings.storage_pool, keep_disks=keep_disks, force=force
            )
            return await order_task(
                writing, caller, row, "vm.delete", f"Delete {row.name}", args, cancellable=False
            )

    # ---- run state

    async def act(self, caller: Caller, ref: str, request: VmActionRequest) -> Task:
        """Start it, stop it and so on."""
        async with self._database.write() as writing:
            row, vm = await self._valid(writing, caller, ref, Permission.VM_CONTROL, request.action)
            if request.action is VmAction.POWEROFF and vm.queued_tasks:
                await rows.cancel_waiting(writing, thing(row.id), ("vm.shutdown", "vm.reboot"), caller.user)
            args = PowerArgs(
                host=row.host,
                uuid=row.id,
                name=row.name,
                action=request.action,
                timeout_s=request.timeout_s,
                force_after=request.force_after,
            )
            title = f"{TITLES[request.action]} {row.name}"
            return await order_task(writing, caller, row, f"vm.{request.action}", title, args)

    async def _valid(
        self, writing: Writing, caller: Caller, ref: str, permission: AnyPermission, action: str
    ) -> tuple[sa.Row[Any], Vm]:
        """The machine, where this action is valid after its queue.

        Raises:
            InvalidState: naming the state that it will be in.
        """
        row = await allowed(writing, caller, ref, permission)
        vm = (await read_vms(writing, [row]))[0]
        possible_now = await accepted_for(writing, row)
        if action not in possible_now:
            when = "" if vm.pending_state == vm.state else " after the tasks in its queue"
            possible = ", ".join(str(offer) for offer in possible_now) or "nothing now"
            hint = f"possible: {possible}"
            if vm.state is VmState.UNREACHABLE:
                hint = f"its host {row.host} does not answer now; `skerry host show {row.host}` says why"
            raise InvalidState(
                f"{vm.name} will be {vm.pending_state}{when}, so {action} is not possible"
                if when
                else f"{vm.name} is {vm.state}, so {action} is not possible",
                hint=hint,
            )
        return row, vm


async def allowed(
    reader: AsyncConnection | Writing,
    caller: Caller,
    ref: str,
    permission: AnyPermission,
) -> sa.Row[Any]:
    """The machine's row, if the caller may do this to it (NotFound, Denied else)."""
    row = await find(reader, caller, ref)
    caller.require(permission, row.pool_id, row.name)
    return row


def _check_identity(row: sa.Row[Any], xml: str) -> None:
    """Raises BadDefinition where it is another machine's, or would rename this one: libvirt refuses."""
    root = parse_domain(xml)
    if (root.findtext("uuid") or "").strip().lower() != str(row.id):
        raise BadDefinition(
            f"this is not the definition of {row.name}", hint=f"keep its <uuid>{row.id}</uuid> as it is"
        )
    if (root.findtext("name") or "").strip() != row.name:
        raise BadDefinition(
            f"the name of {row.name} does not change with its definition",
            hint=f"keep its <name>{row.name}</name>, and rename the machine when it is off",
        )


def _only(caller: Caller, row: sa.Row[Any]) -> UUID | None:
    """Who administers everything may write any definition: it can name any file and device of the host."""
    return None if caller.access.everything else row.id


async def _by_id(writing: Writing, machine_id: UUID) -> sa.Row[Any]:
    return (await writing.execute(SELECTED.where(_m.id == machine_id))).one()


async def _pool_for(writing: Writing, caller: Caller, pool_id: UUID | None) -> UUID:
    """The pool that a new machine belongs to: the named one, or the root."""
    pools = tables.pools.c
    which = pools.parent_id.is_(None) if pool_id is None else pools.id == pool_id
    found: UUID | None = (await writing.execute(sa.select(pools.id).where(which))).scalar_one_or_none()
    caller.require_sight(Permission.VM_VIEW, found, f"pool {pool_id}")
    if found is None:
        raise NotFound(f"there is no pool {pool_id}", hint="`skerry pool ls` lists all")
    caller.require(Permission.VM_CREATE, found, "this pool")
    return found


async def order_task(
    writing: Writing,
    caller: Caller,
    row: sa.Row[Any],
    kind: str,
    title: str,
    args: OnMachine,
    *,
    claim: str | None = None,
    cancellable: bool = True,
    task_id: UUID | None = None,
) -> Task:
    """Queue a task of a machine; what is valid after the queue changes with it."""
    order = rows.Order(
        kind=kind,
        title=title,
        about=ref(row),
        pool_id=row.pool_id,
        args=args,
        user=caller.user,
        name_claimed=name_claim(claim) if claim else None,
        cancellable=cancellable,
        task_id=task_id or uuid4(),
    )
    return await accept(writing, order)
