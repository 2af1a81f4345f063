"""The pages of docs/reference follow from the code, and people can rely on them."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def test_the_generated_pages_are_current(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # another person's pages are the same
    argv = [sys.executable, "tools/reference.py", "--check"]

    checked = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)

    assert checked.returncode == 0, checked.stderr


def test_links_lead_to_files_that_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "recipes").rglob("*.md")]
    links = [(page, target) for page in pages for target in LINK.findall(page.read_text(encoding="utf-8"))]

    broken = [(page.name, target) for page, target in links if not (page.parent / target).exists()]

    assert links
    assert broken == []
