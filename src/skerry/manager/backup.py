"""Saving the databases into a file while the manager runs, and bringing them back when it does not.

A backup is a tar archive: `manifest.json`, and either the two SQLite files or one dump of PostgreSQL. The
manager's tables are copied before DBOS's: so DBOS knows at least the steps that our rows tell of, and what it
knows too much is done again by steps that look before they act.

Bringing back makes a new epoch, so that every client lists anew, and keeps what was there before.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from skerry.commands import Arg, CommandRunner, Commands, Secret
from skerry.errors import BadInput, Conflict, NoSpace, NotFound, Unavailable
from skerry.manager.files import EXECUTOR, OLD, RESTORED, TASKS_DATABASE, finish_restore
from skerry.manager.settings import ManagerSettings
from skerry.manager.store.database import Database
from skerry.manager.store.schema import new_epoch

_MANIFEST = "manifest.json"
_OURS = "skerry.db"
_DUMP = "skerry.dump"
_FORMAT = 1
_LONG_S = 6 * 3600.0
_DATABASE_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


async def back_up(settings: ManagerSettings, target: Path, *, commands: Commands | None = None) -> None:
    """Save everything into `target`, which must not be there yet; a manager may be running.

    Raises:
        Conflict: the file is there.
        NotFound: there is no database yet.
        NoSpace, Unavailable, CommandFailed: it cannot be written, or read; nothing is left behind.
    """
    if target.exists():
        raise Conflict(f"{target} is there already", hint="choose another name, or remove it")
    try:
        with tempfile.TemporaryDirectory(prefix=".skerry-backup-", dir=target.parent) as name:
            folder = Path(name)
            database = Database(settings.database_url)
            kind = "sqlite" if database.is_sqlite else "postgresql"
            await database.close()
            if database.is_sqlite:
                await asyncio.to_thread(_copy_files, settings, folder)
            else:
                await _dump(database, folder / _DUMP, commands or CommandRunner())
            made = datetime.now(UTC).isoformat(timespec="seconds")
            manifest = {"format": _FORMAT, "kind": kind, "version": version("skerry"), "made": made}
            (folder / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
            await asyncio.to_thread(_pack, folder, target)
    except sqlite3.Error as exc:
        raise Unavailable(f"the database cannot be read: {exc}") from exc
    except OSError as exc:
        target.unlink(missing_ok=True)
        kind_of = NoSpace if exc.errno == 28 else Unavailable
        raise kind_of(f"{target} cannot be written: {exc.strerror}") from exc


def _copy_files(settings: ManagerSettings, folder: Path) -> None:
    ours = settings.data_dir / _OURS
    if not ours.exists():
        raise NotFound(f"there is no database in {settings.data_dir}", hint="is it the right data folder?")
    for name in (_OURS, TASKS_DATABASE):
        with (
            closing(sqlite3.connect(f"file:{settings.data_dir / name}?mode=rw", uri=True, timeout=60)) as source,
            closing(sqlite3.connect(folder / name)) as copy,
        ):
            source.backup(copy)
    shutil.copyfile(settings.data_dir / EXECUTOR, folder / EXECUTOR)


async def _dump(database: Database, target: Path, commands: Commands) -> None:
    address, env = _without_password(database)
    argv: list[Arg] = ["pg_dump", "--format=custom", f"--file={target}", f"--dbname={address}"]
    await commands.run(argv, env=env, timeout=_LONG_S)


def _without_password(database: Database) -> tuple[str, dict[str, str | Secret]]:
    """The address as PostgreSQL's own programs take it, and the password apart from it."""
    url = database.url.set(drivername="postgresql")
    env: dict[str, str | Secret] = {"PGPASSWORD": Secret(str(url.password))} if url.password else {}
    return url.set(password=None).render_as_string(), env


def _pack(folder: Path, target: Path) -> None:
    """The archive appears whole, and readable for its owner only: there are hashes of passwords in it."""
    packed = folder / "archive"
    with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
        for file in sorted(folder.iterdir()):
            if file != packed:
                archive.add(file, arcname=file.name)
    packed.chmod(0o600)
    with packed.open("rb") as written:
        os.fsync(written.fileno())
    os.link(packed, target)  # never over a file that came meanwhile


