"""Where definitions are looked for, and which one a name means: as Ganeti does, the first of a name wins."""

from __future__ import annotations

import ast
import difflib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadDefinition, BadInput, NotFound
from skerry.guestos.check import Checked, Weight, check
from skerry.guestos.definition import NAME, Definition, is_folder, split_name

# Debian's; Ganeti from source looks in the first one only.
SEARCH_PATH = tuple(
    map(Path, ("/srv/ganeti/os", "/usr/local/lib/ganeti/os", "/usr/lib/ganeti/os", "/usr/share/ganeti/os"))
)
# Where Ganeti's own modules are, which know how it was configured; the old README tells people to look there.
_MODULES = (
    "usr/share/ganeti/*/ganeti/_constants.py",
    "usr/lib/python3*/*-packages/ganeti/_constants.py",
    "usr/local/lib/python3*/*-packages/ganeti/_constants.py",
    "usr/lib/python*/*-packages/ganeti/_autoconf.py",
)
_LINE = re.compile(r"^OS_SEARCH_PATH\s*=\s*(\[[^\n]*\])\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """A definition, and the variant that was asked for."""

    definition: Definition
    variant: str  # "" when it has none

    @property
    def name(self) -> str:
        """With its variant, as Ganeti calls it."""
        return f"{self.definition.name}+{self.variant}" if self.variant else self.definition.name


def search_path(root: Path = Path("/")) -> tuple[Path, ...]:
    """The folders that Ganeti looks in on this host, or would."""
    for pattern in _MODULES:
        for module in sorted(root.glob(pattern), reverse=True):  # the newest version first
            if folders := _search_path_of(module):
                return folders
    return SEARCH_PATH


def _search_path_of(module: Path) -> tuple[Path, ...]:
    try:
        match = _LINE.search(module.read_text(encoding="utf-8", errors="replace"))
        folders = ast.literal_eval(match.group(1)) if match else []
    except (OSError, ValueError, SyntaxError):
        return ()
    return tuple(Path(each) for each in folders if isinstance(each, str) and each.startswith("/"))


def every(folders: Sequence[Path]) -> Iterator[tuple[Checked, bool]]:
    """All that is in the search path, valid or not, and whether a name means it or one in an earlier folder."""
    seen: set[str] = set()
    for folder in folders:
        for path in _visible(folder):
            wins = path.name not in seen
            if is_folder(path):
                seen.add(path.name)
            yield check(path), wins


def _visible(folder: Path) -> list[Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError:
        return []
    hidden = "lost+found" if folder.is_mount() else ""
    return [path for path in names if not path.name.startswith(".") and path.name != hidden]


def find(name: str, folders: Sequence[Path], *, any_variant: bool = False) -> Found:
    """The definition and variant that a name means, such as `debootstrap+trixie`.

    `any_variant` lets a variant pass that is not listed, as an administrator of Ganeti can force one.

    Raises:
        NotFound: there is no such definition.
        BadDefinition: it is there, and not valid.
        BadInput: it does not have that variant, or a variant must be named.
    """
    base, variant = split_name(name)
    if not NAME.fullmatch(base):
        raise _not_found(base, folders)
    path = folder_of(base, folders)
    checked = check(path)
    if checked.definition is None:
        problems = [each for each in checked.problems if each.weight is Weight.INVALID]
        told = "; ".join(f"{each.where} {each.what}" for each in problems)
        raise BadDefinition(f"the definition {path} is not valid: {told}", hint=f"skerry guest-os check {base}")
    return Found(checked.definition, _variant(checked.definition, variant, any_variant=any_variant))


def folder_of(base: str, folders: Sequence[Path]) -> Path:
    """The first folder of this name, whether or not it is a valid definition.

    Raises:
        NotFound: there is none where this user may look.
    """
    path = next((folder / base for folder in folders if is_folder(folder / base)), None)
    if path is None:
        raise _not_found(base, folders)
    return path


def _not_found(base: str, folders: Sequence[Path]) -> NotFound:
    """What to say of a name that no folder has; the nearest one is in the hint."""
    known = sorted({path.name for folder in folders for path in _visible(folder) if is_folder(path)})
    near = difflib.get_close_matches(base, known, n=1)
    places = ", ".join(
        f"{folder} (which this user may not enter)" if is_folder(folder) and not _is_open(folder) else str(folder)
        for folder in folders
    )
    return NotFound(
        f"there is no guest OS definition {base!r} in {places}",
        hint=f"did you mean {near[0]}?" if near else "`skerry guest-os list` lists what is there",
    )


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK, effective_ids=True)


def _variant(definition: Definition, variant: str, *, any_variant: bool) -> str:
    """The variant to use; the rules are Ganeti's `_CheckOSVariant`."""
    if not definition.variants:
        if variant:
            raise BadInput(f"{definition.name} has no variants, and {variant!r} was asked for")
        return ""
    if not variant and any_variant:
        return definition.variants[0]
    if not variant:
        raise BadInput(
            f"{definition.name} has variants, and one must be named",
            hint=f"such as {definition.names()[0]}; there are {', '.join(definition.variants)}",
        )
    if variant not in definition.variants and not any_variant:
        near = difflib.get_close_matches(variant, definition.variants, n=1)
        raise BadInput(
            f"{definition.name} has no variant {variant!r}",
            hint=f"did you mean {definition.name}+{near[0]}?"
            if near
            else f"it has {', '.join(definition.variants)}",
        )
    return variant
