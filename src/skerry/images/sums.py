"""The checksums beside images, as sha256sum(1) writes and checks them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_LINE = re.compile(r"^([0-9a-f]{64})  (.+)$", re.MULTILINE)


def sums_text(before: str, ours: Mapping[str, str], there: Collection[str]) -> str:
    """The checksums of a folder: ours, and those that were there of other builds whose files still are.

    Both mappings are by name; `before` is the text that the new one replaces.
    """
    kept = {name: digest for digest, name in _LINE.findall(before) if name in there}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted((kept | dict(ours)).items()))
