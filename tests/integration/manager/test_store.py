"""The manager's database, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from skerry.errors import BadInput, BadSettings, Unavailable
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database, Writing
from skerry.manager.store.pages import Order, next_cursor, part_of_name
from skerry.manager.store.schema import bring_up_to_date
from skerry.manager.types import ObjectKind, ObjectRef

WEB1 = ObjectRef(kind=ObjectKind.VM, id="1", name="web1")
_f = tables.facts.c
_a = tables.audit.c


async def numbers(database: Database) -> list[int]:
    async with database.read() as connection:
        return list((await connection.execute(sa.select(_f.number).order_by(_f.number))).scalars())


def differences(connection: sa.Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))


async def test_the_migrations_make_the_tables_that_the_code_knows(empty_url: str) -> None:
    database = Database(empty_url)
    await bring_up_to_date(database)

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_bringing_up_to_date_twice_changes_nothing(database: Database) -> None:
    async with database.read() as connection:
        before = (await connection.execute(sa.select(tables.cloud))).all()

    await bring_up_to_date(database)

    async with database.read() as connection:
        assert (await connection.execute(sa.select(tables.cloud))).all() == before
        assert (await connection.execute(sa.select(tables.pools.c.path))).scalars().all() == ["/default"]


async def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    async with database.write() as writing:
        await writing.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Unavailable, match="newer version"):
        await bring_up_to_date(database)


async def test_facts_of_many_writers_are_numbered_without_gaps(database: Database, database_url: str) -> None:
    other = Database(database_url)

    async def write(to: Database, count: int) -> None:
        for number in range(count):
            async with to.write() as writing:
                for part in range(number % 3 + 1):
                    writing.tell("vm.changed", WEB1, f"{number}.{part}")

    await asyncio.gather(*(write(to, 6) for to in (database, other) for _ in range(4)))

    found = await numbers(database)
    assert found == list(range(1, len(found) + 1))
    assert len(found) == 8 * 12
    await other.close()


async def test_a_transaction_that_failed_leaves_no_fact_and_no_number(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as writing:
            writing.tell("vm.changed", WEB1, "lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    async with database.write() as writing:
        writing.tell("vm.changed", WEB1, "kept")
    assert await numbers(database) == [1]


async def test_listeners_hear_of_facts_when_they_can_be_read(database: Database) -> None:
    heard: list[bool] = []
    database.on_facts(lambda: heard.append(True))

    async with database.write() as writing:
        writing.tell("vm.changed", WEB1, "changed")
        assert heard == []
    async with database.write():
        pass

    assert heard == [True]


async def test_times_come_back_in_utc_and_sort_as_times(database: Database) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    async with database.write() as writing:
        await enter(writing, "late", noon + timedelta(microseconds=1))
        await enter(writing, "early", noon)

    async with database.read() as connection:
        rows = (await connection.execute(sa.select(_a.user, _a.at).order_by(_a.at))).all()
    assert [row.user for row in rows] == ["early", "late"]
    assert rows[0].at == noon
    assert rows[0].at.tzinfo is UTC


async def enter(writing: Writing, user: str, at: datetime | None = None) -> None:
    row = {"at": at or now(), "user": user, "address": "", "method": "", "action": "", "status": 200, "detail": ""}
    await writing.execute(sa.insert(tables.audit).values(row))


@pytest.mark.parametrize("descending", [False, True], ids=["rising", "falling"])
async def test_pages_show_each_row_once_also_where_values_are_equal(
    database: Database, *, descending: bool
) -> None:
    async with database.write() as writing:
        for number in range(23):
            await enter(writing, f"user{number % 3}")
    order = Order(_a.user, _a.id, descending)
    seen: list[tuple[str, int]] = []
    cursor: str | None = None

    while True:
        async with database.read() as connection:
            statement = order.apply(sa.select(tables.audit).limit(5 + 1), cursor)
            rows = (await connection.execute(statement)).all()
        seen += [(row.user, row.id) for row in rows[:5]]
        cursor = next_cursor(rows, 5, "user", "id")
        if cursor is None:
            break

    assert seen == sorted(set(seen), reverse=descending)
    assert len(seen) == 23


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24", "W10", "WyJhIl0", "e30", "WyJhIiwgInoiXQ", "é"])
async def test_a_cursor_that_no_list_gave_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(BadInput):
        Order(_a.user, _a.id).apply(sa.select(tables.audit), cursor)


@pytest.mark.parametrize("part", ["%", "_", "\\", "A\x00b", "ü"])
async def test_a_part_of_a_name_is_taken_as_it_is(database: Database, part: str) -> None:
    async with database.write() as writing:
        await enter(writing, "plain")
        await enter(writing, f"with {part.replace(chr(0), '')} in it")

    async with database.read() as connection:
        found = await connection.execute(sa.select(_a.user).where(part_of_name(_a.user, part)))
        assert "plain" not in found.scalars().all()


@pytest.mark.parametrize("url", ["", "mysql://host/db", "not an address", "skerry.db"])
def test_an_address_of_no_known_database_is_refused(url: str) -> None:
    with pytest.raises(BadSettings, match="postgresql"):
        Database(url)
