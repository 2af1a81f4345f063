"""A host on the real libvirt and QEMU, under the suite of all hosts."""

from tests.unit.host.suite.consoles import ConsoleSuite
from tests.unit.host.suite.definitions import DefinitionSuite
from tests.unit.host.suite.devices import DeviceSuite
from tests.unit.host.suite.machines import MachineSuite
from tests.unit.host.suite.snapshots import SnapshotSuite
from tests.unit.host.suite.volumes import VolumeSuite


class TestMachines(MachineSuite):
    """The suite of all hosts."""


class TestDefinitions(DefinitionSuite):
    """The suite of all hosts."""


class TestDevices(DeviceSuite):
    """The suite of all hosts."""


class TestVolumes(VolumeSuite):
    """The suite of all hosts."""


class TestSnapshots(SnapshotSuite):
    """The suite of all hosts."""


class TestConsoles(ConsoleSuite):
    """The suite of all hosts."""