async def restore(settings: ManagerSettings, source: Path, *, commands: Commands | None = None) -> str:
    """Bring back what a backup holds; no manager may be running. Says where the old state is kept.

    The caller holds the data folder's lock, so that no manager of it runs.

    Raises:
        NotFound, BadInput: there is no such file, or it is no backup, or one of another kind of database.
        Conflict: a manager works on the database.
    """
    if not source.is_file():
        raise NotFound(f"there is no file {source}")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    finish_restore(settings.data_dir)  # one that was cut off
    database = Database(settings.database_url)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.data_dir) as name:
        folder = Path(name) / "state"
        folder.mkdir(mode=0o700)
        manifest = await asyncio.to_thread(_unpack, source, folder)
        kind = "sqlite" if database.is_sqlite else "postgresql"
        if manifest.get("kind") != kind:
            raise BadInput(
                f"{source} is a backup of {manifest.get('kind')}, and the database here is {kind}",
                hint="set the database that it was made from",
            )
        if database.is_sqlite:
            await asyncio.to_thread(_check_files, folder, source)
            (folder / _MANIFEST).unlink()
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            (folder / OLD).write_text(f"before-restore-{stamp}", encoding="ascii")
            folder.rename(settings.data_dir / RESTORED)  # from here on it will be finished
            return str(finish_restore(settings.data_dir))
        return await _load(database, folder / _DUMP, commands or CommandRunner())


def _unpack(source: Path, folder: Path) -> dict[str, Any]:
    wanted = {_MANIFEST, _OURS, TASKS_DATABASE, EXECUTOR, _DUMP}
    try:
        with tarfile.open(source, "r:*") as archive:
            for member in archive:
                if member.name not in wanted or not member.isfile():
                    raise BadInput(f"{source} is not a backup of Skerry: it holds {member.name[:80]!r}")
                archive.extract(member, folder, filter="data")
                (folder / member.name).chmod(0o600)  # sqlite3 made what was packed, open to everybody
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except tarfile.ReadError as exc:
        raise BadInput(f"{source} is not a whole backup of Skerry: it cannot be unpacked") from exc
    except (tarfile.TarError, EOFError, OSError, ValueError) as exc:
        raise BadInput(f"{source} is not a whole backup of Skerry: {exc}") from exc
    if manifest.get("format") != _FORMAT:
        raise BadInput(f"{source} was made by another version of Skerry", hint=f"by {manifest.get('version')}")
    return manifest


def _check_files(folder: Path, source: Path) -> None:
    """Both databases must be whole; then ours gets a new epoch."""
    try:
        for name in (_OURS, TASKS_DATABASE):
            with closing(sqlite3.connect(folder / name)) as database:
                (found,) = database.execute("PRAGMA integrity_check").fetchone()
                if found != "ok":
                    raise BadInput(f"{source} is damaged: {name}: {found}")
        with closing(sqlite3.connect(folder / _OURS)) as database, database:
            database.execute("UPDATE cloud SET epoch = ?", (new_epoch(),))
    except sqlite3.Error as exc:
        raise BadInput(f"{source} is damaged: {exc}") from exc


async def _load(database: Database, dump: Path, commands: Commands) -> str:
    """Load a dump into a new database that takes the name of the old one, which is kept under another name."""
    name = database.url.database or ""
    if not _DATABASE_NAME.fullmatch(name):
        raise BadInput(f"the database's name {name!r} is too long or too special to be restored by Skerry")
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    new, old = f"{name}_new_{stamp}", f"{name}_before_{stamp}"
    await _sql(database, commands, "postgres", f'CREATE DATABASE "{new}"')
    try:
        address, env = _without_password(database)
        into = address.replace(f"/{name}", f"/{new}", 1)
        await commands.run(
            ["pg_restore", "--exit-on-error", "--no-owner", f"--dbname={into}", dump], env=env, timeout=_LONG_S
        )
        await _sql(database, commands, new, f"UPDATE cloud SET epoch = '{new_epoch()}'")  # noqa: S608 - ours
        await _refuse_while_used(database, commands, name)
        await _sql(database, commands, "postgres", f'ALTER DATABASE "{name}" RENAME TO "{old}"')
        await _sql(database, commands, "postgres", f'ALTER DATABASE "{new}" RENAME TO "{name}"')
    except BaseException:
        await _sql(database, commands, "postgres", f'DROP DATABASE IF EXISTS "{new}"')
        raise
    return f"the database {old}"


async def _refuse_while_used(database: Database, commands: Commands, name: str) -> None:
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - it was checked
    if (used := await _sql(database, commands, "postgres", query)) != "0":
        raise Conflict(f"{used} connections work on the database {name}", hint="stop all managers first")


async def _sql(database: Database, commands: Commands, where: str, statement: str) -> str:
    address, env = _without_password(database)
    name = database.url.database or ""
    into = address.replace(f"/{name}", f"/{where}", 1)
    argv: list[Arg] = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--dbname={into}", "-c", statement]
    return (await commands.run(argv, env=env)).stdout.strip()
