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
    sizes = re.findall(r"(\d+(?:\.\d+)?) kB", done.stdout)
    text = f"{sizes[-1]} kB" if sizes else done.stdout.strip() + done.stderr.strip()
    return [Figure("first load of the page", text, "400 kB", done.returncode == 0)]
