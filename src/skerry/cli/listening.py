"""The sockets that Skerry answers on, taken before anything is started, so that a taken port costs nothing."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence

from skerry.errors import BadSettings, Conflict, Unavailable

_BACKLOG = 512


class PortTaken(Conflict):
    """Another program listens on the port."""

    code = "port-taken"


def listen(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """One listening socket for each address, all on the same port; port 0 takes a free one.

    Raises:
        BadSettings: an address is not one of this machine.
        PortTaken: another program has the port.
        Unavailable: the machine does not let us listen.
    """
    sockets: list[socket.socket] = []
    try:
        for address in dict.fromkeys(addresses):
            sockets.append(_listen(address, port))
            port = sockets[0].getsockname()[1]
    except BaseException:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def _listen(address: str, port: int) -> socket.socket:
    try:
        number = ipaddress.ip_address(address)
    except ValueError as exc:
        raise BadSettings(
            f"listen: {address!r} is not an IP address", hint="127.0.0.1 is this machine alone"
        ) from exc
    family = socket.AF_INET6 if number.version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if number.version == 6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # 0.0.0.0 may be listed beside it
        opened.bind((address, port))
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError as exc:
        opened.close()
        raise _clear(exc, address, port) from exc
    return opened


def _clear(exc: OSError, address: str, port: int) -> Exception:
    if exc.errno == errno.EADDRINUSE:
        return PortTaken(
            f"another program already listens on {address} port {port}",
            hint="name another port with --port; --port 0 takes a free one",
        )
    if exc.errno == errno.EADDRNOTAVAIL:
        return BadSettings(f"listen: {address} is not an address of this machine")
    return Unavailable(f"cannot listen on {address} port {port}: {exc.strerror}")


def url(sockets: Sequence[socket.socket], names: Sequence[str]) -> str:
    """Where a browser finds the page.

    Sockets that take every address are shown by the first of these names that means something here, or else by an
    address of this machine.
    """
    host, port = sockets[0].getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        shown = next(filter(_resolves, names), None) or _own_address(address.version == 6)
    elif address.version == 6:
        shown = f"[{host}]"
    else:
        shown = host
    return f"https://{shown}:{port}"


def _resolves(name: str) -> bool:
    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False
    return True


def _own_address(v6: bool) -> str:
    """The address that this machine shows to others; connecting a datagram socket sends nothing."""
    family, there, local = (
        (socket.AF_INET6, "2001:db8::1", "[::1]") if v6 else (socket.AF_INET, "192.0.2.1", "127.0.0.1")
    )
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((there, 9))
        except OSError:
            return local
        found = str(probe.getsockname()[0])
    return f"[{found}]" if v6 else found
