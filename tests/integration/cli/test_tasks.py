"""Long commands follow their tasks, and miss nothing of them."""

from __future__ import annotations

import os
import signal

import pytest
from tests.integration.cli.conftest import Skerry
from tests.integration.cli.fake_server import (
    BREAK,
    DONE,
    TASK,
    VM,
    Fake,
    Reply,
    Request,
    example,
    fact,
    hello,
    page,
    problem,
    progress,
    reset,
)

ID = TASK["id"]
PROBLEM = {
    "type": "urn:skerry:problem:no-space",
    "title": "No space",
    "status": 507,
    "detail": "the pool is full",
    "code": "no-space",
    "hint": "make room",
    "errors": [],
}
FAILED = TASK | {"state": "failed", "error": PROBLEM, "not_undone": ["volume web1-0"]}


@pytest.fixture
def started(fake: Fake) -> Fake:
    """Starting web1 gives a task that runs."""
    fake.on("POST", "/vms/web1/actions", Reply(202, TASK))
    fake.on("GET", f"/tasks/{ID}", TASK)
    return fake


def test_a_command_ends_when_its_task_has(skerry: Skerry, started: Fake) -> None:
    started.tells([hello(), progress(TASK, 0.5), fact(DONE)])

    result = skerry("vm", "start", "web1")

    assert (result.status, result.out) == (0, "")
    assert result.err.startswith("Create web1: done (")
    assert started.got("POST", "/vms/web1/actions")[0].json == {"action": "start"}


def test_a_task_that_ended_before_the_stream_began_is_noticed(skerry: Skerry, started: Fake) -> None:
    started.on("GET", f"/tasks/{ID}", DONE)
    started.tells([hello()])

    assert skerry("vm", "start", "web1").status == 0


def test_a_task_that_has_ended_already_is_not_followed(skerry: Skerry, started: Fake) -> None:
    started.on("POST", "/vms/web1/actions", Reply(202, DONE))

    assert skerry("vm", "start", "web1").status == 0
    assert not started.got("GET", "/events")


def test_facts_about_other_tasks_are_not_taken_for_ours(skerry: Skerry, started: Fake) -> None:
    started.tells([hello(), fact(DONE | {"id": "other"}), fact(FAILED)])

    assert skerry("vm", "start", "web1").status == 1


def test_a_failed_task_is_told_with_its_hint_and_what_is_left_behind(skerry: Skerry, started: Fake) -> None:
    started.tells([hello(), fact(FAILED)])

    result = skerry("vm", "start", "web1")

    assert result.status == 1
    assert result.err == ("error: Create web1: the pool is full\n  left behind: volume web1-0\nhint: make room\n")


def test_the_exit_status_follows_the_problem_of_the_task(skerry: Skerry, started: Fake) -> None:
    taken = PROBLEM | {"code": "name-taken", "status": 409}
    started.tells([hello(), fact(TASK | {"state": "failed", "error": taken})])

    assert skerry("vm", "start", "web1").status == 6


def test_a_cancelled_task_is_a_failure(skerry: Skerry, started: Fake) -> None:
    started.tells([hello(), fact(TASK | {"state": "cancelled", "error": PROBLEM | {"code": "cancelled"}})])

    result = skerry("vm", "start", "web1")

    assert result.status == 1
    assert "Create web1: cancelled" in result.err


def test_a_broken_stream_goes_on_where_it_was(skerry: Skerry, started: Fake) -> None:
    started.tells([hello("e:7"), fact({"id": "x"}, "e:9"), BREAK], [fact(DONE, "e:10")])

    assert skerry("vm", "start", "web1").status == 0
    again = started.got("GET", "/events")[1]
    assert again.headers["last-event-id"] == "e:9"


def test_after_a_reset_the_task_is_asked_for_anew(skerry: Skerry, started: Fake) -> None:
    started.on("GET", f"/tasks/{ID}", TASK, DONE)
    started.tells([hello(), BREAK], [reset()])

    assert skerry("vm", "start", "web1").status == 0


def test_a_server_that_is_away_for_a_while_is_waited_for(skerry: Skerry, started: Fake) -> None:
    away = Reply(502, b"<html>", "text/html")
    started.on("GET", "/events", away, Reply(200, hello() + BREAK, "text/event-stream"))
    started.on("GET", f"/tasks/{ID}", away, DONE)

    assert skerry("vm", "start", "web1").status == 0
    assert len(started.got("GET", f"/tasks/{ID}")) == 2


def test_nothing_is_polled(skerry: Skerry, started: Fake) -> None:
    started.tells([hello(), *[progress(TASK, share / 10) for share in range(10)], fact(DONE)])

    skerry("vm", "start", "web1")

    assert len(started.got("GET", f"/tasks/{ID}")) == 1


def test_with_json_the_ended_task_is_printed(skerry: Skerry, started: Fake) -> None:
    started.tells([hello(), fact(DONE)])

    result = skerry("vm", "start", "web1", "--json")

    assert result.json["state"] == "succeeded"
    assert result.err == ""


def test_with_json_a_failed_task_is_printed_as_well(skerry: Skerry, started: Fake) -> None:
    started.tells([hello(), fact(FAILED)])

    result = skerry("vm", "start", "web1", "--json")

    assert result.status == 1
    assert result.json["state"] == "failed"


