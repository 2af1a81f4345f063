"""Definitions: a machine's XML, and changes to it by form."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from skerry.host import limits, plugging
from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Permission, Target, operation
from skerry.host.types import Definition, Frozen, Machine, MachineChanges

Xml = Annotated[str, Field(min_length=1, max_length=1024**2)]
Etag = Annotated[str, Field(min_length=1, max_length=128)]


class DefineMachine(Frozen):
    """A domain in libvirt's XML."""

    xml: Xml
    expected_etag: Etag | None = None  # of the definition that was edited; None: whatever is there
    only: UUID | None = None  # an edit of this machine by somebody who does not administer the host: see `limits`


class CheckDefinition(Frozen):
    """A domain in libvirt's XML, to be checked."""

    xml: Xml
    only: UUID | None = None  # as in `DefineMachine`


class ChangeMachine(Frozen):
    """What to change in a definition."""

    uuid: UUID
    changes: MachineChanges
    expected_etag: Etag | None = None


@operation(
    "vm.xml",
    target=Target.VM,
    permission=Permission.VM_VIEW,
    aliases={"archipel": "archipel:vm:control xmldesc"},
)
async def show(host: Host, args: MachineRef) -> Definition:
    """Show a machine's stored definition."""
    return await host.hypervisor.definition(args.uuid)


@operation("vm.check", target=Target.HOST, permission=Permission.VM_MODIFY)
async def check(host: Host, args: CheckDefinition) -> Definition:
    """Show how libvirt would store a definition, and change nothing."""
    if args.only is not None:
        await limits.check_edit(host, args.only, args.xml)
    return await host.hypervisor.check_xml(args.xml)


@operation(
    "vm.define",
    target=Target.HOST,
    permission=Permission.VM_MODIFY,
    aliases={"archipel": "archipel:vm:definition define"},
)
async def define(host: Host, args: DefineMachine) -> Machine:
    """Store a definition; a machine that runs takes it on when it starts anew."""
    if args.only is not None:
        await limits.check_edit(host, args.only, args.xml)
    uuid = await host.hypervisor.define_xml(args.xml, args.expected_etag)
    return await host.watch.machine(uuid)


@operation("vm.set", target=Target.VM, permission=Permission.VM_MODIFY)
async def change(host: Host, args: ChangeMachine) -> Machine:
    """Change a machine's definition; what is not named stays as it is."""
    await plugging.check_changes(host, args.changes)
    await host.hypervisor.change(args.uuid, args.changes, args.expected_etag)
    return await host.watch.machine(args.uuid)
