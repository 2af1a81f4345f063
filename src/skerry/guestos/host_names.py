"""Which files of a guest name it, and what they say when it has another name. Nothing is read or written here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from skerry.errors import InvalidState

HOSTNAME = "/etc/hostname"


@dataclass(frozen=True)
class Names:
    """The old and the new name, in full."""

    old: str
    new: str

    @property
    def old_short(self) -> str:
        """The old one up to its first dot."""
        return self.old.partition(".")[0]

    @property
    def new_short(self) -> str:
        """The new one up to its first dot."""
        return self.new.partition(".")[0]

    def in_full(self, text: str) -> str:
        """Text with the full old name replaced, where it is a word of its own."""
        return _replace(text, self.old, self.new)

    def both(self, text: str) -> str:
        """Text with the full name replaced, and the short one."""
        return _replace(self.in_full(text), self.old_short, self.new_short)


def _replace(text: str, old: str, new: str) -> str:
    """Neither `www.old` nor `old.org` is the word `old`; a dot at its very end is."""
    return re.sub(rf"(?<![\w.-]){re.escape(old)}(?!\w|-|\.\w)", new, text, flags=re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Renaming:
    """What to write, by path, and what to tell."""

    contents: Mapping[str, bytes]
    remarks: tuple[str, ...] = ()


def plan_rename(names: Names, files: Mapping[str, bytes]) -> Renaming:
    """The new contents of those files that name the guest; `files` are those of PATHS that it has.

    Raises:
        InvalidState: the guest calls itself something else than the old name, and not the new one either.
    """
    changed = {}
    for path, content in files.items():
        text = content.decode("utf-8", "surrogateescape")
        if path == HOSTNAME:
            _check(names, text)
        new = _EDITS[path](names, text).encode("utf-8", "surrogateescape")
        if new != content:
            changed[path] = new
    missing = () if HOSTNAME in files else (f"the guest has no plain file {HOSTNAME}",)
    return Renaming(changed, missing)


def _check(names: Names, text: str) -> None:
    known = {each.lower() for each in (names.old, names.new, names.old_short, names.new_short)}
    said = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if said and said[0].lower() not in known:
        raise InvalidState(
            f"the guest calls itself {said[0][:64]!r}, and not {names.old!r}: it was not renamed",
            hint=f"change its {HOSTNAME} from inside",
        )


def _whole(names: Names, text: str) -> str:
    return names.both(text)


def _hosts(names: Names, text: str) -> str:
    """Lines of its own addresses: those that have its full name, and those of the loopback."""

    def line(content: str) -> str:
        words, sharp, comment = content.partition("#")
        own = names.in_full(words) != words or re.match(r"\s*(127\.|::1\s)", words)
        return (names.both(words) if own else words) + sharp + comment

    return "\n".join(map(line, text.split("\n")))


def _lines(pattern: str, *, short: bool = True) -> Callable[[Names, str], str]:
    """In lines that begin so, and what follows them; the rest of the file is somebody's."""
    begin = re.compile(pattern)

    def edit(names: Names, text: str) -> str:
        change = names.both if short else names.in_full
        return "\n".join(change(line) if begin.match(line) else line for line in text.split("\n"))

    return edit


_SEED = _lines(r"(local-)?hostname:\s|fqdn:\s")
_EDITS: Mapping[str, Callable[[Names, str], str]] = {
    HOSTNAME: _whole,
    "/etc/mailname": _whole,
    "/etc/hosts": _hosts,
    "/etc/network/interfaces": _lines(r"\s+hostname\s"),
    "/etc/dhcp/dhclient.conf": _lines(r"\s*send\s+(host-name|fqdn\.fqdn)\s"),
    "/etc/postfix/main.cf": _lines(r"(myhostname|mydestination|myorigin)\s*=", short=False),
    "/etc/exim4/update-exim4.conf.conf": _lines(r"dc_(other_hostnames|readhost)=", short=False),
    "/etc/sysconfig/network": _lines(r"HOSTNAME="),
    "/var/lib/cloud/seed/nocloud/meta-data": _SEED,
    "/var/lib/cloud/seed/nocloud-net/meta-data": _SEED,
}
PATHS = tuple(_EDITS)
