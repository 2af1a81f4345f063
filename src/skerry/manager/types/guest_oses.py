"""Guest OS definitions that machines can be installed with."""

from __future__ import annotations

from skerry.host.guest_os_types import HostGuestOs


class GuestOs(HostGuestOs):
    """A guest OS definition on a host."""

    host: str
