"""What is true of snapshots on every host, real or simulated."""

import pytest
from tests.unit.host.suite.given import ONE, REF, machine

from skerry.errors import (
    InvalidState,
    NameTaken,
    NotFound,
)
from skerry.host.agent import Host
from skerry.host.operations import (
    machines,
    snapshots,
)
from skerry.host.types import (
    MachineState,
)


class SnapshotSuite:
    """Facts about snapshots."""

    async def test_a_snapshot_is_taken_and_reverted_to(self, host: Host) -> None:
        await machine(host, "disk-1")

        taken = await host.call(snapshots.create, snapshots.NewSnapshot(uuid=ONE, name="s1", description="first"))

        assert (taken.name, taken.description, taken.current) == ("s1", "first", True)
        assert await host.call(snapshots.list_snapshots, REF) == (taken,)
        ref = snapshots.SnapshotRef(uuid=ONE, name="s1")
        assert (await host.call(snapshots.revert, ref)).state is MachineState.STOPPED
        await host.call(snapshots.delete, ref)
        assert await host.call(snapshots.list_snapshots, REF) == ()
        with pytest.raises(NotFound, match="s1"):
            await host.call(snapshots.delete, ref)
        with pytest.raises(NotFound, match="s1"):
            await host.call(snapshots.revert, ref)

    async def test_a_snapshot_has_a_name_of_its_own(self, host: Host) -> None:
        await machine(host, "disk-1")
        args = snapshots.NewSnapshot(uuid=ONE, name="s1")
        await host.call(snapshots.create, args)

        with pytest.raises(NameTaken, match="s1"):
            await host.call(snapshots.create, args)

    async def test_a_running_machine_has_no_snapshot_taken(self, host: Host) -> None:
        await machine(host, "disk-1")
        await host.call(machines.start, REF)

        with pytest.raises(InvalidState, match="one"):
            await host.call(snapshots.create, snapshots.NewSnapshot(uuid=ONE, name="s1"))
