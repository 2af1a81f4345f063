"""The name servers of the node, as far as another machine reaches them: a guest, or the helper machine."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

_RESOLV = "etc/resolv.conf"
_RESOLVED = "run/systemd/resolve/resolv.conf"  # what stands behind the stub at 127.0.0.53 (systemd-resolved(8))
_NAME_SERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)


def resolv_conf_of_node(root: Path = Path("/")) -> str:
    """The node's resolv.conf, or that behind the stub which it names; empty where both name only the node."""
    return reachable_one(*(_text(root / name) for name in (_RESOLV, _RESOLVED)))


def reachable_one(*texts: str) -> str:
    """The first resolv.conf with a server that is not on the loopback, which is another machine's elsewhere."""
    return next((text for text in texts if any(map(_is_elsewhere, _NAME_SERVER.findall(text)))), "")


def name_servers_of(resolv_conf: str) -> tuple[str, ...]:
    """The servers that a guest can ask; not those behind a card of the node, `fe80::1%br0`."""
    found = _NAME_SERVER.findall(resolv_conf)
    return tuple(each for each in found if _is_elsewhere(each) and "%" not in each)


def _is_elsewhere(address: str) -> bool:
    try:
        return not ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
