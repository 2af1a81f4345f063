"""A host on the real libvirt and QEMU, under the suite of all hosts."""

from tests.unit.host import suite


class TestMachines(suite.MachineSuite):
    """The suite of all hosts."""


class TestDefinitions(suite.DefinitionSuite):
    """The suite of all hosts."""


class TestDevices(suite.DeviceSuite):
    """The suite of all hosts."""


class TestVolumes(suite.VolumeSuite):
    """The suite of all hosts."""


class TestSnapshots(suite.SnapshotSuite):
    """The suite of all hosts."""


class TestConsoles(suite.ConsoleSuite):
    """The suite of all hosts."""
