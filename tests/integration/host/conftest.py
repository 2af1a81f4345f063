"""A host on the real libvirt and QEMU."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.fixtures.private_libvirt import PrivateLibvirt
from tests.unit.host.suite import given

from skerry.commands import CommandRunner
from skerry.host.agent import Host
from skerry.host.real import HostSettings, real_host
from skerry.hypervisor.accelerator import AcceleratorProbe
from skerry.hypervisor.connection import Hypervisor

PROBE = AcceleratorProbe(CommandRunner())  # once for all hosts: it takes seconds where KVM hangs


@pytest.fixture
def settings(clean_libvirtd: PrivateLibvirt) -> HostSettings:
    root = clean_libvirtd.pools / "host"
    root.mkdir(mode=0o755)
    return HostSettings(
        name="host-1", libvirt_uri=clean_libvirtd.uri, data=root, serial_logs=clean_libvirtd.serial_logs
    )


@pytest.fixture
def real(settings: HostSettings, clean_libvirtd: PrivateLibvirt) -> Host:
    """Not started."""
    connection = Hypervisor(settings.uri, definitions=clean_libvirtd.definitions)
    return real_host(settings, connection=connection, accelerator=PROBE)


@pytest.fixture
async def host(real: Host) -> AsyncIterator[Host]:
    """Started, and listed."""
    async with given.events(real) as told:
        await real.start()
        async with asyncio.timeout(30):
            while (await told.get()).kind != "listing":
                pass
    yield real
    await real.stop()
