"""What a definition's scripts work with, by the programs that they name: whether they can run here, or need help.

Nobody declares it: Ganeti takes for granted that scripts are root on a machine with everything. What they name
in a comment does not count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from skerry.guestos.definition import Definition, readable

Helper = Literal["auto", "always", "never"]
HELPERS: tuple[Helper, ...] = get_args(Helper)

_MOST = 256 * 1024  # bytes of a file that are looked at
_FILES = 200
_CONTROL = Path("/dev/mapper/control")
_MAPPER = re.compile(r"\b(kpartx|dmsetup|multipath)\b")
_ROOT = re.compile(r"\b(u?mount|losetup|chroot|mknod|kpartx|dmsetup|qemu-nbd|vgchange|lvcreate)\b")
_NETWORK = re.compile(r"\b(c?debootstrap|mmdebstrap|curl|wget|apt|apt-get|aptitude|yum|dnf|rsync|ftp|tftp)\b")
_OURS = re.compile(r"^exec \S+ guest-os create ", re.MULTILINE)  # as `install` writes it


@dataclass(frozen=True)
class Needs:
    """What scripts need of the machine that they run on."""

    device_mapper: bool = False
    root: bool = False
    network: bool = False
    ours: bool = False  # they call skerry, which does without all that


@dataclass(frozen=True)
class Abilities:
    """What this machine has of it."""

    device_mapper: bool
    root: bool


def needs_of(definition: Definition) -> Needs:
    """What a definition's files ask for; it reads them.

    Raises:
        BadDefinition: one of them may not be read.
    """
    with readable(definition):
        return needs_of_texts(_texts(definition.path))


def needs_of_texts(texts: Iterable[str]) -> Needs:
    """What these scripts ask for."""
    code = ["\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")) for text in texts]
    found = [any(pattern.search(text) for text in code) for pattern in (_MAPPER, _ROOT, _NETWORK, _OURS)]
    return Needs(*found)


def _texts(folder: Path) -> Iterator[str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths[:_FILES]:
        with path.open("rb") as file:
            begin = file.read(_MOST)
        if b"\0" not in begin:
            yield begin.decode(errors="replace")


def abilities() -> Abilities:
    """What this machine has; the kernel loads device mapper when somebody asks for it, as this does."""
    try:
        os.close(os.open(_CONTROL, os.O_RDWR | os.O_CLOEXEC))
        mapper = True
    except OSError:
        mapper = False
    return Abilities(mapper, os.geteuid() == 0)


def wants_helper(helper: Helper, needs: Needs, here: Abilities) -> bool:
    """Whether a definition's scripts are to run in the helper machine."""
    if needs.ours or helper == "never":
        return False
    return helper == "always" or (needs.device_mapper and not here.device_mapper) or (needs.root and not here.root)
