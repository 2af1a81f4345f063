"""Storage pools."""

from __future__ import annotations

from skerry.host.agent import Host
from skerry.host.operation import Nothing, Permission, Target, operation
from skerry.host.operations.volumes import PoolRef
from skerry.host.types import StoragePool


@operation("storage-pool.list", target=Target.HOST, permission=Permission.STORAGE_VIEW)
async def list_pools(host: Host, _args: Nothing) -> tuple[StoragePool, ...]:
    """List all storage pools that libvirt knows, and how full they are."""
    return await host.storage.pools()


@operation("storage-pool.show", target=Target.HOST, permission=Permission.STORAGE_VIEW)
async def show(host: Host, args: PoolRef) -> StoragePool:
    """Show one storage pool of ours, and how full it is now."""
    return await host.storage.driver(args.storage_pool).pool()
