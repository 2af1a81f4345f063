"""Several managers on one PostgreSQL: the tasks of a dead one are taken over, those of a living one never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from tests.fixtures.simulated_manager import until

from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.tasks.liveness import DEAD_AFTER, Liveness
from skerry.manager.tasks.rows import Order, claim, insert
from skerry.manager.types import ObjectKind, ObjectRef
from skerry.values import Frozen

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
_e = tables.executors.c


class Manager:
    """What liveness knows of a manager."""

    def __init__(self, database: Database, name: str) -> None:
        self.database = database
        self.taken: list[str] = []
        self.gave_up = 0
        self.life = Liveness(database, name, take_over=self.take_over, give_up=self.give_up)

    async def take_over(self, executor: str) -> None:
        self.taken.append(executor)

    def give_up(self) -> None:
        self.gave_up += 1


@pytest.fixture
async def two(database: Database) -> AsyncIterator[tuple[Manager, Manager]]:
    first, second = Manager(database, "first"), Manager(database, "second")
    for manager in (first, second):
        await manager.life.start()
    yield first, second
    for manager in (first, second):
        await manager.life.stop()


async def silence(database: Database, executor: str) -> None:
    """As if it had not written for long."""
    async with database.write() as writing:
        old = now() - DEAD_AFTER - timedelta(seconds=1)
        await writing.execute(sa.update(tables.executors).where(_e.id == executor).values(seen_at=old))


async def owners(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(sa.select(tables.tasks.c.executor))).scalars())


async def begun(database: Database, executor: str) -> None:
    """A task that this manager runs."""
    about = ObjectRef(kind=ObjectKind.VM, id=str(uuid4()), name="web1")
    async with database.write() as writing:
        await insert(writing, Order("vm.start", "Start web1", about, None, Frozen(), "anna"))
    async with database.write() as writing:
        assert len(await claim(writing, executor, 1)) == 1


async def test_the_tasks_of_a_dead_manager_are_taken_over_once(
    database: Database, two: tuple[Manager, Manager]
) -> None:
    first, second = two
    await begun(database, "first")
    await first.life.stop()
    await silence(database, "first")

    await until(second.life._bury_the_dead, lambda _: bool(second.taken))
    await second.life._bury_the_dead()

    assert second.taken == ["first"]
    assert await owners(database) == ["second"]


async def test_a_manager_that_holds_its_lock_lives_however_silent_it_is(
    database: Database, two: tuple[Manager, Manager]
) -> None:
    _, second = two
    await begun(database, "first")
    await silence(database, "first")

    await second.life._bury_the_dead()

    assert second.taken == []
    assert await owners(database) == ["first"]


async def test_a_manager_that_just_went_may_come_back(database: Database, two: tuple[Manager, Manager]) -> None:
    first, second = two
    await first.life.stop()

    await second.life._bury_the_dead()

    assert second.taken == []
    await first.life.start()


async def test_who_was_taken_for_dead_gives_up_and_begins_anew(
    database: Database, two: tuple[Manager, Manager]
) -> None:
    first, second = two
    assert first.life._connection is not None
    await first.life._connection.close()
    await silence(database, "first")
    # The server notices when it next looks that the connection, and so the lock, is gone.
    await until(second.life._bury_the_dead, lambda _: second.taken == ["first"])

    with pytest.raises(psycopg.OperationalError):
        await first.life._beat()
    await first.life._let_go()
    await first.life._beat()

    assert first.gave_up == 1
    await silence(database, "first")
    await second.life._bury_the_dead()
    assert second.taken == ["first"]
