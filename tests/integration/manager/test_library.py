"""The library of images, on a simulated host."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.simulated_manager import ended, running_host, running_manager, succeeded

from skerry.errors import NotFound
from skerry.manager.access import SYSTEM
from skerry.manager.settings import ManagerSettings
from skerry.manager.types import EmptyDisk, NewImage, NewVm
from skerry.sizes import GIB


async def test_the_disk_of_a_machine_does_not_become_a_template(tmp_path: Path) -> None:
    settings = ManagerSettings(data_dir=tmp_path / "data")
    async with running_host(tmp_path / "host") as host, running_manager(settings, host) as manager:
        new = NewVm(name="web1", disks=(EmptyDisk(size=GIB),), start=False)
        await succeeded(manager, await manager.machines.create(SYSTEM, new))
        (volume,) = await host.storage.driver("skerry").volumes()

        image = NewImage(name="gold", storage_pool="skerry", volume=volume.name)
        task = await ended(manager, await manager.images.add(SYSTEM, image))

        assert task.error is not None
        assert task.error.code == "in-use"
        assert "is a disk of web1" in task.error.detail
        assert [kept.name for kept in await host.storage.driver("skerry").volumes()] == [volume.name]
        with pytest.raises(NotFound):
            await manager.images.get(SYSTEM, "gold")
