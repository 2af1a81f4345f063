"""The boot loader."""

from __future__ import annotations

import re
from dataclasses import replace

from skerry.errors import BadInput
from skerry.images.words.line import Line
from skerry.images.words.meaning import Meaning

_ARGUMENTS = re.compile(r"[A-Za-z0-9_.,:=/@+%~ -]*")  # of GRUB's script, only what means itself
_MAX_TIMEOUT_S = 3600


def bootloader(meaning: Meaning, line: Line) -> Meaning:
    """Set the kernel's arguments and the menu's time; the disk is the storage's matter."""
    arguments = line.text("appendLine").strip()
    if not _ARGUMENTS.fullmatch(arguments):
        raise BadInput(f"{arguments[:200]!r} has characters that the boot loader would read as its own")
    timeout = line.value("timeout", default=meaning.loader_timeout_s)
    if not 0 <= int(timeout) <= _MAX_TIMEOUT_S:
        raise BadInput(f"--timeout is between 0 and {_MAX_TIMEOUT_S} seconds, not {timeout}")
    if not line.used("--append"):
        arguments = meaning.kernel_arguments
    return replace(meaning, kernel_arguments=arguments, loader_timeout_s=int(timeout))
