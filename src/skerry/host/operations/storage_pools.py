"""Storage pools."""

from __future__ import annotations

from skerry.host.agent import Host
from skerry.host.operation import Nothing, Permission, Target, operation
from skerry.host.types import StoragePool


@operation("storage-pool.list", target=Target.HOST, permission=Permission.STORAGE_VIEW)
async def list_pools(host: Host, _args: Nothing) -> tuple[StoragePool, ...]:
    """List all storage pools that libvirt knows, and how full they are."""
    return await host.storage.pools()
