"""Runs the comparisons: `python -m bench`, or some of them by name: `python -m bench start list`."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from bench import cli_start, guest_os, idle, images, list_vms, page_size, vm_start
from bench.figure import Figure

BENCHES = {
    "start": vm_start.measure,
    "idle": idle.measure,
    "list": list_vms.measure,
    "page": page_size.measure,
    "cli": cli_start.measure,
    "images": images.measure,
    "guest-os": guest_os.measure,
}


def main() -> int:
    """Measure and print a table, or JSON for programs; status 1 where a figure misses its goal."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    words.add_argument("--json", action="store_true")
    told = words.parse_args()
    unknown = set(told.names) - set(BENCHES)
    if unknown:
        words.error(f"no such comparison: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    figures: list[Figure] = [figure for name in told.names or BENCHES for figure in BENCHES[name]()]
    if told.json:
        print(json.dumps([figure.row() for figure in figures], indent=2))
    else:
        table = Table("what", "measured", "goal", "holds")
        for figure in figures:
            table.add_row(figure.what, figure.text, figure.goal, "yes" if figure.holds else "NO")
        Console().print(table)
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
