"""The library of images, on a simulated host."""

from __future__ import annotations

import hashlib

import pytest
from tests.fixtures.simulated_manager import DISK, Slow, ended, imported, sent, succeeded, volumes

from skerry.errors import BadInput, HostError, InUse, InvalidState, NotFound
from skerry.host.agent import Host
from skerry.manager.access import SYSTEM
from skerry.manager.manager import Manager
from skerry.manager.types import NewImage, NewVm, TemplateDisk, Upload


async def uploads(manager: Manager) -> tuple[Upload, ...]:
    return (await manager.uploads.list(SYSTEM)).items


async def state(manager: Manager, name: str) -> str:
    return (await manager.images.get(SYSTEM, name)).state


@pytest.fixture
async def left(manager: Manager, host: Host, web1: str) -> str:
    """A volume of a machine that is gone."""
    await succeeded(manager, await manager.machines.delete(SYSTEM, web1, keep_disks=True))
    (name,) = await volumes(host)
    return name


def taking(volume: str, name: str = "gold") -> NewImage:
    return NewImage(name=name, storage_pool="skerry", volume=volume)


def machine_of(image: str, *, full_copy: bool = False) -> NewVm:
    return NewVm(name="web1", disks=(TemplateDisk(image=image, full_copy=full_copy),), start=False)


# ---- from an upload


async def test_what_an_import_refused_is_imported_again_without_sending_it_again(
    manager: Manager, host: Host
) -> None:
    new = await sent(manager, DISK, "gold")
    (before,) = await uploads(manager)

    wrong = await manager.images.add(SYSTEM, new.model_copy(update={"sha256": "0" * 64}))
    error = (await ended(manager, wrong)).error

    assert error is not None
    assert (error.code, "not what was expected" in error.detail) == ("bad-image", True)
    (kept,) = await uploads(manager)
    assert (kept.id, kept.received) == (before.id, len(DISK))
    assert kept.expires_at > before.expires_at, "it grows old from the failure on"
    right = hashlib.sha256(DISK).hexdigest()
    await succeeded(manager, await manager.images.add(SYSTEM, new.model_copy(update={"sha256": right})))
    assert (await manager.images.get(SYSTEM, "gold")).sha256 == right
    assert await uploads(manager) == ()
    assert host.storage.uploads.size(str(before.id)) == 0


async def test_what_a_cancelled_import_leaves_is_listed_and_thrown_away(
    manager: Manager, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "import_image", monkeypatch, of_storage=True)
    task = await manager.images.add(SYSTEM, await sent(manager, DISK, "gold"))
    await slow.began.wait()
    (upload,) = await uploads(manager)
    with pytest.raises(InUse, match="being sent"):
        await manager.uploads.delete(SYSTEM, upload.id)

    await manager.tasks.cancel(SYSTEM, task.id)

    assert (await ended(manager, task)).state == "cancelled"
    assert await volumes(host) == []
    assert [kept.id for kept in await uploads(manager)] == [upload.id]
    await manager.uploads.delete(SYSTEM, upload.id)
    assert await uploads(manager) == ()
    assert host.storage.uploads.size(str(upload.id)) == 0


# ---- from a volume


async def test_the_disk_of_a_machine_does_not_become_a_template(manager: Manager, host: Host, web1: str) -> None:
    (volume,) = await volumes(host)

    task = await ended(manager, await manager.images.add(SYSTEM, taking(volume)))

    assert task.error is not None
    assert task.error.code == "in-use"
    assert "is a disk of web1" in task.error.detail
    assert await volumes(host) == [volume]
    with pytest.raises(NotFound):
        await manager.images.get(SYSTEM, "gold")


