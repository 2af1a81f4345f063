"""The first start on an empty PostgreSQL, where the tables of tasks are made beside all that goes on."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from tests.fixtures.database import PrivatePostgresql

from skerry.manager.store.database import Database
from skerry.manager.tasks.workflows import Workflows

# Of those who wait until all that reads an older state of the database has ended.
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'virtualxid'"


async def _perform(_task_id: str) -> None:
    """There are no tasks."""


@pytest.mark.timeout(120)  # where it holds up the loop, nothing else would end it
async def test_who_reads_meanwhile_in_the_same_process_can_end(postgresql: PrivatePostgresql) -> None:
    name = postgresql.new()
    address = f"host={postgresql.folder} user=postgres dbname={name}"
    database = Database(postgresql.url(name))
    workflows = Workflows(database.url, "one")
    reader = await psycopg.AsyncConnection.connect(address)
    looker = await psycopg.AsyncConnection.connect(address, autocommit=True)
    async with reader, looker:
        await reader.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await reader.execute("SELECT 1")

        starting = asyncio.create_task(workflows.start(_perform))
        while not starting.done() and await (await looker.execute(_WAITING)).fetchone() == (0,):
            await asyncio.sleep(0.02)
        assert not starting.done()
        await reader.rollback()
        await starting

    await workflows.stop()
    await database.close()
    postgresql.drop(name)
