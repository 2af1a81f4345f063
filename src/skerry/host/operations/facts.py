"""The host itself."""

from __future__ import annotations

from skerry.host.agent import Host
from skerry.host.operation import Nothing, Permission, Target, operation
from skerry.host.types import HostFacts


@operation(
    "host.show",
    target=Target.HOST,
    permission=Permission.HOST_VIEW,
    aliases={"archipel": "archipel:hypervisor:control nodeinfo"},
)
async def show(host: Host, _args: Nothing) -> HostFacts:
    """Show what the host is, what runs guests on it, and what it warns of."""
    return await host.watch.facts()
