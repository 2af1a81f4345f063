"""Guest OS definitions: which ones hosts have, who may use them, and what a new machine asks of one.

They run as root on a host. So who does not administer everything may use those that the settings name, and no
others are shown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from skerry.errors import BadInput, Denied, NotFound, SkerryError
from skerry.guestos.definition import split_name
from skerry.host.guest_os_types import HostGuestOs
from skerry.host.operation import Nothing, Permission
from skerry.host.operations import guestos as on_host
from skerry.link.port import Link
from skerry.manager.access import Caller
from skerry.manager.hosts import Hosts
from skerry.manager.settings import ManagerSettings
from skerry.manager.types import EmptyDisk, GuestOs, NewVm, Page

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


class GuestOses:
    """The definitions of all hosts; they are asked of the hosts, and nothing of them is in our tables."""

    def __init__(self, link: Link, hosts: Hosts, settings: ManagerSettings) -> None:
        self._link = link
        self._hosts = hosts
        self._offered = settings.guest_oses

    async def list(self, caller: Caller, *, host: str | None = None) -> Page[GuestOs]:
        """All that the caller may use, and for administrators those that cannot be used, with what is wrong."""
        found: list[GuestOs] = []
        for one in await self._hosts.all_of(caller, Permission.VM_CREATE, host=host):
            if one.online:
                found += await self._of_host(caller, one.name)
        found.sort(key=lambda each: (each.name, each.host))
        return Page[GuestOs](items=tuple(found), next_cursor=None, total=len(found))

    async def hosts_for(self, caller: Caller, new: NewVm) -> frozenset[str] | None:
        """The hosts that can install this machine; None where no definition is asked for.

        Raises:
            BadInput, NotFound, Denied: none can, or the caller may not.
        """
        if new.guest_os is None:
            if new.os_parameters:
                raise BadInput("os_parameters: there is no definition to take them", hint="name one as guest_os")
            return None
        check_wishes(new)
        if not self._may(caller, new.guest_os):
            raise Denied(
                f"guest_os: {new.guest_os} runs as root on a host, and may be used by administrators only",
                hint="an administrator can offer it to all: the setting guest_oses",
            )
        able: set[str] = set()
        refused: SkerryError | None = None
        for host in await self._hosts.all_of(caller, Permission.VM_CREATE, host=new.host):
            try:
                if host.online:
                    check_request(await self._of_host(caller, host.name), new)
                    able.add(host.name)
            except (BadInput, NotFound) as exc:
                refused = refused if isinstance(refused, BadInput) else exc
        if not able and refused is not None:
            raise refused
        return frozenset(able)

    async def _of_host(self, caller: Caller, host: str) -> Sequence[GuestOs]:
        found = await self._link.call(host, on_host.list_guest_oses, Nothing())
        described = [GuestOs(host=host, **one.model_dump()) for one in found]
        if caller.access.everything:
            return described
        return [part for one in described if one.usable and (part := self._offered_part(one))]

    def _offered_part(self, one: GuestOs) -> GuestOs | None:
        """A definition with those of its variants that all may use."""
        if one.name in self._offered:
            return one
        variants = tuple(variant for variant in one.variants if f"{one.name}+{variant}" in self._offered)
        return one.model_copy(update={"variants": variants}) if variants else None

    def _may(self, caller: Caller, name: str) -> bool:
        return caller.access.everything or not {name, split_name(name)[0]}.isdisjoint(self._offered)


def check_wishes(new: NewVm) -> None:
    """What can be said without asking a host.

    Raises:
        BadInput: with the name of the field.
    """
    if not new.disks or not isinstance(new.disks[0], EmptyDisk):
        raise BadInput(
            "guest_os: the first disk must be an empty one, to be installed", hint="such as --disk 4G on its own"
        )
    name = (new.cloud_init.hostname if new.cloud_init else None) or new.name
    if not _HOST_NAME.fullmatch(name):
        raise BadInput(
            f"name: {name!r} is not a host name, which the guest would get",
            hint="it begins and ends with a letter or digit",
        )


def check_request(there: Sequence[HostGuestOs], new: NewVm) -> None:
    """Whether a host with these definitions can install the machine.

    Raises:
        NotFound: it has no such definition.
        BadInput: the definition cannot be used, or not so.
    """
    assert new.guest_os is not None
    base, variant = split_name(new.guest_os)
    found = next((one for one in there if one.name == base), None)
    if found is None:
        raise NotFound(
            f"guest_os: there is no guest OS definition {base}", hint=_near(base, [one.name for one in there])
        )
    if not found.usable:
        told = "; ".join(f"{one.where} {one.what}" for one in found.problems if one.weight == "invalid")
        raise BadInput(f"guest_os: {base} cannot be used: {told or 'it wants a helper machine'}")
    if variant and variant not in found.variants:
        raise BadInput(f"guest_os: {base} has no variant {variant!r}", hint=_near(variant, found.variants))
    if found.variants and not variant:
        raise BadInput(f"guest_os: {base} has variants, and one must be named", hint=f"{base}+{found.variants[0]}")
    known = [parameter.name for parameter in found.parameters]
    plain = {name.lower().replace("-", "_") for name in known}
    for name in new.os_parameters:
        if name.lower().replace("-", "_") not in plain:
            raise BadInput(f"os_parameters.{name}: {base} takes no such parameter", hint=_near(name, known))


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there is: {', '.join(known)}" if known else "there are none"
