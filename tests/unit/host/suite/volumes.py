"""What is true of volumes, images and uploads on every host, real or simulated."""

import pytest
from tests.unit.host.suite.given import MIB, POOL, REF, machine, seed

from skerry.errors import (
    BadInput,
    Denied,
)
from skerry.host.agent import Host
from skerry.host.operations import (
    machines,
    uploads,
    volumes,
)
from skerry.host.types import (
    Volume,
)


class VolumeSuite:
    """Facts about volumes; those of drivers are in their own suite."""

    async def test_a_seed_is_a_cd(self, host: Host) -> None:
        made = await seed(host, "seed-1")

        assert made.format == "iso"
        assert await seed(host, "seed-1") == made

    async def test_a_volume_grows_with_and_without_its_machine_running(self, host: Host) -> None:
        await machine(host, "disk-1")

        async def grown(size: int) -> Volume:
            args = volumes.ResizeVolume(storage_pool=POOL, name="disk-1", size=size)
            return await host.call(volumes.resize, args)

        assert (await grown(16 * MIB)).capacity == 16 * MIB
        await host.call(machines.start, REF)
        assert (await grown(32 * MIB)).capacity == 32 * MIB
        assert (await grown(32 * MIB)).capacity == 32 * MIB
        assert (await host.call(machines.show, REF)).disks[0].size == 32 * MIB
        with pytest.raises(BadInput, match="only grow"):
            await grown(16 * MIB)

    async def test_an_image_is_uploaded_and_imported(self, host: Host) -> None:
        stream = await host.stream(uploads.open_upload, uploads.OpenUpload(upload="up-1"))
        await stream.write(bytes(510) + b"\x55\xaa")
        await stream.write(bytes(MIB - 512))
        await stream.finish()
        assert await stream.read() == b""
        await stream.close()
        state = await host.call(uploads.show, uploads.UploadRef(upload="up-1"))
        assert state.size == MIB

        args = volumes.ImportVolume(storage_pool=POOL, name="image", upload="up-1", origin="t1")
        made = await host.call(volumes.import_image, args)

        assert (made.format, made.capacity) == ("qcow2", MIB)
        assert (await host.call(uploads.show, uploads.UploadRef(upload="up-1"))).size == 0
        assert await host.call(volumes.import_image, args) == made
        await host.call(uploads.delete, uploads.UploadRef(upload="up-1"))

    async def test_files_of_the_host_are_not_imported_from_anywhere(self, host: Host) -> None:
        args = volumes.ImportVolume(storage_pool=POOL, name="image", path="/etc/passwd", origin="t1")

        with pytest.raises(Denied, match="/etc/passwd"):
            await host.call(volumes.import_image, args)

    def test_an_import_has_one_source(self) -> None:
        with pytest.raises(ValueError, match="either an upload or a path"):
            volumes.ImportVolume(storage_pool=POOL, name="image", origin="t1")
