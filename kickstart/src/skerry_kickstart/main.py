# SPDX-License-Identifier: GPL-2.0-only
"""The command line: a kickstart file in, JSON out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from skerry_kickstart.reader import Mistake, read


def main() -> None:
    """Print the recipe as JSON; status 1 and `{"error": …}` when it has a mistake."""
    parser = argparse.ArgumentParser(prog="skerry-kickstart", description="Print a kickstart file as JSON.")
    parser.add_argument("recipe", type=Path, help="the kickstart file")
    parser.add_argument("--version", help="the syntax version, such as F40 or RHEL9 (default: what the file says)")
    args = parser.parse_args()
    try:
        answer = read(args.recipe.absolute(), args.version)
    except Mistake as mistake:
        answer = {"error": {"file": mistake.file, "line": mistake.line, "reason": mistake.reason}}
    json.dump(answer, sys.stdout)
    sys.stdout.write("\n")
    sys.exit(1 if "error" in answer else 0)


if __name__ == "__main__":
    main()
