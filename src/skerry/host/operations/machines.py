"""Machines: what there is, making and removing them, and their states."""

from __future__ import annotations

from uuid import UUID

from skerry.errors import NotFound
from skerry.host import plugging
from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Nothing, Pace, Permission, Target, operation
from skerry.host.port import Action
from skerry.host.types import Frozen, Machine, MachineName, NewMachine


class UndefineMachine(Frozen):
    """A machine to forget; its volumes stay."""

    uuid: UUID
    missing_ok: bool = False


class RenameMachine(Frozen):
    """A machine's new name."""

    uuid: UUID
    name: MachineName


class SetAutostart(Frozen):
    """Whether a machine starts with its host."""

    uuid: UUID
    enabled: bool


@operation(
    "vm.list",
    target=Target.HOST,
    permission=Permission.VM_VIEW,
    aliases={"archipel": "archipel:hypervisor:control rostervm"},
)
async def list_machines(host: Host, _args: Nothing) -> tuple[Machine, ...]:
    """List all machines."""
    return await host.watch.machines()


@operation(
    "vm.show",
    target=Target.VM,
    permission=Permission.VM_VIEW,
    aliases={"archipel": "archipel:vm:control info"},
)
async def show(host: Host, args: MachineRef) -> Machine:
    """Show one machine."""
    return await host.watch.machine(args.uuid)


@operation("vm.create", target=Target.HOST, permission=Permission.VM_CREATE)
async def create(host: Host, args: NewMachine) -> Machine:
    """Define a machine on volumes that exist; asked again with the same UUID, it finds the machine."""
    return await plugging.create(host, args)


@operation(
    "vm.undefine",
    target=Target.VM,
    permission=Permission.VM_CREATE,
    aliases={"archipel": "archipel:vm:definition undefine"},
)
async def undefine(host: Host, args: UndefineMachine) -> Nothing:
    """Forget a machine that does not run; its volumes stay."""
    try:
        await host.hypervisor.undefine(args.uuid)
    except NotFound:
        if not args.missing_ok:
            raise
    host.inventory.note_removed(args.uuid)
    return Nothing()


@operation(
    "vm.start",
    target=Target.VM,
    permission=Permission.VM_CONTROL,
    aliases={"archipel": "archipel:vm:control create"},
)
async def start(host: Host, args: MachineRef) -> Machine:
    """Start a machine; one that was saved goes on where it was."""
    return await host.act(args.uuid, Action.START)


@operation(
    "vm.shutdown",
    target=Target.VM,
    permission=Permission.VM_CONTROL,
    aliases={"archipel": "archipel:vm:control shutdown"},
)
async def shutdown(host: Host, args: MachineRef) -> Machine:
    """Ask the guest to shut down."""
    return await host.act(args.uuid, Action.SHUTDOWN)


@operation(
    "vm.poweroff",
    target=Target.VM,
    permission=Permission.VM_CONTROL,
    aliases={"archipel": "archipel:vm:control destroy"},
)
async def power_off(host: Host, args: MachineRef) -> Machine:
    """Switch a machine off, as by pulling its plug."""
    return await host.act(args.uuid, Action.POWER_OFF)


@operation(
    "vm.reboot",
    target=Target.VM,
    permission=Permission.VM_CONTROL,
    aliases={"archipel": "archipel:vm:control reboot"},
)
async def reboot(host: Host, args: MachineRef) -> Machine:
    """Ask the guest to restart."""
    return await host.act(args.uuid, Action.REBOOT)


@operation("vm.reset", target=Target.VM, permission=Permission.VM_CONTROL)
async def reset(host: Host, args: MachineRef) -> Machine:
    """Restart a machine at once, as by its reset button."""
    return await host.act(args.uuid, Action.RESET)


@operation(
    "vm.pause",
    target=Target.VM,
    permission=Permission.VM_CONTROL,
    aliases={"archipel": "archipel:vm:control suspend"},
)
async def pause(host: Host, args: MachineRef) -> Machine:
    """Hold a machine; it stays in memory."""
    return await host.act(args.uuid, Action.PAUSE)


@operation(
    "vm.resume",
    target=Target.VM,
    permission=Permission.VM_CONTROL,
    aliases={"archipel": "archipel:vm:control resume"},
)
async def resume(host: Host, args: MachineRef) -> Machine:
    """Let a paused machine go on."""
    return await host.act(args.uuid, Action.RESUME)


@operation("vm.save", target=Target.VM, permission=Permission.VM_CONTROL, pace=Pace.LONG)
async def save(host: Host, args: MachineRef) -> Machine:
    """Write a machine's memory to disk and stop it."""
    return await host.act(args.uuid, Action.SAVE)


@operation("vm.restore", target=Target.VM, permission=Permission.VM_CONTROL, pace=Pace.LONG)
async def restore(host: Host, args: MachineRef) -> Machine:
    """Let a saved machine go on where it was."""
    return await host.act(args.uuid, Action.RESTORE)


@operation("vm.rename", target=Target.VM, permission=Permission.VM_MODIFY)
async def rename(host: Host, args: RenameMachine) -> Machine:
    """Give a stopped machine another name."""
    await host.hypervisor.rename(args.uuid, args.name)
    return await host.watch.machine(args.uuid)


@operation(
    "vm.autostart",
    target=Target.VM,
    permission=Permission.VM_MODIFY,
    aliases={"archipel": "archipel:vm:control autostart"},
)
async def set_autostart(host: Host, args: SetAutostart) -> Machine:
    """Say whether a machine starts with its host."""
    await host.hypervisor.set_autostart(args.uuid, enabled=args.enabled)
    return await host.watch.machine(args.uuid)
