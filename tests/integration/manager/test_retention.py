"""What is older than the settings say is thrown away, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from tests.fixtures.simulated_manager import running_host, running_manager, succeeded

from skerry.manager.access import SYSTEM
from skerry.manager.settings import ManagerSettings
from skerry.manager.store import tables
from skerry.manager.store.columns import now
from skerry.manager.store.database import Database
from skerry.manager.tasks.service import TaskFilter
from skerry.manager.types import NewVm, Task


async def grow_old(database: Database, task: Task, days: int) -> None:
    """As if the task, its facts and an audit entry were from then."""
    then = now() - timedelta(days=days)
    async with database.write() as writing:
        await writing.execute(sa.update(tables.tasks).where(tables.tasks.c.id == task.id).values(ended_at=then))
        mine = tables.facts.c.object_id == str(task.id)
        await writing.execute(sa.update(tables.facts).where(mine).values(at=then))
        entry = {
            "at": then,
            "user": "anna",
            "address": "",
            "method": "",
            "action": "",
            "status": 200,
            "detail": "",
        }
        await writing.execute(sa.insert(tables.audit).values(entry))


async def test_old_tasks_facts_and_audit_entries_go_and_new_ones_stay(tmp_path: Path) -> None:
    settings = ManagerSettings(
        data_dir=tmp_path / "data", keep_tasks_days=10, keep_facts_days=5, keep_audit_days=20
    )
    async with running_host(tmp_path / "host") as host, running_manager(settings, host) as manager:
        tasks = [
            await succeeded(manager, await manager.machines.create(SYSTEM, NewVm(name=name, start=False)))
            for name in ("old", "older", "new")
        ]
        await grow_old(manager._database, tasks[0], 7)
        await grow_old(manager._database, tasks[1], 30)

        await manager._retention.clean()
        await manager._retention.clean()

        kept = (await manager.tasks.list(SYSTEM, TaskFilter())).items
        assert [task.id for task in kept] == [tasks[2].id, tasks[0].id]
        assert await manager._workflows.find(str(tasks[1].id)) is None
        assert await manager._workflows.find(str(tasks[0].id)) is not None
        facts = {fact.object.id for fact in (await manager.events.list(SYSTEM, limit=500)).items}
        assert str(tasks[2].id) in facts
        assert facts.isdisjoint({str(tasks[0].id), str(tasks[1].id)})
        assert (await manager.audit.list(SYSTEM)).total == 1
        assert (await manager.tasks.log(SYSTEM, tasks[2].id)).total > 0
