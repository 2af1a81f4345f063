"""What is true of every storage driver.

A test module of a driver inherits the class and gives the fixture `driver`.
"""

import asyncio
from pathlib import Path

import pytest

from skerry.errors import BadInput, InUse, NameTaken, NotFound
from skerry.progress import Collected, Quiet
from skerry.storage.driver import CloneKind, Feature, StorageDriver
from skerry.storage.types import Volume

MIB = 1024**2


class DriverSuite:
    """Facts about a driver that was started on an empty pool."""

    async def test_a_new_pool_is_empty_and_has_room(self, driver: StorageDriver) -> None:
        pool = await driver.pool()

        assert await driver.volumes() == []
        assert pool.name == driver.name
        assert pool.active
        assert 0 < pool.available <= pool.capacity

    async def test_a_created_volume_is_listed_with_its_size(self, driver: StorageDriver) -> None:
        made = await driver.create("disk-1", 8 * MIB, origin="a")

        assert (made.name, made.capacity, made.storage_pool) == ("disk-1", 8 * MIB, driver.name)
        assert await driver.volumes() == [made]
        assert await driver.get("disk-1") == made
        assert driver.owns(made.path) == "disk-1"

    async def test_the_same_origin_finds_its_own_work(self, driver: StorageDriver) -> None:
        made = await driver.create("disk-1", 8 * MIB, origin="a")

        assert await driver.create("disk-1", 8 * MIB, origin="a") == made
        assert len(await driver.volumes()) == 1

    async def test_another_origin_is_told_that_the_name_is_taken(self, driver: StorageDriver) -> None:
        made = await driver.create("disk-1", 8 * MIB, origin="a")

        with pytest.raises(NameTaken, match="disk-1"):
            await driver.create("disk-1", 8 * MIB, origin="b")
        with pytest.raises(NameTaken, match="disk-1"):
            await driver.clone("disk-1", "disk-1", size=None, origin="b", progress=Quiet())
        assert await driver.volumes() == [made]

    async def test_a_name_is_free_again_after_deletion(self, driver: StorageDriver) -> None:
        await driver.create("disk-1", 8 * MIB, origin="a")
        await driver.delete("disk-1")

        made = await driver.create("disk-1", 4 * MIB, origin="b")

        assert made.capacity == 4 * MIB

    async def test_an_unknown_volume_is_not_found(self, driver: StorageDriver) -> None:
        with pytest.raises(NotFound, match="nothing"):
            await driver.get("nothing")
        with pytest.raises(NotFound, match="nothing"):
            await driver.delete("nothing")
        with pytest.raises(NotFound, match="nothing"):
            await driver.resize("nothing", MIB)
        with pytest.raises(NotFound, match="nothing"):
            await driver.clone("nothing", "disk-1", size=None, origin="a", progress=Quiet())

    async def test_deleting_what_is_gone_may_be_fine(self, driver: StorageDriver) -> None:
        await driver.delete("nothing", missing_ok=True)

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "../up", "/etc/passwd", ".hidden", "a/b", "a\0b", "ü", "x" * 129]
    )
    async def test_a_name_cannot_leave_the_pool(self, driver: StorageDriver, name: str) -> None:
        with pytest.raises(BadInput, match="not a name"):
            await driver.create(name, MIB, origin="a")
        with pytest.raises(BadInput, match="not a name"):
            await driver.delete(name, missing_ok=True)
        with pytest.raises(BadInput, match="not a name"):
            await driver.get(name)

    @pytest.mark.parametrize("size", [0, -1, 2**63])
    async def test_an_absurd_size_is_refused(self, driver: StorageDriver, size: int) -> None:
        with pytest.raises(BadInput, match="cannot be made"):
            await driver.create("disk-1", size, origin="a")
        assert await driver.volumes() == []

    async def thin(self, driver: StorageDriver, name: str, *, size: int | None = None) -> Volume:
        """A thin clone of the volume `base`."""
        return await driver.clone("base", name, size=size, origin=name, progress=Quiet())

    async def test_a_thin_clone_stands_on_its_source(self, driver: StorageDriver) -> None:
        assert Feature.THIN_CLONE in driver.features
        base = await driver.create("base", 8 * MIB, origin="a")

        clone = await self.thin(driver, "clone", size=16 * MIB)

        assert clone.backing == base.path
        assert clone.capacity == 16 * MIB
        assert await driver.dependents("base") == ("clone",)
        assert await self.thin(driver, "clone", size=16 * MIB) == clone

    async def test_a_full_clone_stands_alone(self, driver: StorageDriver) -> None:
        await driver.create("base", 8 * MIB, origin="a")
        progress = Collected()

        clone = await driver.clone(
            "base", "clone", size=16 * MIB, how=CloneKind.FULL, origin="b", progress=progress
        )
        await driver.delete("base")

        assert clone.backing is None
        assert clone.capacity == 16 * MIB
        assert progress.steps == ["copy base"]
        assert (
            await driver.clone("base", "clone", size=None, how=CloneKind.FULL, origin="b", progress=Quiet())
            == clone
        )

    async def test_a_copied_layer_stands_on_the_same_image_and_not_on_its_source(
        self, driver: StorageDriver
    ) -> None:
        base = await driver.create("base", 8 * MIB, origin="a")
        source = await self.thin(driver, "source", size=16 * MIB)
        layer = CloneKind.LAYER

        copy = await driver.clone("source", "copy", size=None, how=layer, origin="b", progress=Quiet())
        await driver.delete("source")

        assert (copy.backing, copy.capacity) == (base.path, source.capacity)
        assert await driver.dependents("base") == ("copy",)

    async def test_a_copied_layer_of_what_stands_on_nothing_stands_alone(self, driver: StorageDriver) -> None:
        await driver.create("base", 8 * MIB, origin="a")

        copy = await driver.clone("base", "copy", size=None, how=CloneKind.LAYER, origin="b", progress=Quiet())

        assert copy.backing is None

    async def test_a_clone_cannot_be_smaller_than_its_source(self, driver: StorageDriver) -> None:
        await driver.create("base", 8 * MIB, origin="a")

        with pytest.raises(BadInput, match="smaller"):
            await driver.clone("base", "clone", size=4 * MIB, origin="b", progress=Quiet())

    async def test_what_others_stand_on_cannot_be_deleted_or_grown(self, driver: StorageDriver) -> None:
        await driver.create("base", 8 * MIB, origin="a")
        for name in ("one", "two"):
            await self.thin(driver, name)

        with pytest.raises(InUse, match="one, two"):
            await driver.delete("base")
        with pytest.raises(InUse, match="one, two"):
            await driver.resize("base", 16 * MIB)

        await driver.delete("one")
        await driver.delete("two")
        await driver.delete("base")
        assert await driver.volumes() == []

    async def test_a_volume_grows_and_never_shrinks(self, driver: StorageDriver) -> None:
        await driver.create("disk-1", 8 * MIB, origin="a")

        assert (await driver.resize("disk-1", 16 * MIB)).capacity == 16 * MIB
        assert (await driver.resize("disk-1", 16 * MIB)).capacity == 16 * MIB
        with pytest.raises(BadInput, match="only grow"):
            await driver.resize("disk-1", 8 * MIB)

    async def test_fifty_thin_clones_at_once_succeed(self, driver: StorageDriver) -> None:
        base = await driver.create("base", 8 * MIB, origin="a")

        clones = await asyncio.gather(*(self.thin(driver, f"clone-{number}") for number in range(50)))

        assert {clone.backing for clone in clones} == {base.path}
        assert len({clone.path for clone in clones}) == 50
        assert len(await driver.dependents("base")) == 50

    async def test_one_of_many_that_want_a_name_gets_it(self, driver: StorageDriver) -> None:
        tries = [driver.create("disk-1", MIB, origin=f"t{number}") for number in range(8)]

        results = await asyncio.gather(*tries, return_exceptions=True)

        assert sum(isinstance(result, NameTaken) for result in results) == 7

    async def test_a_placed_file_becomes_a_volume(self, driver: StorageDriver) -> None:
        async def write(path: Path) -> None:
            path.write_bytes(bytes(32769) + b"CD001" + bytes(4096))

        assert Feature.PLACE in driver.features
        made = await driver.place("seed", write, origin="a")

        assert made.format == "iso"
        assert await driver.place("seed", write, origin="a") == made
        with pytest.raises(BadInput, match="CD"):
            await driver.clone("seed", "clone", size=None, origin="b", progress=Quiet())

    async def test_a_file_that_could_not_be_written_leaves_nothing(self, driver: StorageDriver) -> None:
        async def write(path: Path) -> None:
            path.write_bytes(b"half")
            raise BadInput("no more")

        with pytest.raises(BadInput, match="no more"):
            await driver.place("seed", write, origin="a")

        assert await driver.volumes() == []
