"""A small apt repository of the packages of a lock, so that apt can install these and no others.

It looks like the suite that it stands for, because mmdebstrap chooses the essential packages by the suite's name.
It is trusted: every file in it was checked against the lock.
"""

from __future__ import annotations

import asyncio
import hashlib
import lzma
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

from skerry.commands import Commands
from skerry.errors import BadImage
from skerry.images.lock import LockedPackage

_AR = b"!<arch>\n"
_HEADER = 60  # bytes before each member of an ar archive
_MOST = 64 * 1024 * 1024  # bytes of control files; real ones have some kilobytes


async def write_repository(
    folder: Path, suite: str, files: Mapping[LockedPackage, Path], epoch: int, commands: Commands
) -> str:
    """Make a repository of packages; returns its line for apt's sources.

    Whoever may enter the folder may read it, as apt may run as another user.
    """
    index = folder / "dists" / suite / "main/binary-amd64/Packages"
    index.parent.mkdir(parents=True)
    stanzas = []
    await asyncio.to_thread(show_packages, files.values(), folder / "pool")
    for package in sorted(files):
        place = folder / "pool" / package.deb_name
        stanzas.append(_stanza(package, place, await read_control(place, commands)))
    index.write_text("\n".join(stanzas))
    (folder / "dists" / suite / "Release").write_text(_release(suite, index, epoch))
    for path in (folder, *folder.rglob("*")):  # whatever the umask
        wanted = 0o755 if path.is_dir() else 0o644
        if path.stat().st_mode & 0o777 != wanted:
            path.chmod(wanted)
    return f"deb [trusted=yes] copy:{quote(str(folder.resolve()))} {suite} main"


def show_packages(files: Iterable[Path], folder: Path) -> None:
    """Show files to one build in a new folder: by links where that is possible."""
    folder.mkdir()
    for file in files:
        place = folder / file.name
        try:
            os.link(file, place)
        except OSError:  # another file system, or somebody else's file
            shutil.copyfile(file, place)


def _stanza(package: LockedPackage, file: Path, control: str) -> str:
    kept = control.strip()
    if package.priority:  # what the archive says goes before what the package says
        kept = re.sub(r"^Priority:.*$", f"Priority: {package.priority}", kept, flags=re.MULTILINE)
    return f"{kept}\nFilename: pool/{file.name}\nSize: {file.stat().st_size}\nSHA256: {package.sha256}\n"


def _release(suite: str, index: Path, epoch: int) -> str:
    content = index.read_bytes()
    return (
        f"Origin: skerry\nSuite: {suite}\nCodename: {suite}\nDate: {formatdate(epoch, usegmt=True)}\n"
        "Architectures: amd64 all\nComponents: main\nSHA256:\n"
        f" {hashlib.sha256(content).hexdigest()} {len(content)} main/binary-amd64/Packages\n"
    )


async def read_control(file: Path, commands: Commands) -> str:
    """The control file of a package; deb(5).

    Raises:
        BadImage: it is no package.
        CommandFailed: the same, where dpkg-deb had to read it.
    """
    name, data = _control_member(file)
    if name.endswith(".zst"):  # which only dpkg-deb can read; starting it takes most of the time
        return (await commands.run(["dpkg-deb", "--field", file])).stdout
    try:
        plain = _unpacked(name, data)
        with tarfile.open(fileobj=BytesIO(plain)) as tar:
            found = tar.extractfile("./control") if "./control" in tar.getnames() else tar.extractfile("control")
            if found is None:
                raise BadImage(f"{file.name} is no package: it has no control file")
            return found.read().decode(errors="replace")
    except (lzma.LZMAError, zlib.error, tarfile.TarError, KeyError) as exc:
        raise BadImage(f"{file.name} is no package: {exc}") from exc


def _unpacked(name: str, data: bytes) -> bytes:
    if name.endswith(".xz"):
        return lzma.LZMADecompressor().decompress(data, _MOST)
    if name.endswith(".gz"):
        return zlib.decompressobj(wbits=31).decompress(data, _MOST)
    return data


def _control_member(file: Path) -> tuple[str, bytes]:
    with file.open("rb") as deb:
        if deb.read(len(_AR)) != _AR:
            raise BadImage(f"{file.name} is no package")
        while len(header := deb.read(_HEADER)) == _HEADER:
            name, text = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58].strip()
            if not text.isdigit():
                break
            if name.startswith("control.tar"):
                return name, deb.read(min(int(text), _MOST))
            deb.seek(int(text) + int(text) % 2, os.SEEK_CUR)
    raise BadImage(f"{file.name} is no package: it has no control files")
