"""All that goes into the folder `about` beside every output, from the root's tar.

| file            | what it is                                                       |
|-----------------|------------------------------------------------------------------|
| manifest-*      | the seven classic manifests                                      |
| sbom.spdx.json  | SPDX 2.3                                                         |
| sbom.cdx.json   | CycloneDX 1.6                                                    |
| packages.json   | every package: version, source, licences, size on disk, SHA-256  |
| files.jsonl.gz  | every name: kind, rights, owner, size, SHA-256, package          |
| sizes.json      | bytes on disk of all, of each package, of each folder            |

The same root gives the same bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from skerry.images.contents.dpkg import installed_debs
from skerry.images.contents.licenses import license_tags, spdx_expression
from skerry.images.contents.packages import Installed, Package
from skerry.images.contents.rpmdb import installed_rpms
from skerry.images.contents.tar import opened_tar
from skerry.images.contents.tree import Files, Tree, shown
from skerry.images.manifest import cyclonedx, files, spdx
from skerry.images.manifest.bill import Bill
from skerry.images.manifest.classic import write_classic

FORMAT = 1  # of all files; raised when what is written changes
_MOST_OS_RELEASE = 64 * 1024


async def describe_root(root_tar: Path, packages: Path | None, folder: Path, *, name: str, epoch: int) -> None:
    """Write everything about a root into an empty folder; `packages` is the installer's list, with hashes.

    Raises:
        BadImage: the tar is not what this builder packs.
    """
    await asyncio.to_thread(describe, root_tar, packages, folder, name=name, epoch=epoch)


def describe(root_tar: Path, packages: Path | None, folder: Path, *, name: str, epoch: int) -> None:
    """As `describe_root`, in this thread."""
    with opened_tar(root_tar) as root, ThreadPoolExecutor(1) as beside:
        summing = beside.submit(files.checksums, root)
        listed = [] if packages is None else json.loads(packages.read_text())
        installed = Installed((*installed_debs(root), *installed_rpms(root)))
        if not installed.packages:
            installed = _as_listed(listed, root)
        tags = {package: license_tags(root, package) for package in installed}
        hashes = _hashes(listed, installed)
        folders = write_classic(folder, root.tree, installed, tags)
        records = list(files.records(root, installed, summing.result()))
        files.write_records(folder / files.NAME, records)
        content = hashlib.sha256(repr(records).encode("utf-8", "surrogatepass")).hexdigest()
        licenses = {package: spdx_expression(tags[package]) for package in installed}
        bill = Bill(name, os_release(root), epoch, _own_version(), installed, licenses, hashes, content)
    sizes = package_sizes(root.tree, installed)
    _write_json(folder / spdx.NAME, spdx.spdx_document(bill))
    _write_json(folder / cyclonedx.NAME, cyclonedx.cyclonedx_document(bill))
    _write_json(folder / "packages.json", [_told(each, tags[each], sizes[each], hashes) for each in installed])
    _write_json(folder / "sizes.json", _sizes(bill, sizes, folders, root.tree))


def _own_version() -> str:
    try:
        return version("skerry")
    except PackageNotFoundError:
        return "0"


def _hashes(listed: Sequence[Mapping[str, str]], installed: Installed) -> dict[str, str]:
    """SHA-256 by full name, from the list that the installer wrote; it has RPM's epochs in the version."""
    known = {(each["name"], each["version"], each["architecture"]): each.get("sha256", "") for each in listed}
    found = {}
    for package in installed:
        epoch = f"{package.epoch}:" if package.epoch else ""
        if digest := known.get((package.name, epoch + package.full_version, package.architecture)):
            found[package.full_name] = digest
    return found


def _as_listed(listed: Sequence[Mapping[str, str]], root: Files) -> Installed:
    """What was installed, for a root whose own database was dropped."""
    is_deb = os_release(root).get("ID") in {"debian", "ubuntu"}
    return Installed(tuple(_listed_deb(each) if is_deb else _listed_rpm(each) for each in listed))


def _listed_deb(told: Mapping[str, str]) -> Package:
    return Package("deb", told["name"], told["version"], told["architecture"])


def _listed_rpm(told: Mapping[str, str]) -> Package:
    epoch, _, rest = told["version"].rpartition(":")
    version, _, release = rest.rpartition("-")
    return Package("rpm", told["name"], version, told["architecture"], release=release, epoch=epoch)


def os_release(root: Files) -> dict[str, str]:
    """What the system calls itself; see os-release(5)."""
    for place in ("etc/os-release", "usr/lib/os-release"):
        path = root.tree.resolve(place)
        if path is not None and root.tree[path].kind == "file":
            text = root.read(path, most=_MOST_OS_RELEASE).decode("utf-8", "replace")
            return dict(filter(None, map(_assignment, text.splitlines())))
    return {}


def _assignment(line: str) -> tuple[str, str] | None:
    key, equals, value = line.strip().partition("=")
    if not equals or key.startswith("#"):
        return None
    try:
        return key, " ".join(shlex.split(value))
    except ValueError:
        return key, value


def package_sizes(tree: Tree, installed: Installed) -> dict[Package, int]:
    """The bytes on disk of each package: its files; what several own counts for the first."""
    seen: set[int] = set()
    found = dict.fromkeys(installed, 0)
    for path, entry in tree.items():
        owners = installed.owners(path)
        if not owners or entry.kind != "file" or (entry.inode and entry.inode in seen):
            continue
        seen.add(entry.inode)
        found[owners[0]] += entry.disk_size
    return found


def _told(package: Package, tags: Sequence[str], size: int, hashes: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": package.name,
        "version": package.full_version,
        "architecture": package.architecture,
        "family": package.family,
        "source": package.source,
        "licenses": list(tags),
        "license": spdx_expression(tags),
        "size": size,
    }
    if package.epoch:
        told["epoch"] = package.epoch
    if digest := hashes.get(package.full_name):
        told["sha256"] = digest
    return told


def _sizes(bill: Bill, sizes: Mapping[Package, int], folders: Mapping[str, int], tree: Tree) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": bill.name,
        "system": bill.system.get("PRETTY_NAME", ""),
        "files": sum(entry.kind == "file" for _, entry in tree.items()),
        "total": folders[""],
        "packages": {package.full_name: size for package, size in sizes.items()},
        "folders": {shown(path): size for path, size in sorted(folders.items())},
    }


def _write_json(path: Path, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=False)
    path.write_bytes(text.encode("utf-8", "replace") + b"\n")
