"""What of the host a definition finds in the helper machine: its own folder, and the files that configure it.

All at the same places as on the host, copied into a tar. Name servers are the host's too, where they can be
reached from the machine: they are what definitions copy into guests.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from skerry.errors import BadInput
from skerry.guestos.definition import Definition
from skerry.guestos.name_servers import resolv_conf_of_node

# Where definitions keep what administrators write: Debian's, instance-image, snf-image; and who is who.
CONFIGURATION = ("etc/ganeti", "etc/default/ganeti-*", "etc/default/snf-image", "etc/hosts")
_RESOLV = "etc/resolv.conf"
QEMU_NAME_SERVER = "nameserver 10.0.2.3\n"


def write_files(target: Path, definition: Definition, more: Sequence[Path] = (), root: Path = Path("/")) -> None:
    """Write the tar; `more` are further files and folders of the host.

    Raises:
        BadInput: one of `more` is not there, or something may not be read.
    """
    servers = resolv_conf_of_node(root) or QEMU_NAME_SERVER
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
