"""Volumes: making, cloning, growing, importing and deleting disk images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from skerry.commands import CommandRunner
from skerry.errors import InUse
from skerry.host.agent import Host
from skerry.host.call import progress_of_call
from skerry.host.inventory import User
from skerry.host.operation import Nothing, Pace, Permission, Target, operation
from skerry.host.types import CloneKind, Frozen, Volume, VolumeName
from skerry.hypervisor.seed import MAX_NETWORK_CONFIG, MAX_USER_DATA, write_seed

PoolName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Origin = Annotated[str, Field(min_length=1, max_length=128)]  # who asks, such as a task's id; see StorageDriver
Size = Annotated[int, Field(ge=1, le=2**60)]  # bytes
Text = Annotated[str, Field(max_length=256)]
Line = Annotated[str, Field(max_length=16 * 1024)]


class PoolRef(Frozen):
    """Names a storage pool."""

    storage_pool: PoolName


class VolumeRef(Frozen):
    """Names a volume."""

    storage_pool: PoolName
    name: VolumeName


class NewVolume(Frozen):
    """An empty volume to make."""

    storage_pool: PoolName
    name: VolumeName
    size: Size
    origin: Origin


class CloneVolume(Frozen):
    """A volume to make from another one in the same pool."""

    storage_pool: PoolName
    source: VolumeName
    name: VolumeName
    size: Size | None = None  # None: as large as the source
    how: CloneKind = CloneKind.THIN
    origin: Origin


class ResizeVolume(Frozen):
    """How large a volume shall be."""

    storage_pool: PoolName
    name: VolumeName
    size: Size


class DeleteVolume(Frozen):
    """A volume to delete."""

    storage_pool: PoolName
    name: VolumeName
    missing_ok: bool = False
    path: Annotated[str, Field(max_length=4096)] | None = None  # only if this is where it is


class ImportVolume(Frozen):
    """An image to take in, from an upload or from a file on the host."""

    storage_pool: PoolName
    name: VolumeName
    upload: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    path: Annotated[str, Field(min_length=1, max_length=4096)] | None = None  # in one of the host's import folders
    sha256: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")] | None = None  # of the file as it comes
    known_as: Text = ""  # what errors call it; otherwise as its file is called
    raw: bool = False  # take it as a raw disk whatever it looks like
    origin: Origin

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.upload is None) == (self.path is None):
            raise ValueError("give either an upload or a path")
        return self


class SeedVolume(Frozen):
    """First settings for a guest, to be written on a CD that cloud-init reads."""

    storage_pool: PoolName
    name: VolumeName
    instance_id: Text
    hostname: Annotated[str, Field(max_length=253)]
    user_data: Annotated[str, Field(max_length=MAX_USER_DATA)] | None = Field(default=None, repr=False)
    network_config: Annotated[str, Field(max_length=MAX_NETWORK_CONFIG)] | None = Field(default=None, repr=False)
    ssh_keys: Annotated[tuple[Line, ...], Field(max_length=64)] = ()
    origin: Origin


@operation(
    "volume.list",
    target=Target.HOST,
    permission=Permission.STORAGE_VIEW,
    aliases={"archipel": "archipel:vm:disk get"},
)
async def list_volumes(host: Host, args: PoolRef) -> tuple[Volume, ...]:
    """List the volumes of a storage pool, and who uses them."""
    volumes = await host.storage.driver(args.storage_pool).volumes()
    users = host.inventory.users()
    return tuple(_with_users(volume, users.get(volume.path, ())) for volume in volumes)


@operation("volume.show", target=Target.HOST, permission=Permission.STORAGE_VIEW)
async def show(host: Host, args: VolumeRef) -> Volume:
    """Show one volume, and who uses it."""
    volume = await host.storage.driver(args.storage_pool).get(args.name)
    return _with_users(volume, host.inventory.users_of(volume.path))


@operation(
    "volume.create",
    target=Target.HOST,
    permission=Permission.STORAGE_MODIFY,
    aliases={"archipel": "archipel:vm:disk create"},
)
async def create(host: Host, args: NewVolume) -> Volume:
    """Make an empty volume."""
    return await host.storage.driver(args.storage_pool).create(args.name, args.size, origin=args.origin)


@operation("volume.clone", target=Target.HOST, permission=Permission.STORAGE_MODIFY, pace=Pace.LONG)
async def clone(host: Host, args: CloneVolume) -> Volume:
    """Make a volume that begins with what another one holds."""
    driver = host.storage.driver(args.storage_pool)
    source = await driver.get(args.source)
    host.check_hypervisor()
    with host.claims.share(source.path, f"volume {args.source}"):
        writers = [user for user in host.inventory.users_of(source.path) if not user.read_only]
        busy = [user.machine for user in writers if user.active or args.how is CloneKind.THIN]
        if busy:
            raise InUse(
                f"volume {args.source} is a disk of {', '.join(busy)}, which may change it",
                hint="stop the machine and ask for a copy",
            )
        return await driver.clone(
            args.source,
            args.name,
            size=args.size,
            how=args.how,
            origin=args.origin,
            progress=progress_of_call(),
        )


@operation("volume.resize", target=Target.HOST, permission=Permission.STORAGE_MODIFY)
async def resize(host: Host, args: ResizeVolume) -> Volume:
    """Grow a volume; a machine that runs on it sees that at once."""
    driver = host.storage.driver(args.storage_pool)
    volume = await driver.get(args.name)
    host.check_hypervisor()
    with host.claims.own(volume.path, f"volume {args.name}"):
        users = host.inventory.users_of(volume.path)
        active = [user for user in users if user.active]
        if not active:
            return _with_users(await driver.resize(args.name, args.size), users)

        async def grow(path: str, size: int) -> None:
            await host.hypervisor.grow_disk(active[0].uuid, path, size)

        grown = await driver.resize(args.name, args.size, grow=grow)
        await host.watch.machine(active[0].uuid)
        return _with_users(grown, users)


@operation(
    "volume.delete",
    target=Target.HOST,
    permission=Permission.STORAGE_MODIFY,
    aliases={"archipel": "archipel:vm:disk delete"},
)
async def delete(host: Host, args: DeleteVolume) -> Nothing:
    """Delete a volume that no machine uses and no clone stands on."""
    driver = host.storage.driver(args.storage_pool)
    path = driver.path_of(args.name)
    if args.path not in {None, path}:
        return Nothing()
    host.check_hypervisor()
    with host.claims.own(path, f"volume {args.name}"):
        if users := host.inventory.users_of(path):
            names = ", ".join(user.machine for user in users)
            raise InUse(f"volume {args.name} is used by {names}", hint="detach it, or delete the machine first")
        await driver.delete(args.name, missing_ok=args.missing_ok)
    return Nothing()


@operation("volume.import", target=Target.HOST, permission=Permission.STORAGE_MODIFY, pace=Pace.LONG)
async def import_image(host: Host, args: ImportVolume) -> Volume:
    """Take in an image: checked, unpacked, and copied into a format of ours."""
    driver = host.storage.driver(args.storage_pool)
    with host.storage.image(upload=args.upload, path=args.path) as source:
        return await driver.import_image(
            args.name,
            source,
            sha256=args.sha256,
            raw=args.raw,
            origin=args.origin,
            progress=progress_of_call(),
            known_as=args.known_as,
        )


@operation("volume.seed", target=Target.HOST, permission=Permission.STORAGE_MODIFY)
async def seed(host: Host, args: SeedVolume) -> Volume:
    """Write a guest's first settings on a CD that cloud-init reads."""

    async def write(path: Path) -> None:
        await write_seed(
            path,
            instance_id=args.instance_id,
            hostname=args.hostname,
            user_data=args.user_data,
            ssh_keys=args.ssh_keys,
            commands=CommandRunner(),
        )

    return await host.storage.driver(args.storage_pool).place(args.name, write, origin=args.origin)


def _with_users(volume: Volume, users: Sequence[User]) -> Volume:
    return volume.model_copy(update={"used_by": tuple(user.machine for user in users)})
