"""A manager on a simulated host for each test, and a store of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fixtures.database import database, database_url, empty_url, postgresql
from tests.fixtures.simulated_manager import running_host, running_manager, succeeded

from skerry.host.agent import Host
from skerry.manager.access import SYSTEM
from skerry.manager.manager import Manager
from skerry.manager.settings import ManagerSettings
from skerry.manager.types import EmptyDisk, NewVm
from skerry.sizes import GIB

__all__ = ["database", "database_url", "empty_url", "postgresql"]


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """A simulated host."""
    async with running_host(tmp_path / "host") as host:
        yield host


@pytest.fixture
def settings(tmp_path: Path) -> ManagerSettings:
    """Those of a manager on SQLite."""
    return ManagerSettings(data_dir=tmp_path / "data")


@pytest.fixture
async def manager(settings: ManagerSettings, host: Host) -> AsyncIterator[Manager]:
    """A manager that has heard of its host."""
    async with running_manager(settings, host) as manager:
        yield manager


@pytest.fixture
async def web1(manager: Manager) -> str:
    """A machine with a disk."""
    new = NewVm(name="web1", disks=(EmptyDisk(size=GIB),), start=False)
    await succeeded(manager, await manager.machines.create(SYSTEM, new))
    return "web1"
