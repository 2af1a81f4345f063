# SPDX-License-Identifier: GPL-2.0-only
"""The command line: a kickstart file in, JSON out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from skerry_kickstart.grammar import known_words
from skerry_kickstart.reader import FORMAT, read


def main() -> None:
    """Print the recipe as JSON; status 1 when it has mistakes, which are in "errors"."""
    parser = argparse.ArgumentParser(prog="skerry-kickstart", description="Print a kickstart file as JSON.")
    parser.add_argument("recipe", type=Path, nargs="?", help="the kickstart file")
    parser.add_argument("--version", help="the syntax version, such as F40 or RHEL9 (default: what the file says)")
    parser.add_argument("--words", action="store_true", help="print every word, and the versions that know it")
    args = parser.parse_args()
    if (args.recipe is None) != args.words:
        parser.error("give a kickstart file, or --words")
    if args.words:
        answer: dict[str, Any] = {"format": FORMAT, "words": known_words()}
    else:
        answer = read(args.recipe.absolute(), args.version)
    json.dump(answer, sys.stdout)
    sys.stdout.write("\n")
    sys.exit(1 if answer.get("errors") else 0)


if __name__ == "__main__":
    main()
