"""Sizes as people write them: `2G`, `512 MiB`, `10GB`.

Following libvirt and QEMU, a bare letter means the binary unit (`2G` is 2 GiB), `iB` says so, and `B` after a
letter means the decimal unit (`10GB` is 10**10).
"""

from __future__ import annotations

import re

from skerry.errors import BadInput

KIB = 1024
MIB = 1024**2
GIB = 1024**3
TIB = 1024**4

_LETTERS = "KMGTPE"
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGTPE]?)(iB|B)?\s*", re.IGNORECASE)


def parse_size(text: str, *, default_unit: int = 1) -> int:
    """Return bytes; a number without a unit is taken times `default_unit`.

    Raises:
        BadInput: the text is not a size.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise BadInput(f"{text!r} is not a size", hint="write a number and a unit, such as 512M, 2G or 10GB")
    number, letter, suffix = match.groups()
    if not letter:
        factor = 1 if suffix else default_unit
    else:
        base = 1000 if (suffix or "").upper() == "B" else 1024
        factor = base ** (_LETTERS.index(letter.upper()) + 1)
    return round(float(number) * factor) if "." in number else int(number) * factor


def format_size(size: int) -> str:
    """Write bytes for a person, in binary units with at most one decimal: `1.5 GiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if abs(value) < 1024 or unit == "PiB":
            text = f"{value:.1f}".removesuffix(".0")
            return f"{text} {unit}"
        value /= 1024
    raise AssertionError("the loop returns on its last unit")
