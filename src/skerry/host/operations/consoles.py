"""Consoles: the serial line and the display of a machine."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from skerry.host.agent import Host
from skerry.host.operation import ByteStream, MachineRef, Pace, Permission, Target, operation
from skerry.host.types import Frozen


class SerialLogRange(Frozen):
    """How much of a serial console's past is wanted."""

    uuid: UUID
    limit: Annotated[int, Field(ge=1, le=1024**2)] = 64 * 1024  # bytes, counted from the end


class SerialLog(Frozen):
    """What a machine wrote to its serial console."""

    text: str  # bytes that are not UTF-8 are replaced


@operation("vm.serial-log", target=Target.VM, permission=Permission.VM_CONSOLE)
async def serial_log(host: Host, args: SerialLogRange) -> SerialLog:
    """Show the end of what a machine wrote to its serial console."""
    data = await host.hypervisor.serial_log(args.uuid, args.limit)
    return SerialLog(text=data.decode(errors="replace"))


@operation("vm.console", target=Target.VM, permission=Permission.VM_CONSOLE, pace=Pace.LONG, streams=True)
async def console(host: Host, args: MachineRef) -> ByteStream:
    """Open the serial console of a machine."""
    return await host.hypervisor.serial_console(args.uuid)


@operation("vm.graphics", target=Target.VM, permission=Permission.VM_CONSOLE, pace=Pace.LONG, streams=True)
async def graphics(host: Host, args: MachineRef) -> ByteStream:
    """Open the display of a machine, as RFB (VNC)."""
    return await host.hypervisor.graphics_console(args.uuid)
