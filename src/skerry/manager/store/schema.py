"""The tables are made and brought up to date here, also while tasks are pending.

A new database goes through all migrations as an old one does. Migrations only add; so an older manager that still
runs beside a newer one on the same PostgreSQL goes on.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from skerry.errors import Unavailable
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.store.tables import cloud, pools

_LOCK = 0x536B6572  # of the PostgreSQL advisory lock: "Sker"
ROOT_POOL = "default"


async def bring_up_to_date(database: Database) -> None:
    """Run all migrations that are missing, and make the cloud's row and the root pool.

    Raises:
        Unavailable: the database was made by a newer version.
    """
    async with database.exclusive() as connection:
        if not database.is_sqlite:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        await connection.run_sync(_migrate)
        if (await connection.execute(sa.select(cloud.c.id))).first() is None:
            root = {"id": uuid4(), "name": ROOT_POOL, "parent_id": None, "path": f"/{ROOT_POOL}"}
            await connection.execute(sa.insert(pools).values(root))
            first = {"id": uuid4(), "epoch": new_epoch(), "last_fact": 0, "created_at": now()}
            await connection.execute(sa.insert(cloud).values(first))


def new_epoch() -> str:
    """A word that no numbering of facts had before."""
    return secrets.token_hex(4)


def valid_epoch(word: str) -> bool:
    """Whether a word has the form of an epoch."""
    return re.fullmatch(r"[0-9a-f]{8}", word) is not None


def configuration(connection: sa.Connection) -> Config:
    """Alembic's configuration, for our migrations on this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _migrate(connection: sa.Connection) -> None:
    config = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise Unavailable(
            f"the database is of a newer version of Skerry (schema {current})",
            hint="run that version, or restore a backup that was made before the upgrade",
        )
    command.upgrade(config, "head")
