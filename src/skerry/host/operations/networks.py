"""Networks."""

from __future__ import annotations

from skerry.host.agent import Host
from skerry.host.operation import Nothing, Permission, Target, operation
from skerry.host.types import Network


@operation(
    "network.list",
    target=Target.HOST,
    permission=Permission.NETWORK_VIEW,
    aliases={"archipel": "archipel:hypervisor:network getnames"},
)
async def list_networks(host: Host, _args: Nothing) -> tuple[Network, ...]:
    """List the networks and bridges that machines can be plugged into."""
    return tuple(await host.hypervisor.networks())
