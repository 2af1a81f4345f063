"""What waits for one listener."""

from __future__ import annotations

from uuid import UUID, uuid4

from skerry.manager.access import Access
from skerry.manager.store.columns import now
from skerry.manager.subscriber import Subscriber
from skerry.manager.types import Fact, ObjectKind, ObjectRef, SamplesOfHost, TaskLogLine, TaskProgress

WEB1 = ObjectRef(kind=ObjectKind.VM, id="1", name="web1")
EVERYTHING = Access(everything=True)


def fact(number: int) -> Fact:
    return Fact(id=f"e:{number}", at=now(), kind="vm.changed", object=WEB1, summary="")


def progress(task: UUID, done: float, *lines: int) -> TaskProgress:
    return TaskProgress(
        task=task,
        step="",
        step_number=1,
        step_count=1,
        progress=done,
        detail="",
        lines=tuple(TaskLogLine(number=line, at=now(), text="") for line in lines),
    )


async def test_facts_come_in_order_and_before_the_rest() -> None:
    listener = Subscriber("anna", EVERYTHING)
    listener.put_progress(progress(uuid4(), 0.5))
    listener.put_fact(fact(1))
    listener.put_fact(fact(2))

    found = [await listener.next() for _ in range(3)]

    assert [one.id for one in found if isinstance(one, Fact)] == ["e:1", "e:2"]
    assert isinstance(found[2], TaskProgress)


async def test_a_listener_that_is_too_slow_is_told_once_that_it_lost_something() -> None:
    listener = Subscriber("anna", EVERYTHING, limit=3)
    for number in range(10):
        listener.put_fact(fact(number))

    assert await listener.next() == "lost"
    listener.put_fact(fact(11))
    following = await listener.next()
    assert isinstance(following, Fact)
    assert following.id == "e:11"


async def test_progress_is_replaced_and_its_log_lines_are_kept() -> None:
    listener, task = Subscriber("anna", EVERYTHING), uuid4()
    listener.put_progress(progress(task, 0.1, 1, 2))
    listener.put_progress(progress(task, 0.2))
    listener.put_progress(progress(task, 0.3, 3))

    found = await listener.next()

    assert isinstance(found, TaskProgress)
    assert found.progress == 0.3
    assert [line.number for line in found.lines] == [1, 2, 3]


async def test_of_samples_only_the_latest_of_each_host_waits() -> None:
    listener = Subscriber("anna", EVERYTHING)
    for host, cpu in (("a", 0.1), ("b", 0.2), ("a", 0.3)):
        listener.put_samples(SamplesOfHost(host=host, at=now(), cpu=cpu, free_memory=0, machines=()))

    found = [await listener.next(), await listener.next()]

    assert [one.cpu for one in found if isinstance(one, SamplesOfHost)] == [0.3, 0.2]


async def test_after_the_end_nothing_comes() -> None:
    listener = Subscriber("anna", EVERYTHING)
    listener.put_fact(fact(1))
    listener.end()

    assert await listener.next() is None