async def test_a_volume_is_one_image_only(manager: Manager, host: Host, left: str) -> None:
    task = await manager.images.add(SYSTEM, taking(left))
    with pytest.raises(InUse, match="is the image gold already"):  # also while that is being imported
        await manager.images.add(SYSTEM, taking(left, "silver"))

    await succeeded(manager, task)

    with pytest.raises(InUse, match="is the image gold already") as refused:
        await manager.images.add(SYSTEM, taking(left, "silver"))
    assert "skerry image rename gold silver" in (refused.value.hint or "")
    await succeeded(manager, await manager.images.delete(SYSTEM, "gold"))
    assert await volumes(host) == []


async def test_a_volume_that_a_task_needs_does_not_become_an_image(
    manager: Manager, host: Host, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(host, "delete", monkeypatch, of_storage=True)
    task = await manager.volumes.delete(SYSTEM, "skerry", left)
    await slow.began.wait()

    with pytest.raises(InUse, match=f"needed by a task: Delete the volume {left}"):
        await manager.images.add(SYSTEM, taking(left))

    slow.go.set()
    await succeeded(manager, task)


async def test_an_image_comes_from_an_upload_or_from_a_volume_and_not_from_both(
    manager: Manager, left: str
) -> None:
    upload = (await sent(manager, DISK)).upload

    for new in (
        NewImage(name="gold"),
        NewImage(name="gold", volume=left),
        NewImage(name="gold", volume=left, upload=upload),
        taking(left).model_copy(update={"upload": upload}),
    ):
        with pytest.raises(BadInput, match="either an upload, or a volume"):
            await manager.images.add(SYSTEM, new)


async def test_no_checksum_is_believed_of_a_volume_that_is_not_compared(manager: Manager, left: str) -> None:
    with pytest.raises(BadInput, match="sha256: only a file that was sent"):
        await manager.images.add(SYSTEM, taking(left).model_copy(update={"sha256": "0" * 64}))


# ---- deleting


async def test_no_machine_is_made_of_an_image_that_is_being_deleted(
    manager: Manager, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    await imported(manager, "debian")
    slow = Slow(host, "delete", monkeypatch, of_storage=True)

    task = await manager.images.delete(SYSTEM, "debian")

    assert await state(manager, "debian") == "deleting"
    with pytest.raises(InvalidState, match="the image debian is deleting"):
        await manager.machines.create(SYSTEM, machine_of("debian"))
    with pytest.raises(InUse, match="needed by a task: Delete debian"):
        await manager.images.delete(SYSTEM, "debian")
    slow.go.set()
    await succeeded(manager, task)
    with pytest.raises(NotFound):
        await manager.images.get(SYSTEM, "debian")


async def test_an_image_that_could_not_be_deleted_is_ready_again(
    manager: Manager, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    await imported(manager, "debian")

    async def refuse(*_args: object, **_more: object) -> None:
        raise HostError("the disk does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(host.storage.driver("skerry"), "delete", refuse)
        assert (await ended(manager, await manager.images.delete(SYSTEM, "debian"))).state == "failed"

    assert await state(manager, "debian") == "ready"
    await succeeded(manager, await manager.machines.create(SYSTEM, machine_of("debian")))


async def test_an_image_is_not_deleted_while_it_is_imported_or_copied(
    manager: Manager, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing = Slow(host, "import_image", monkeypatch, of_storage=True)
    task = await manager.images.add(SYSTEM, await sent(manager, DISK, "debian"))
    with pytest.raises(InUse, match="needed by a task: Import debian"):
        await manager.images.delete(SYSTEM, "debian")
    importing.go.set()
    await succeeded(manager, task)

    copying = Slow(host, "clone", monkeypatch, of_storage=True)
    task = await manager.machines.create(SYSTEM, machine_of("debian", full_copy=True))
    with pytest.raises(InUse, match="needed by a task: Create web1"):
        await manager.images.delete(SYSTEM, "debian")
    copying.go.set()
    await succeeded(manager, task)
    await succeeded(manager, await manager.images.delete(SYSTEM, "debian"))
    assert len(await volumes(host)) == 1
