"""Arguments and options that several commands share, and how their words become values."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from skerry.cli import names
from skerry.cli.program import typer
from skerry.errors import BadInput
from skerry.sizes import GIB, MIB, format_size, parse_size

Vm = Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the machine.", autocompletion=names.vms)]
Vms = Annotated[
    list[str], typer.Argument(metavar="NAME", help="Names or ids of machines.", autocompletion=names.vms)
]
Image = Annotated[
    str, typer.Argument(metavar="IMAGE", help="Name or id of the image.", autocompletion=names.images)
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the task's id and do not follow it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Show no more than so many.")]


def memory(text: str | None) -> int | None:
    """Bytes of memory; a bare number means MiB, as in virt-install."""
    return None if text is None else _size("--memory", text, MIB)


def disk_size(text: str) -> int:
    """Bytes of a disk; a bare number means GiB, as in virt-install."""
    return _size("the size of a disk", text, GIB)


def _size(what: str, text: str, unit: int) -> int:
    try:
        return parse_size(text, default_unit=unit)
    except BadInput as exc:
        raise BadInput(f"{what}: {exc.message}", hint=exc.hint) from exc


BOOT_DEVICES = ("hd", "cdrom", "network")


def boot_order(text: str | None) -> list[str] | None:
    """The words of `--boot`, in order.

    Raises:
        BadInput: one of them is no boot device.
    """
    if text is None:
        return None
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in BOOT_DEVICES]
    if unknown or not words:
        raise BadInput(f"--boot: {text!r} is not a boot order", hint=f"such as {','.join(BOOT_DEVICES)}")
    return words


def parameters(words: Sequence[str]) -> dict[str, str]:
    """The words of `--os-param`, by name.

    Raises:
        BadInput: one of them is no parameter, or two have one name.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise BadInput(f"--os-param: {word!r} is not NAME=VALUE", hint="such as filesystem=xfs")
        if name in found:
            raise BadInput(f"--os-param: {name} was given twice")
        found[name] = value
    return found


def read_text(path: str) -> str:
    """A text file of the person's, `-` for stdin.

    Raises:
        BadInput: it cannot be read, or is not text.
    """
    try:
        return sys.stdin.read() if path == "-" else Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as exc:
        raise BadInput(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise BadInput(f"{path} is not a text in UTF-8") from exc


def shown_size(size: int | None) -> str:
    """Bytes for a person, nothing where they are not known."""
    return "" if size is None else format_size(size)


def shown_time(text: str | None) -> str:
    """A time of the server in the person's own time zone."""
    if not text:
        return ""
    return dt.datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def shown_duration(began: str | None, ended: str | None) -> str:
    """How long something took, or takes by now."""
    if not began:
        return ""
    until = dt.datetime.fromisoformat(ended) if ended else dt.datetime.now(dt.UTC)
    seconds = max(0.0, (until - dt.datetime.fromisoformat(began)).total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
