"""Where packages come from: settings first, then the machine's own apt sources, then the installer's default.

A recipe names a distribution and a suite, never a host. A Debian machine that builds Debian uses the mirrors that
it is itself installed from; any other machine lets mmdebstrap choose, unless a setting says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for the sake of commands that only read settings
    from skerry.images.words import Source

_OPTIONS = re.compile(r"^(deb)\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s*(.*)$")
_WEB = ("http://", "https://")  # cdrom:, file: and mirror+ methods do not work inside a build


@dataclass(frozen=True)
class AptSource:
    """One place in apt's sources that has binary packages."""

    uri: str
    suite: str
    components: tuple[str, ...]


@dataclass(frozen=True)
class Mirrors:
    """Where one distribution is fetched from; None leaves it to mmdebstrap."""

    main: str | None = None
    security: str | None = None


def parse_one_line(text: str) -> Iterator[AptSource]:
    """The `deb …` lines of a sources.list."""
    for line in text.splitlines():
        match = _OPTIONS.match(line.split("#", 1)[0].strip())
        if match:
            _, uri, suite, components = match.groups()
            yield AptSource(uri.rstrip("/"), suite, tuple(components.split()))


def parse_deb822(text: str) -> Iterator[AptSource]:
    """The stanzas of a .sources file."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false"}:
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield AptSource(uri.rstrip("/"), suite, tuple(fields.get("components", "").split()))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line[0].isspace():
            fields[name] = fields.get(name, "") + " " + line.strip()
        else:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def machine_sources(root: Path = Path("/")) -> list[AptSource]:
    """What this machine's apt is told to use; empty where there is no apt."""
    folder = root / "etc/apt"
    found: list[AptSource] = []
    for file in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]:
        if file.suffix in {".list", ".sources"} and file.is_file():
            text = file.read_text(errors="replace")
            found += parse_deb822(text) if file.suffix == ".sources" else parse_one_line(text)
    return found


def machine_release(root: Path = Path("/")) -> tuple[str, str]:
    """The distribution and suite that this machine runs, such as ("debian", "bookworm"); empty where unknown."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        file = root / name
        if file.is_file():
            pairs = (line.partition("=") for line in file.read_text(errors="replace").splitlines())
            values = {key: value.strip("\"'") for key, _, value in pairs}
            return values.get("ID", ""), values.get("VERSION_CODENAME", "")
    return "", ""


def find_mirrors(
    distribution: str, *, release: tuple[str, str], sources: Sequence[AptSource], chosen: Mirrors
) -> Mirrors:
    """The mirrors of a distribution; what was `chosen` by settings wins, the main mirror deciding for both."""
    if chosen.main:
        return chosen
    machine, suite = release
    if machine != distribution or not suite:
        return Mirrors(None, chosen.security)
    usable = [source for source in sources if source.uri.startswith(_WEB) and "main" in source.components]
    return Mirrors(
        _best(usable, suite, distribution),
        chosen.security or _best(usable, f"{suite}-security", f"{distribution}-security"),
    )


def _best(sources: Sequence[AptSource], suite: str, folder: str) -> str | None:
    """The first source of a suite; one whose address ends as the archive's does before those of third parties."""
    uris = [source.uri for source in sources if source.suite == suite]
    return next((uri for uri in uris if uri.endswith(f"/{folder}")), uris[0] if uris else None)


def deb_lines(source: Source, mirrors: Mirrors, more: Sequence[Source] = ()) -> list[str]:
    """Lines for sources.list: the suite, its updates and, where the mirror is known, its security fixes.

    Empty when mmdebstrap shall choose, which adds updates and security by itself.
    """
    if mirrors.main is None:
        return []
    components = " ".join(source.components)
    lines = [f"deb {mirrors.main} {source.suite} {components}"]
    if has_updates(source):
        lines.append(f"deb {mirrors.main} {source.suite}-updates {components}")
        if mirrors.security:
            lines.append(f"deb {mirrors.security} {source.suite}-security {components}")
    lines += [f"deb {mirrors.main} {each.suite} {' '.join(each.components)}" for each in more]
    return lines


def has_updates(source: Source) -> bool:
    """Whether a suite is a release, with updates beside it, and not one that moves itself."""
    return source.suite not in {"sid", "unstable", "testing", "experimental", "rc-buggy", "devel"}
