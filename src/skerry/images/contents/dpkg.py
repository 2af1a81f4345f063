"""dpkg's database as it lies in a root. Formats: deb-control(5), and the file lists below var/lib/dpkg/info."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from skerry.images.contents.packages import Installed, Package, in_tree
from skerry.images.contents.tree import Files

STATUS = "var/lib/dpkg/status"
INFO = "var/lib/dpkg/info"
_MOST = 64 * 1024 * 1024  # bytes of one file of the database


def installed_debs(files: Files) -> Installed:
    """The packages that are installed, sorted by name; none where there is no database."""
    entry = files.tree.get(STATUS)
    if entry is None or entry.kind != "file":
        return Installed()
    text = files.read(STATUS, most=_MOST).decode("utf-8", "replace")
    found = [_package(files, each) for each in stanzas(text) if each.get("status", "").endswith(" installed")]
    return Installed(tuple(sorted(found, key=lambda each: (each.name, each.architecture))))


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """Each stanza of a control file: fields by their names in small letters, further lines with line breaks."""
    for block in re.split(r"\n(?:[ \t]*\n)+", text):
        fields: dict[str, str] = {}
        key = ""
        for line in block.split("\n"):
            if line[:1] in {" ", "\t"}:
                if key:
                    fields[key] += "\n" + line.strip()
            elif ":" in line and not line.startswith("#"):
                name, _, value = line.partition(":")
                key = name.strip().lower()
                fields[key] = value.strip()
        if fields:
            yield fields


def _package(files: Files, fields: Mapping[str, str]) -> Package:
    name, version = fields.get("package", "?"), fields.get("version", "")
    architecture = fields.get("architecture", "")
    source, _, source_version = fields.get("source", name).partition(" ")
    plain = re.sub(r"^\d+:", "", source_version.strip("()") or version)
    needs = f"{fields.get('pre-depends', '')},{fields.get('depends', '')}"
    return Package(
        family="deb",
        name=name,
        version=version,
        architecture=architecture,
        source=f"{source}_{plain}.dsc",
        summary=fields.get("description", "").partition("\n")[0],
        vendor=fields.get("maintainer", ""),
        homepage=fields.get("homepage", ""),
        files=in_tree(files.tree, paths_of(files, name, architecture)),
        requires=tuple(tuple(_names(each.replace("|", ","))) for each in needs.split(",") if each.strip()),
        provides=tuple(_names(fields.get("provides", ""))),
    )


def _names(text: str) -> list[str]:
    """The names in a list of dependencies, without versions and architectures."""
    return [word.split()[0].partition(":")[0] for word in text.split(",") if word.strip()]


def list_path(files: Files, name: str, architecture: str, suffix: str) -> str | None:
    """The path of a package's list below info; packages of several architectures at once have it in their name."""
    for path in (f"{INFO}/{name}:{architecture}.{suffix}", f"{INFO}/{name}.{suffix}"):
        entry = files.tree.get(path)
        if entry is not None and entry.kind == "file":
            return path
    return None


def paths_of(files: Files, name: str, architecture: str) -> list[str]:
    """What a package's list names, as it is written there."""
    path = list_path(files, name, architecture, "list")
    if path is None:
        return []
    return files.read(path, most=_MOST).decode("utf-8", "surrogateescape").splitlines()


def list_without(text: str, gone: Collection[str]) -> str:
    """A list of paths, one a line with a leading slash, without those that are gone."""
    return "".join(line for line in text.splitlines(keepends=True) if line.rstrip("\n") not in gone)


def sums_without(text: str, gone: Collection[str]) -> str:
    """A list of checksums, each with a path that has no leading slash, without those that are gone."""
    return "".join(
        line for line in text.splitlines(keepends=True) if "/" + line.rstrip("\n")[32:].strip() not in gone
    )
