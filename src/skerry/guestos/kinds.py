"""Kinds of values in settings: how a text becomes a value, or a ValueError that says what is expected.

What comes may be hostile: it ends in files, arguments and addresses, so each kind lets through only what cannot
mean anything else there.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
URL = re.compile(r"https?://[^\s'\"<>\\`$|;&(){}\x00-\x1f\x7f]+")
LOCALE = re.compile(r"[A-Za-z]{1,8}(?:_[A-Z]{2})?(?:\.[A-Za-z0-9-]+)?(?:@[a-z]+)?")
HASH = re.compile(r"\$(?:1|5|6|7|y|gy|2[aby])\$[A-Za-z0-9./$=,-]{8,255}")
_KEY_TYPE = (
    r"(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)"
    r"|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
)
_KEY = re.compile(_KEY_TYPE + r" [A-Za-z0-9+/]+={0,3}(?: [^\x00-\x1f\x7f]*)?")
# Key data begin with the length of the type's name in 32 bits, so always with AAAA: a remark does not look so.
_KEY_INSIDE = re.compile(rf"(?<=.){_KEY_TYPE} +AAAA")
_BETWEEN_KEYS = re.compile(rf"[\s,]+(?={_KEY_TYPE} +AAAA)")
ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}")
KERNEL_WORDS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 ._,:=/@+-]*")


def choice(*choices: str) -> Callable[[str], str]:
    """One of some words; the nearest is told."""

    def parse(text: str) -> str:
        if text not in choices:
            near = difflib.get_close_matches(text.lower(), choices, n=1, cutoff=0.5)
            meant = f", did you mean {near[0]}?" if near else ""
            raise ValueError(f"expected {', '.join(choices[:-1])} or {choices[-1]}{meant}")
        return text

    return parse


def optional(parse: Callable[[str], str]) -> Callable[[str], str]:
    """The same, or nothing."""
    return lambda text: parse(text) if text else ""


def architecture(text: str) -> str:
    """An architecture by Debian's name; that of the kernel is told apart."""
    debians = {"x86_64": "amd64", "x86-64": "amd64", "i686": "i386", "i586": "i386", "x86": "i386"}
    if text in debians:
        raise ValueError(f"did you mean {debians[text]}?")
    return choice("amd64", "i386")(text)


def matching(pattern: re.Pattern[str], expected: str) -> Callable[[str], str]:
    """A text of this form, or none."""

    def parse(text: str) -> str:
        if text and not pattern.fullmatch(text):
            raise ValueError(f"expected {expected}")
        return text

    return parse


def list_of(pattern: re.Pattern[str], expected: str) -> Callable[[str], tuple[str, ...]]:
    """Words between commas; blanks do as well, as people write them."""

    def parse(text: str) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(text.replace(",", " ").split()))
        for word in words:
            if not pattern.fullmatch(word):
                raise ValueError(f"{word!r} is not {expected}")
        return words

    return parse


def addresses(text: str) -> tuple[str, ...]:
    """IP addresses, with commas or blanks between them."""
    return tuple(address(word) for word in text.replace(",", " ").split())


def address(text: str) -> str:
    """One IP address. Not with a zone, `fe80::1%eth0`: what stands there may be anything."""
    try:
        if "%" not in text:
            return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not an IP address")


def keys(text: str) -> tuple[str, ...]:
    """Lines of authorized_keys without options, which could run programs.

    Blanks and commas between keys are understood, too, as fields of one line make blanks of what was pasted.
    """
    lines = (line.strip() for line in text.splitlines())
    words = [_BETWEEN_KEYS.split(line) for line in lines if not line.startswith("#")]
    keys = tuple(key for line in words for word in line if (key := word.rstrip(", ")))
    for number, key in enumerate(keys, start=1):
        if not _KEY.fullmatch(key):
            raise ValueError(f"key {number} is not one public key as in id_ed25519.pub, one a line")
        if _KEY_INSIDE.search(key):
            raise ValueError(f"key {number} has another one in its remark: there must be one a line")
    return keys


def folder(text: str) -> Path:
    """An absolute path."""
    if not text.startswith("/") or "\0" in text:
        raise ValueError("expected an absolute path")
    return Path(text)


def whole(least: int, most: int, unit: str) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
            raise ValueError(f"expected a whole number of {unit}, {least} to {most}")
        return int(text)

    return parse


def days(text: str) -> int | None:
    """A number of days; none is for ever."""
    return whole(0, 36500, "days")(text) if text else None


def only_yes(text: str) -> bool:
    """As the old scripts have it: `yes` is yes, and anything else is no."""
    return text == "yes"


def yes_or_no(text: str) -> bool:
    """One of these two words, and no other."""
    return choice("no", "yes")(text) == "yes"


def zone(text: str) -> str:
    """A time zone; any name of the right form where this machine has no list of them."""
    if not ZONE.fullmatch(text) or not _is_zone(text):
        from zoneinfo import available_timezones  # noqa: PLC0415 - slow

        near = difflib.get_close_matches(text, available_timezones(), n=1)
        meant = f", did you mean {near[0]}?" if near else ""
        raise ValueError(f"expected a time zone such as Europe/Berlin{meant}")
    return text


def _is_zone(text: str) -> bool:
    file = Path("/usr/share/zoneinfo") / text  # where nearly all machines have them; tzfile(5)
    if file.is_file() and file.read_bytes()[:4] == b"TZif":
        return True
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones  # noqa: PLC0415 - slow

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: Python 3.11 on a folder's name
        return not available_timezones()
    return True