def test_no_wait_prints_the_id_of_the_task(skerry: Skerry, started: Fake) -> None:
    result = skerry("vm", "start", "web1", "--no-wait")

    assert (result.status, result.out) == (0, f"{ID}\n")
    assert f"skerry task wait {ID}" in result.err
    assert not started.got("GET", "/events")


def test_several_machines_are_followed_at_once(skerry: Skerry, started: Fake) -> None:
    second = TASK | {"id": "t2", "title": "Start web2"}
    started.on("POST", "/vms/web2/actions", Reply(202, second))
    started.on("GET", "/tasks/t2", second)
    started.tells([hello(), fact(second | {"state": "succeeded"}), fact(DONE)])

    result = skerry("vm", "start", "web1", "web2", "--json")

    assert [task["id"] for task in result.json] == [ID, "t2"]


def test_a_machine_that_refuses_does_not_keep_the_others(skerry: Skerry, started: Fake) -> None:
    started.on("POST", "/vms/web0/actions", problem("invalid-state", 409, "web0 runs already"))
    started.tells([hello(), fact(DONE)])

    result = skerry("vm", "start", "web0", "web1")

    assert result.status == 6
    assert "Create web1: done" in result.err
    assert "error: web0 runs already" in result.err


def test_ctrl_c_leaves_the_task_running_and_says_how_to_go_on(skerry: Skerry, started: Fake) -> None:
    def interrupt(request: Request) -> Reply:
        os.kill(os.getpid(), signal.SIGINT)
        return Reply(body=TASK)

    started.on("GET", f"/tasks/{ID}", interrupt)
    started.tells([hello()])

    result = skerry("vm", "start", "web1")

    assert result.status == 130
    assert f"skerry task wait {ID}" in result.err
    assert f"skerry task cancel {ID}" in result.err
    assert not started.got("POST", f"/tasks/{ID}/cancel")


def test_task_ls_shows_the_newest(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/tasks", page([TASK, DONE]))

    lines = skerry("task", "ls").out.splitlines()

    assert lines[0].split() == ["ID", "STATE", "TITLE", "PROGRESS", "USER", "CREATED", "TOOK"]
    assert "40 %" in lines[1]


def test_task_ls_of_a_machine_asks_by_its_id(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/vms/web1", VM)
    fake.on("GET", "/tasks", page([]))

    skerry("task", "ls", "--vm", "web1", "--state", "failed")

    assert fake.got("GET", "/tasks")[0].query == {"object": VM["id"], "state": "failed", "limit": "30"}


def test_task_show_tells_the_error(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", f"/tasks/{ID}", FAILED)

    out = skerry("task", "show", ID).out

    assert "Error:       the pool is full\n" in out
    assert "Left behind: volume web1-0\n" in out


def test_task_log_prints_all_pages(skerry: Skerry, fake: Fake) -> None:
    line = example("TaskLogLine")
    fake.on(
        "GET",
        f"/tasks/{ID}/log",
        page([line | {"number": 1, "text": "one"}]),
        page([line | {"number": 2, "text": "two"}]),
        page([]),
    )

    out = skerry("task", "log", ID).out

    assert [row.split("  ")[1] for row in out.splitlines()] == ["one", "two"]
    assert [request.query["after"] for request in fake.requests] == ["0", "1", "2"]


def test_task_log_follow_goes_on_to_the_end(skerry: Skerry, fake: Fake) -> None:
    line = example("TaskLogLine")
    first, second = (line | {"number": number, "text": f"line {number}"} for number in (1, 2))
    fake.on("GET", f"/tasks/{ID}", TASK)
    fake.on("GET", f"/tasks/{ID}/log", page([first]), page([]), page([second]), page([]))
    fake.tells([hello(), fact(DONE)])

    assert "line 1\n" in (out := skerry("task", "log", ID, "--follow").out)
    assert out.endswith("line 2\n")


def test_cancel_waits_until_the_task_is_undone(skerry: Skerry, fake: Fake) -> None:
    cancelled = TASK | {"state": "cancelled"}
    fake.on("POST", f"/tasks/{ID}/cancel", Reply(202, TASK))
    fake.on("GET", f"/tasks/{ID}", TASK)
    fake.tells([hello(), fact(cancelled)])

    result = skerry("task", "cancel", ID)

    assert (result.status, result.err) == (0, "Create web1: cancelled\n")


def test_a_task_that_ended_before_it_was_cancelled_is_told(skerry: Skerry, fake: Fake) -> None:
    fake.on("POST", f"/tasks/{ID}/cancel", Reply(202, DONE))

    result = skerry("task", "cancel", ID)

    assert result.status == 1
    assert "too late for: Create web1 (succeeded)" in result.err


def test_events_are_followed_as_lines_of_json(skerry: Skerry, fake: Fake) -> None:
    removed = fact({"id": VM["id"]}, "e:8", "vm.removed")
    fake.tells([hello(), fact(VM, "e:9", "vm.changed"), removed, BREAK])

    result = skerry("event", "follow", "--json", "--kind", "vm.changed")

    assert result.status == 4
    assert result.json["kind"] == "vm.changed"


def test_event_ls_shows_what_happened(skerry: Skerry, fake: Fake) -> None:
    fake.on("GET", "/facts", page([example("Fact")]))

    result = skerry("event", "ls", "--limit", 5)

    assert "web1 was deleted" in result.out
    assert fake.requests[0].query == {"limit": "5"}
