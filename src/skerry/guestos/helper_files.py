"""What of the host a definition finds in the helper machine: its own folder, and the files that configure it.

All at the same places as on the host, copied into a tar. Name servers are the host's too, where they can be
reached from the machine: they are what definitions copy into guests.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from skerry.errors import BadInput
from skerry.guestos.definition import Definition

# Where definitions keep what administrators write: Debian's, instance-image, snf-image; and who is who.
CONFIGURATION = ("etc/ganeti", "etc/default/ganeti-*", "etc/default/snf-image", "etc/hosts")
_RESOLV = "etc/resolv.conf"
_RESOLVED = "run/systemd/resolve/resolv.conf"  # what stands behind the stub at 127.0.0.53 (systemd-resolved(8))
QEMU_NAME_SERVER = "nameserver 10.0.2.3\n"
_NAME_SERVER = re.compile(r"^nameserver\s+(\S+)", re.MULTILINE)


def write_files(target: Path, definition: Definition, more: Sequence[Path] = (), root: Path = Path("/")) -> None:
    """Write the tar; `more` are further files and folders of the host.

    Raises:
        BadInput: one of `more` is not there, or something may not be read.
    """
    servers = name_servers(*(_text(root / name) for name in (_RESOLV, _RESOLVED)))
    try:
        target.touch(mode=0o600, exist_ok=False)  # configurations may hold passwords
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
            for source, name in shown(definition, more, root):
                archive.add(source, name.lstrip("/"))
            member = tarfile.TarInfo(_RESOLV)
            member.size, member.mode = len(servers.encode()), 0o644
            archive.addfile(member, BytesIO(servers.encode()))
    except FileNotFoundError as exc:
        raise BadInput(
            f"guest_os_helper_files: there is no {exc.filename}", hint="the helper machine is to have a copy of it"
        ) from exc
    except PermissionError as exc:
        raise BadInput(f"{exc.filename} cannot be read, and the guest OS definition may need it") from exc


def shown(definition: Definition, more: Sequence[Path], root: Path) -> Iterator[tuple[Path, str]]:
    """Files and folders, with their names there."""
    folder = definition.path.absolute()
    yield folder.resolve(), str(folder)
    for path in sorted({found for pattern in CONFIGURATION for found in root.glob(pattern)}):
        yield path, f"/{path.relative_to(root)}"
    for link in (path for path in folder.resolve().rglob("*") if path.is_symlink()):
        target = link.resolve()
        if target.exists() and not target.is_relative_to(folder.resolve()):
            yield target, os.path.normpath(folder.joinpath(link.parent, link.readlink()))
    for path in more:
        yield path, str(path.absolute())


def name_servers(text: str, behind: str) -> str:
    """A resolv.conf for the machine: the host's, or what stands behind its stub, or QEMU's own server."""
    return next((each for each in (text, behind) if _reachable(each)), QEMU_NAME_SERVER)


def _reachable(text: str) -> bool:
    """Whether it names a server that is not on the host's loopback, which is another machine's there."""
    return any(not _is_loopback(address) for address in _NAME_SERVER.findall(text))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
