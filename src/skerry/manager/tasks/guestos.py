"""Steps that install a new machine's disks with a guest OS definition, before the disks are volumes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from skerry.host.operations import guestos as on_host
from skerry.host.operations import volumes as volumes_on_host
from skerry.host.types import DirectKernel, Frozen, NewMachine
from skerry.manager.tasks.kind import Step
from skerry.manager.tasks.work import Work

if TYPE_CHECKING:
    from skerry.manager.tasks.making import MakeArgs

_MARGIN_S = 120.0  # for what the host does before and after the definition's script
_KERNEL_S = 600.0
_KERNEL = "kernel"


class GuestOsPlan(Frozen):
    """What a definition is to install; its parameters are private to the task."""

    name: str  # with its variant
    disks: tuple[str, ...]  # what they are called until they are imported
    sizes: tuple[int, ...]
    kernel: str | None  # the volume for the kernel of a disk without a boot loader; None: one was named
    initrd: str
    limit_s: float


def steps(plan: GuestOsPlan) -> Sequence[Step[MakeArgs]]:
    """Run the definition; see what its disk needs to boot."""

    async def install(work: Work[MakeArgs]) -> None:
        """The host knows disks that are whole, and begins anew with those that are not."""
        args = work.args
        told = json.loads(work.private or "{}")
        wanted = on_host.InstallGuestOs(
            guest_os=plan.name,
            parameters=told.get("os_parameters", {}),
            machine=args.uuid,
            hostname=args.hostname,
            vcpus=args.machine.vcpus,
            memory=args.machine.memory,
            nics=args.machine.nics,
            disks=plan.disks,
            sizes=plan.sizes,
            limit_s=plan.limit_s,
        )
        await work.call(args.host, on_host.install, wanted, deadline_s=plan.limit_s + _MARGIN_S)

    async def discard(work: Work[MakeArgs]) -> None:
        gone = on_host.GuestOsDisks(machine=work.args.uuid, disks=plan.disks)
        await work.call(work.args.host, on_host.discard, gone)

    run = Step[Any](
        "guest-os", f"Install {plan.name}", install, undo=discard, leaves=f"what {plan.name} left on the host"
    )
    return [run] if plan.kernel is None else [run, _take_kernel(plan, plan.kernel)]


def _take_kernel(plan: GuestOsPlan, kernel: str) -> Step[MakeArgs]:
    async def take(work: Work[MakeArgs]) -> dict[str, Any] | None:
        args = work.args
        wanted = on_host.KernelOfDisk(
            disk=plan.disks[0],
            uefi=args.machine.firmware == "uefi",
            storage_pool=args.storage_pool,
            kernel=kernel,
            initrd=plan.initrd,
            origin=str(work.task_id),
        )
        found = await work.call(args.host, on_host.kernel, wanted, deadline_s=_KERNEL_S)
        if found.direct_kernel is None:
            return None
        work.progress.log("the disk has no boot loader; the machine boots its kernel directly")
        return found.direct_kernel.model_dump(mode="json")

    async def delete(work: Work[MakeArgs]) -> None:
        for name in (kernel, plan.initrd):
            gone = volumes_on_host.DeleteVolume(storage_pool=work.args.storage_pool, name=name, missing_ok=True)
            await work.call(work.args.host, volumes_on_host.delete, gone)

    return Step(
        _KERNEL,
        "See what its disk needs to boot",
        take,
        undo=delete,
        leaves=f"the volumes {kernel} and {plan.initrd}",
    )


def with_kernel(work: Work[MakeArgs]) -> NewMachine:
    """The machine to define, with the kernel that was taken out of its disk, where one was."""
    found = work.results.get(_KERNEL)
    machine = work.args.machine
    if found is None:
        return machine
    return machine.model_copy(update={"direct_kernel": DirectKernel.model_validate(found)})
