"""What a browser loads first: HTML, JS and CSS of the built page, gzipped, without the consoles."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bench.figure import Figure

WEB = Path(__file__).resolve().parent.parent / "web"


def measure() -> list[Figure]:
    """The page's own measuring script, so that CI and this say the same."""
    done = subprocess.run(["node", "scripts/size.mjs"], cwd=WEB, capture_output=True, text=True, check=False)
    total = re.search(r"(\S+ kB) +first load", done.stdout)
    text = total.group(1) if total else done.stdout.strip() + done.stderr.strip()
    return [Figure("first load of the page", text, "400 kB", done.returncode == 0)]
