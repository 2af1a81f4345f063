"""One guest OS definition: a folder with scripts that fill an empty disk, as Ganeti reads it.

The rules are those of Ganeti 3.0 (`_TryOSFromDisk` in lib/backend.py and the manual page ganeti-os-interface(7)).
The files of a definition may come from strangers: `skerry.guestos.check` reads them, with limits, and tells what
Ganeti would say of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadDefinition, BadInput

API_VERSIONS = frozenset({10, 15, 20})  # what Ganeti 3 speaks, and we
API_FILE = "ganeti_api_version"
VARIANTS_FILE = "variants.list"
PARAMETERS_FILE = "parameters.list"
CREATE, CREATE_UNTRUSTED, IMPORT, EXPORT, RENAME, VERIFY = (
    "create",
    "create_untrusted",
    "import",
    "export",
    "rename",
    "verify",
)
SCRIPTS = (CREATE, CREATE_UNTRUSTED, IMPORT, EXPORT, RENAME, VERIFY)
NAME = re.compile(r"[A-Za-z0-9_-]+")  # of a definition; Ganeti's EXT_PLUGIN_MASK


@dataclass(frozen=True)
class Definition:
    """A definition that Ganeti would take."""

    name: str  # of its folder, without a variant
    path: Path
    api_versions: tuple[int, ...]  # as the file lists them; may hold some that nobody speaks
    variants: tuple[str, ...]  # the first one is the default; () when it has none
    parameters: tuple[tuple[str, str], ...]  # name and help, as listed
    scripts: Mapping[str, Path]  # those of SCRIPTS that are there and count

    @property
    def api_version(self) -> int:
        """The version that is spoken with it: the highest common one."""
        return max(API_VERSIONS.intersection(self.api_versions))

    @property
    def trusted(self) -> bool:
        """Whether its create script may run as root on the host: not when it brings one for a helper machine."""
        return CREATE_UNTRUSTED not in self.scripts

    def check_trusted(self) -> None:
        """Whether its create script may be run here.

        Raises:
            BadInput: it is one that Ganeti would run in a helper machine.
        """
        if not self.trusted:
            raise BadInput(
                f"guest_os: {self.name} brings a script for a helper machine (create_untrusted), "
                "which is not run here",
                hint="use a definition that has only `create`",
            )

    def names(self) -> tuple[str, ...]:
        """What a person may ask for: `debootstrap+trixie` per variant, or the bare name."""
        return tuple(f"{self.name}+{variant}" for variant in self.variants) or (self.name,)


def split_name(name: str) -> tuple[str, str]:
    """`debootstrap+trixie` as name and variant; the variant may be empty.

    Ganeti splits at the first plus sign, so a variant may hold others.
    """
    base, _, variant = name.partition("+")
    return base, variant


def is_folder(path: Path) -> bool:
    """Whether a folder is there; one that may not even be looked at is not."""
    try:
        return path.is_dir()
    except OSError:
        return False


@contextmanager
def readable(definition: Definition) -> Iterator[None]:
    """Explain what of a definition's files may not be read.

    Raises:
        BadDefinition: instead of the error of the system.
    """
    try:
        yield
    except OSError as exc:
        raise BadDefinition(
            f"{exc.filename or definition.path} belongs to the guest OS definition {definition.name}, "
            f"and cannot be read: {exc.strerror}",
            hint="whoever runs a definition must be allowed to read all of it",
        ) from exc
