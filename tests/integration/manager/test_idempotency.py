"""A request with a key makes one task, whenever the manager dies."""

from __future__ import annotations

import pytest

from skerry.errors import NameTaken
from skerry.manager.access import SYSTEM
from skerry.manager.idempotency import Answer, Idempotency, promised
from skerry.manager.manager import Manager
from skerry.manager.types import NewVm, Task

NEW = NewVm(name="web2", start=False)


def answer_of(task: Task) -> Answer:
    return Answer(202, task.model_dump_json(), {"location": f"/tasks/{task.id}"})


def of_the_next_life(manager: Manager) -> Idempotency:
    """What a manager has that was killed and started again."""
    return Idempotency(manager._database, manager._executor)


async def test_a_manager_killed_after_it_accepted_a_task_has_the_answer(manager: Manager) -> None:
    await manager.idempotency.begin(SYSTEM, "key", "print")
    with promised(SYSTEM, "key", answer_of) as promise:
        task = await manager.machines.create(SYSTEM, NEW)

    assert promise.kept
    assert await of_the_next_life(manager).begin(SYSTEM, "key", "print") == answer_of(task)


async def test_a_request_that_fails_after_its_task_was_accepted_keeps_its_key(manager: Manager) -> None:
    await manager.idempotency.begin(SYSTEM, "key", "print")
    with promised(SYSTEM, "key", answer_of):
        task = await manager.machines.create(SYSTEM, NEW)

    await manager.idempotency.forget(SYSTEM, "key")

    assert await manager.idempotency.begin(SYSTEM, "key", "print") == answer_of(task)


async def test_a_request_that_is_refused_gives_its_key_back(manager: Manager, web1: str) -> None:
    await manager.idempotency.begin(SYSTEM, "key", "print")
    with promised(SYSTEM, "key", answer_of) as promise, pytest.raises(NameTaken):
        await manager.machines.create(SYSTEM, NewVm(name=web1))

    await manager.idempotency.forget(SYSTEM, "key")

    assert not promise.kept
    assert await manager.idempotency.begin(SYSTEM, "key", "print") is None
