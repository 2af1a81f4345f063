"""Hosts, and what they have: networks, storage pools, volumes. And the resource pools."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from skerry.api.answers import json_answer
from skerry.api.declare import Routes
from skerry.api.doors import Calling, Cursor, Id, Limit, Name, Words
from skerry.api.routes.vms import HOST_ERRORS
from skerry.errors import InUse, NameTaken, NotFound
from skerry.host.operation import Permission
from skerry.host.types import Network, StoragePool
from skerry.manager.access import ManagerPermission
from skerry.manager.types import GuestOs, HostInfo, NewPool, ObjectKind, ObjectRef, Page, Pool, VolumeInfo

hosts = Routes("Hosts", about=ObjectKind.HOST)
pools = Routes("Resource pools", "/pools", about=ObjectKind.POOL)


@hosts.get("/hosts", needs=Permission.HOST_VIEW, answers=Page[HostInfo])
async def list_hosts(call: Calling, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """The hosts, by name."""
    return json_answer(await call.manager.hosts.list(call.caller, limit=limit, cursor=cursor))


@hosts.get("/hosts/{name}", needs=Permission.HOST_VIEW, answers=HostInfo, errors=(NotFound,))
async def get_host(call: Calling, name: Name) -> Response:
    """One host."""
    return json_answer(await call.manager.hosts.get(call.caller, name))


@hosts.get("/networks", needs=Permission.NETWORK_VIEW, answers=Page[Network], errors=(NotFound,))
async def list_networks(call: Calling, host: Words = None) -> Response:
    """The networks that machines can be plugged into."""
    return json_answer(await call.manager.hosts.networks(call.caller, host=host))


@hosts.get("/storage-pools", needs=Permission.STORAGE_VIEW, answers=Page[StoragePool], errors=(NotFound,))
async def list_storage_pools(call: Calling, host: Words = None) -> Response:
    """The storage pools that disks can be made in."""
    return json_answer(await call.manager.hosts.storage_pools(call.caller, host=host))


@hosts.get("/guest-oses", needs=Permission.VM_CREATE, answers=Page[GuestOs], errors=(NotFound, *HOST_ERRORS))
async def list_guest_oses(call: Calling, host: Words = None) -> Response:
    """The guest OS definitions on the hosts that one may install machines with."""
    return json_answer(await call.manager.guest_oses.list(call.caller, host=host))


@hosts.get("/volumes", needs=Permission.STORAGE_VIEW, answers=Page[VolumeInfo], errors=(NotFound, *HOST_ERRORS))
async def list_volumes(
    call: Calling,
    host: Words = None,
    storage_pool: Words = None,
    *,
    unused: Annotated[bool, Query(description="Only those that no machine, image or clone needs.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The volumes in Skerry's storage pools, and what needs them."""
    volumes = await call.manager.volumes.list(
        call.caller, host=host, storage_pool=storage_pool, unused=unused, limit=limit, cursor=cursor
    )
    return json_answer(volumes)


@hosts.change(
    "DELETE",
    "/volumes/{storage_pool}/{name}",
    needs=Permission.STORAGE_MODIFY,
    errors=(NotFound, InUse, *HOST_ERRORS),
)
async def delete_volume(call: Calling, storage_pool: Name, name: Name, host: Words = None) -> Response:
    """Remove a volume that nothing needs, such as a disk that was kept when its machine was deleted."""
    return call.accepted(await call.manager.volumes.delete(call.caller, storage_pool, name, host=host))


@pools.get("", needs=ManagerPermission.POOL_VIEW, answers=Page[Pool])
async def list_pools(call: Calling, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """The resource pools that one may see, by path."""
    return json_answer(await call.manager.pools.list(call.caller, limit=limit, cursor=cursor))


@pools.post("", needs=ManagerPermission.POOL_MODIFY, answers=Pool, status=201, errors=(NotFound, NameTaken))
async def create_pool(call: Calling, new: NewPool) -> Response:
    """Make a resource pool below another one."""
    pool = await call.manager.pools.create(call.caller, new)
    call.about = ObjectRef(kind=ObjectKind.POOL, id=str(pool.id), name=pool.name)
    return json_answer(pool, 201)


@pools.change("DELETE", "/{id}", needs=ManagerPermission.POOL_MODIFY, answers=None, errors=(NotFound, InUse))
async def delete_pool(call: Calling, ref: Id) -> Response:
    """Remove an empty resource pool."""
    await call.manager.pools.delete(call.caller, ref)
    return Response(status_code=204)
