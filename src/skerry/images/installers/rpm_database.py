"""The database of the packages that are in a root: told by rpm, kept where and as the root's own rpm wants it.

The machine's rpm writes it, in SQLite, where Fedora has it. A root whose own rpm is older, or of another mind,
gets its packages handed over by export and import: in the end its own rpm reads what is true.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.errors import BadImage, BadInput, CommandFailed
from skerry.images.installers.dnf import DATABASE
from skerry.images.lock import InstalledPackage
from skerry.images.session import Session

_TIMES = (1008, 1128)  # INSTALLTIME, INSTALLTID (rpmtag.h of rpm)
_INT32 = 4
_FORMAT = r"%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\t%{NVRA}.rpm\n"
_OWN_RPM = "usr/bin/rpm"


@dataclass(frozen=True)
class Listed:
    """A package of the database, and how repositories call its file."""

    package: InstalledPackage
    file: str


async def import_keys(session: Session, keys: Sequence[Path]) -> None:
    """Let the database trust keys, each once and in this order.

    Raises:
        BadInput: one of the files is no key.
    """
    database = session.root / DATABASE.lstrip("/")
    for key in {file.read_bytes(): file for file in reversed(keys)}.values():
        try:
            await session.tool("rpmkeys", "--dbpath", database, "--import", key)
        except CommandFailed as exc:
            raise BadInput(f"{key.name} is not a key that rpm reads: {exc.message}") from exc


async def installed_packages(session: Session) -> list[Listed]:
    """What the database has; keys, which rpm keeps there too, are no packages."""
    database = session.root / DATABASE.lstrip("/")
    output = await session.tool("rpm", "--dbpath", database, "--query", "--all", "--queryformat", _FORMAT)
    found = []
    for line in output.stdout.splitlines():
        name, version, architecture, file = line.split("\t")
        if name != "gpg-pubkey":
            found.append(Listed(InstalledPackage(name, version, architecture), file))
    return sorted(found, key=lambda each: each.package)


async def settle(session: Session, epoch: int) -> str:
    """Give the database the build's time, and the root's own rpm a database that it reads; returns its folder.

    Raises:
        BadImage: the root's own rpm does not read it, however it is handed over.
    """
    database = session.root / DATABASE.lstrip("/")
    set_times(database / "rpmdb.sqlite", epoch)
    await session.tool("rpmdb", "--dbpath", database, "--rebuilddb")
    place = DATABASE
    if (session.root / _OWN_RPM).is_file():
        place = await _hand_over(session, database)
    if place == DATABASE:
        compact(database / "rpmdb.sqlite")
        (database / ".rpm.lock").unlink(missing_ok=True)
    return place


async def _hand_over(session: Session, database: Path) -> str:
    count = len((await session.tool("rpm", "--dbpath", database, "-qa")).stdout.split())
    asked = await session.run(["rpm", "--eval", "%{_dbpath}"], chroot=True, ok=range(256))
    if asked.status or await _own_count(session) == count:
        return DATABASE  # it reads it, or does not run: then nothing in the root reads any
    place = asked.stdout.strip()
    headers = session.workspace.path / "headers"
    await session.tool("sh", "-c", 'rpmdb --dbpath "$1" --exportdb >"$2"', "sh", database, headers)
    try:
        await session.run(["rpmdb", "--importdb"], chroot=True, stdin=headers.read_bytes())
    except CommandFailed as exc:
        raise BadImage(f"the rpm of the image takes no packages into its database: {exc.message}") from exc
    if await _own_count(session) != count:
        raise BadImage(f"the rpm of the image does not find its packages in its database {place}")
    await session.tool("rm", "-rf", "--one-file-system", database)
    return place


async def _own_count(session: Session) -> int:
    """How many packages the root's own rpm sees."""
    output = await session.run(["rpm", "-qa"], chroot=True, ok=range(256))
    return 0 if output.status else len(output.stdout.split())


def set_times(database: Path, epoch: int) -> None:
    """Let all packages be installed at `epoch`, in an order that only they decide.

    This is in their headers; the indices follow when the database is built anew.
    """
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        rows = connection.execute("SELECT hnum, blob FROM Packages").fetchall()
        connection.executemany(
            "UPDATE Packages SET blob = ? WHERE hnum = ?",
            [(with_times(blob, epoch), number) for number, blob in rows],
        )


def with_times(header: bytes, epoch: int) -> bytes:
    """An rpm header with other times of installation.

    It is two lengths, an index of entries of 16 bytes (tag, type, offset, count), and the data, all big-endian.
    """
    entries, _ = struct.unpack_from(">II", header)
    changed = bytearray(header)
    for number in range(entries):
        tag, kind, offset, _ = struct.unpack_from(">IIiI", header, 8 + 16 * number)
        if tag in _TIMES and kind == _INT32:
            struct.pack_into(">I", changed, 8 + 16 * entries + offset, epoch)
    return bytes(changed)


def compact(database: Path) -> None:
    """Make one file of an SQLite database, in one order."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)
