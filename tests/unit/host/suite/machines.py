"""What is true of machines and their states on every host, real or simulated."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.host.suite.given import MIB, ONE, POOL, REF, TWO, events, machine, new, until

from skerry.errors import (
    BadInput,
    Denied,
    InvalidState,
    NameTaken,
    NotFound,
)
from skerry.host.agent import Host
from skerry.host.operation import MachineRef, Nothing, Operation
from skerry.host.operations import (
    definition,
    devices,
    facts,
    machines,
    snapshots,
    volumes,
)
from skerry.host.types import (
    DirectKernel,
    MachineRemoved,
    MachineState,
    NewDisk,
    NewNic,
)


class MachineSuite:
    """Facts about machines and their states."""

    async def test_a_host_tells_what_it_is(self, host: Host) -> None:
        found = await host.call(facts.show, Nothing())

        assert found.name == host.name
        assert found.memory > 0
        assert found.cpus > 0
        assert found.accelerator.reason

    async def test_a_created_machine_is_listed_and_shown(self, host: Host) -> None:
        made = await machine(host, "disk-1")

        assert (made.uuid, made.name, made.state) == (ONE, "one", MachineState.STOPPED)
        (disk,) = made.disks
        assert (disk.storage_pool, disk.volume, disk.size) == (POOL, "disk-1", 8 * MIB)
        assert await host.call(machines.list_machines, Nothing()) == (made,)
        assert await host.call(machines.show, REF) == made
        assert host.inventory.machines == {ONE: made}

    async def test_creating_again_finds_the_earlier_work(self, host: Host) -> None:
        made = await machine(host, "disk-1")

        assert await host.call(machines.create, new(ONE, "one", "disk-1")) == made
        assert len(await host.call(machines.list_machines, Nothing())) == 1

    async def test_a_name_is_given_once(self, host: Host) -> None:
        await machine(host)

        with pytest.raises(NameTaken, match="one"):
            await host.call(machines.create, new(TWO, "one"))
        assert len(await host.call(machines.list_machines, Nothing())) == 1

    async def test_a_machine_cannot_have_more_memory_than_the_host(self, host: Host) -> None:
        with pytest.raises(BadInput, match="memory"):
            await host.call(machines.create, new(memory=2**50))
        assert await host.call(machines.list_machines, Nothing()) == ()

    @pytest.mark.parametrize("memory", [0, -1, 1024])
    def test_a_machine_has_some_memory(self, memory: int) -> None:
        with pytest.raises(ValueError, match="memory"):
            new(memory=memory)

    async def test_an_unknown_volume_network_or_pool_is_named(self, host: Host) -> None:
        with pytest.raises(NotFound, match="volume nothing"):
            await host.call(machines.create, new(ONE, "one", "nothing"))
        with pytest.raises(NotFound, match="network nowhere"):
            await host.call(machines.create, new(nics=(NewNic(network="nowhere"),)))
        other = NewDisk(storage_pool="elsewhere", volume="disk-1")
        with pytest.raises(NotFound, match="storage pool elsewhere"):
            await host.call(machines.create, new().model_copy(update={"disks": (other,)}))
        assert await host.call(machines.list_machines, Nothing()) == ()

    async def test_a_kernel_comes_from_where_images_come_from(self, host: Host) -> None:
        wanted = new().model_copy(update={"direct_kernel": DirectKernel(kernel="/etc/passwd")})

        with pytest.raises(Denied, match="/etc/passwd"):
            await host.call(machines.create, wanted)
        assert await host.call(machines.list_machines, Nothing()) == ()

    async def test_a_machine_lives_through_its_states(self, host: Host) -> None:
        await machine(host)
        moves = [
            (machines.start, MachineState.RUNNING),
            (machines.pause, MachineState.PAUSED),
            (machines.resume, MachineState.RUNNING),
            (machines.reset, MachineState.RUNNING),
            (machines.save, MachineState.SAVED),
            (machines.restore, MachineState.RUNNING),
            (machines.power_off, MachineState.STOPPED),
        ]
        for move, state in moves:
            assert (await host.call(move, REF)).state is state

    async def test_a_machine_knows_since_when_it_runs(self, host: Host) -> None:
        began = datetime.now(UTC) - timedelta(seconds=2)  # processes are told with a second's precision
        assert (await machine(host)).started_at is None

        started = (await host.call(machines.start, REF)).started_at

        assert started is not None
        assert began <= started <= datetime.now(UTC) + timedelta(seconds=2)
        assert (await host.call(machines.pause, REF)).started_at == started
        assert (await host.call(machines.power_off, REF)).started_at is None

    async def test_what_is_so_already_is_fine(self, host: Host) -> None:
        await machine(host)

        assert (await host.call(machines.power_off, REF)).state is MachineState.STOPPED
        await host.call(machines.start, REF)
        assert (await host.call(machines.start, REF)).state is MachineState.RUNNING
        await host.call(machines.pause, REF)
        assert (await host.call(machines.pause, REF)).state is MachineState.PAUSED

    @pytest.mark.parametrize("move", ["reboot", "reset", "pause", "resume", "save", "restore"])
    async def test_a_stopped_machine_can_only_start(self, host: Host, move: str) -> None:
        await machine(host)

        with pytest.raises(InvalidState, match="one"):
            await host.call(getattr(machines, move), REF)

    @pytest.mark.parametrize(
        "ask",
        [
            machines.show, machines.start, machines.shutdown, machines.power_off, machines.reboot, machines.reset,
            machines.pause, machines.resume, machines.save, machines.restore, definition.show, devices.addresses,
            snapshots.list_snapshots,
        ],
        ids=lambda operation: operation.name,
    )  # fmt: skip
    async def test_an_unknown_machine_is_not_found(self, host: Host, ask: Operation[MachineRef, object]) -> None:
        with pytest.raises(NotFound, match=str(ONE)):
            await host.call(ask, REF)

    async def test_states_are_told_with_their_reasons(self, host: Host) -> None:
        async with events(host) as told:
            await machine(host)
            await host.call(machines.start, REF)
            await until(told, ONE, MachineState.RUNNING)
            await host.call(machines.power_off, REF)
            await until(told, ONE, MachineState.STOPPED)
            await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))
            async with asyncio.timeout(30):
                while await told.get() != MachineRemoved(uuid=ONE):
                    pass

    async def test_an_undefined_machine_leaves_its_volumes(self, host: Host) -> None:
        await machine(host, "disk-1")

        await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))

        assert await host.call(machines.list_machines, Nothing()) == ()
        assert (await host.call(volumes.show, volumes.VolumeRef(storage_pool=POOL, name="disk-1"))).used_by == ()
        with pytest.raises(NotFound, match=str(ONE)):
            await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))
        await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE, missing_ok=True))

    async def test_a_running_machine_cannot_be_undefined_or_renamed(self, host: Host) -> None:
        await machine(host)
        await host.call(machines.start, REF)

        with pytest.raises(InvalidState, match="one"):
            await host.call(machines.undefine, machines.UndefineMachine(uuid=ONE))
        with pytest.raises(InvalidState, match="one"):
            await host.call(machines.rename, machines.RenameMachine(uuid=ONE, name="other"))

    async def test_a_machine_is_renamed(self, host: Host) -> None:
        await machine(host)
        await host.call(machines.create, new(TWO, "two"))

        assert (await host.call(machines.rename, machines.RenameMachine(uuid=ONE, name="three"))).name == "three"
        with pytest.raises(NameTaken, match="two"):
            await host.call(machines.rename, machines.RenameMachine(uuid=ONE, name="two"))

    async def test_autostart_is_kept(self, host: Host) -> None:
        await machine(host)

        assert (await host.call(machines.set_autostart, machines.SetAutostart(uuid=ONE, enabled=True))).autostart
        assert (await host.call(machines.set_autostart, machines.SetAutostart(uuid=ONE, enabled=True))).autostart
        assert not (
            await host.call(machines.set_autostart, machines.SetAutostart(uuid=ONE, enabled=False))
        ).autostart
