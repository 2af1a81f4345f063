"""What only shows on a terminal: drawn tables, bars, questions, consoles. The terminal is a real one (a pty)."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.terminal import Open, terminals
from tests.integration.cli.conftest import output_of
from tests.integration.cli.fake_server import (
    DONE,
    IMAGE,
    TASK,
    VM,
    Fake,
    Reply,
    Request,
    fact,
    hello,
    page,
    problem,
)


@pytest.fixture
def terminal(command: list[str]) -> Iterator[Open]:
    """Starts the program on a terminal of 100 columns."""
    with terminals(command) as start:
        yield start


def test_a_table_is_drawn_and_says_the_same_in_words(terminal: Open, fake: Fake) -> None:
    fake.on("GET", "/vms", page([VM]))

    drawn = terminal("vm", "ls")
    drawn.expect(b"rack1-a")

    assert drawn.end() == 0
    assert b"\x1b[32mrunning" in drawn.seen


def test_no_color_leaves_the_colours_out(terminal: Open, fake: Fake) -> None:
    fake.on("GET", "/vms", page([VM]))

    drawn = terminal("vm", "ls", NO_COLOR="1")
    drawn.expect(b"rack1-a")

    assert b"\x1b[32m" not in drawn.seen


def test_a_task_is_followed_with_a_bar(terminal: Open, fake: Fake) -> None:
    fake.on("POST", "/vms/web1/actions", Reply(202, TASK))
    fake.on("GET", f"/tasks/{TASK['id']}", TASK)
    fake.tells([hello()], [fact(DONE)])

    drawn = terminal("vm", "start", "web1")
    drawn.expect(b"2/4 Clone the disk")
    fake.ends_streams()

    drawn.expect(b"Create web1: done")
    assert drawn.end() == 0


def test_ctrl_c_takes_the_bar_away_and_leaves_the_task(terminal: Open, fake: Fake) -> None:
    fake.on("POST", "/vms/web1/actions", Reply(202, TASK))
    fake.on("GET", f"/tasks/{TASK['id']}", TASK)
    fake.tells([hello()])

    drawn = terminal("vm", "start", "web1")
    drawn.expect(b"2/4 Clone the disk")
    os.killpg(drawn.process.pid, signal.SIGINT)

    drawn.expect(b"skerry task cancel")
    assert drawn.end() == 130


def test_a_question_is_answered_with_no(terminal: Open, fake: Fake) -> None:
    asked = terminal("vm", "delete", "web1")
    asked.expect(b"Delete web1, with all their disks? [y/N]")
    asked.type(b"\n")

    assert asked.end() == 130
    assert not fake.requests


def test_a_question_is_answered_with_yes(terminal: Open, fake: Fake) -> None:
    fake.on("DELETE", "/vms/web1", Reply(202, DONE))

    asked = terminal("vm", "delete", "web1")
    asked.expect(b"[y/N]")
    asked.type(b"y\n")

    assert asked.end() == 0


def test_login_shows_the_certificate_asks_and_takes_the_password_unseen(
    terminal: Open, fake: Fake, home: Path
) -> None:
    (home / "config" / "skerry" / "login.json").unlink()
    fake.on("POST", "/sessions", Reply(201, {"csrf_token": "csrf"}))
    fake.on("POST", "/tokens", Reply(201, {"secret": "new-token", "id": "t2"}))
    fake.on("DELETE", "/sessions/current", Reply(204))

    asked = terminal("login", fake.url)
    asked.expect(b"Is it the one that skerry up printed on that server? [y/N]")
    assert not fake.requests
    asked.type(b"y\n")
    asked.expect(b"User [admin]")
    asked.type(b"ann\n")
    asked.expect(b"Password of ann:")
    asked.type(b"right\n")

    assert asked.end() == 0
    assert b"right" not in asked.seen
    assert fake.got("POST", "/sessions")[0].json == {"user": "ann", "password": "right"}


# ---- definitions


XML = "<domain>\n  <name>web1</name>\n</domain>\n"
WHERE = "/vms/web1/definition"


@pytest.fixture
def editor(tmp_path: Path) -> str:
    """Makes web1 web2, then web2 web3, and so on."""
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nfor n in 3 2 1; do sed -i s/web$n/web$((n+1))/ "$1"; done\n')
    script.chmod(0o755)
    return str(script)


def test_after_a_conflict_the_person_goes_on_with_their_own_text(terminal: Open, fake: Fake, editor: str) -> None:
    theirs = {"xml": XML.replace("</domain>", "  <uuid/>\n</domain>"), "etag": "e2"}
    fake.on("GET", WHERE, {"xml": XML, "etag": "e1"}, theirs)
    fake.on("POST", f"{WHERE}/check", lambda request: {"xml": request.json["xml"], "etag": ""})
    saved = {"xml": "", "etag": "e3"}
    fake.on("PUT", WHERE, problem("changed", 412, "web1 changed since it was read"), saved)

    asked = terminal("vm", "edit", "web1", VISUAL=editor)
    asked.expect(b"Save it? [yes, edit, quit]")
    asked.type(b"yes\n")
    asked.expect(b"Edit it again? [Y/n]")
    assert b"somebody changed it meanwhile" in asked.seen
    assert b"<uuid/>" in asked.seen
    asked.type(b"y\n")
    asked.expect(b"web3")
    asked.seen = asked.seen.partition(b"web3")[2]
    asked.expect(b"Save it?")
    asked.type(b"yes\n")

    assert asked.end() == 0
    first, second = fake.got("PUT", WHERE)
    assert (first.headers["if-match"], second.headers["if-match"]) == ('"e1"', '"e2"')
    assert second.json == {"xml": XML.replace("web1", "web3")}


def test_a_mistake_can_be_put_right(terminal: Open, fake: Fake, editor: str) -> None:
    fake.on("GET", WHERE, {"xml": XML, "etag": "e1"})
    bad = problem("bad-definition", 422, "there is no element nmae")
    fake.on("POST", f"{WHERE}/check", bad, {"xml": XML.replace("web1", "web3"), "etag": ""})
    fake.on("PUT", WHERE, {"xml": XML, "etag": "e2"})

    asked = terminal("vm", "edit", "web1", "--yes", VISUAL=editor)
    asked.expect(b"there is no element nmae")
    asked.type(b"\n")

    asked.expect(b"saved")
    assert asked.end() == 0


# ---- consoles


@pytest.fixture
def console(fake: Fake) -> Fake:
    """A console that says a line, and answers in capitals."""

    def ticket(request: Request) -> Reply:
        return Reply(201, {"ticket": "t", "path": "/api/v1/consoles/t", "expires_at": "2030-01-01T00:00:00Z"})

    fake.on("POST", "/vms/web1/consoles", ticket)
    fake.console_says = [b"Debian GNU/Linux\r\n", b"login: "]
    return fake


def test_the_console_takes_every_key_but_the_one_that_leaves(terminal: Open, console: Fake) -> None:
    screen = terminal("vm", "console", "web1")
    screen.expect(b"login: ")
    before = console.got("POST", "/vms/web1/consoles")[0].json
    screen.type(b"root\r\x03\x1a")
    screen.expect(b"ROOT\r\x03\x1a")
    screen.type(b"last\x1dnever")

    assert screen.end() == 0
    assert before == {"kind": "serial"}
    assert b"".join(console.typed) == b"root\r\x03\x1alast"
    assert b"left the console of web1" in screen.seen


def test_the_terminal_is_as_it_was_when_the_person_leaves(terminal: Open, console: Fake) -> None:
    screen = terminal("vm", "console", "web1")
    before = screen.modes()
    screen.expect(b"login: ")
    assert screen.modes() != before
    screen.type(b"\x1d")

    assert screen.end() == 0
    assert screen.modes() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_as_it_was_when_the_program_is_ended(
    terminal: Open, console: Fake, number: signal.Signals
) -> None:
    screen = terminal("vm", "console", "web1")
    before = screen.modes()
    screen.expect(b"login: ")
    screen.process.send_signal(number)

    assert screen.end() == 128 + number
    assert screen.modes() == before


def test_the_terminal_is_as_it_was_when_the_console_closes(terminal: Open, console: Fake) -> None:
    screen = terminal("vm", "console", "web1")
    before = screen.modes()
    screen.expect(b"login: ")
    screen.type(b"\x04")

    screen.expect(b"the console of web1 was closed")
    assert screen.end() == 0
    assert screen.modes() == before


def test_a_console_that_breaks_off_says_why(terminal: Open, console: Fake) -> None:
    console.console_ends = (1011, "the host is gone")
    screen = terminal("vm", "console", "web1")
    screen.expect(b"login: ")
    screen.type(b"\x04")

    screen.expect(b"the console of web1 broke off: the host is gone")
    assert screen.end() == 5


def test_another_key_can_leave(terminal: Open, console: Fake) -> None:
    screen = terminal("vm", "console", "web1", "--escape", "^A")
    screen.expect(b"login: ")
    screen.type(b"\x1d\x01")

    assert screen.end() == 0
    assert b"".join(console.typed) == b"\x1d"


def test_a_console_works_in_a_pipe(command: list[str], console: Fake) -> None:
    result = output_of([*command, "vm", "console", "web1"], input="hello\x1d\x04")

    assert result.returncode == 0
    assert result.stdout.startswith("Debian GNU/Linux\n")
    assert "HELLO\x1d" in result.stdout


def test_a_large_paste_and_its_echo_do_not_wait_for_each_other(command: list[str], console: Fake) -> None:
    paste = "x" * 3_000_000

    result = output_of([*command, "vm", "console", "web1"], input=paste + "\x04")

    assert result.returncode == 0
    assert result.stdout.count("X") == len(paste)


def test_a_console_of_a_stopped_machine_is_refused(command: list[str], fake: Fake) -> None:
    fake.on("POST", "/vms/web1/consoles", problem("invalid-state", 409, "web1 is stopped", "start it"))

    result = output_of([*command, "vm", "console", "web1"])

    assert (result.returncode, result.stderr) == (6, "error: web1 is stopped\nhint: start it\n")


def test_a_viewer_finds_the_screen_on_a_unix_socket(terminal: Open, console: Fake, tmp_path: Path) -> None:
    console.on("GET", "/vms/web1", VM)
    console.console_says = [b"RFB 003.008\n"]
    place = tmp_path / "screen"

    offered = terminal("vm", "console", "web1", "--graphics", "--socket", str(place))
    offered.expect(b"remote-viewer vnc+unix://")
    with socket.socket(socket.AF_UNIX) as viewer:
        viewer.connect(str(place))
        assert viewer.recv(12) == b"RFB 003.008\n"
        viewer.sendall(b"abc")
        assert viewer.recv(3) == b"ABC"
    assert console.got("POST", "/vms/web1/consoles")[0].json == {"kind": "graphics"}
    os.killpg(offered.process.pid, signal.SIGINT)

    assert offered.end() == 0
    assert not place.exists()


# ---- pipes


def test_a_reader_that_goes_away_is_no_error(command: list[str], fake: Fake) -> None:
    many = [VM | {"name": f"web{number}"} for number in range(5000)]
    fake.on("GET", "/vms", page(many))
    buffered = os.environ | {"PYTHONUNBUFFERED": ""}  # without a buffer Python does not notice half a write
    result = output_of(
        ["bash", "-c", '"$@" | head -1; echo ${PIPESTATUS[0]}', "-", *command, "vm", "ls"], env=buffered
    )

    assert result.stdout.split()[-1] == "141"
    assert result.stderr == ""


def test_the_completion_script_is_one_that_bash_takes(command: list[str]) -> None:
    script = output_of([*command, "completion", "bash"])

    assert script.returncode == 0
    checked = output_of(["bash", "-n"], input=script.stdout)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("skerry i", ["image"]),
        ("skerry vm sta", ["start"]),
        ("skerry vm start we", ["web1"]),
        ("skerry vm snapshot re", ["revert"]),
        ("skerry vm create x --templ", ["--template"]),
        ("skerry vm ls --state st", ["stopping", "stopped"]),
        ("skerry vm disk resize web1 v", ["vda"]),
        ("skerry vm snapshot revert web1 b", ["before-upgrade"]),
        ("skerry vm snapshot create web1 b", []),
        ("skerry task ls --kind vm", ["vm.create"]),
        ("skerry image delete a", [IMAGE["name"]]),
        ("skerry image build --output q", ["qcow2"]),
        ("skerry guest-os run any re", ["rename"]),
    ],
)
def test_the_shell_completes(command: list[str], fake: Fake, words: str, expected: list[str]) -> None:
    fake.on("GET", "/vms", page([VM]))
    fake.on("GET", "/vms/web1", VM)
    fake.on("GET", "/vms/web1/snapshots", {"items": [{"name": "before-upgrade"}]})
    fake.on("GET", "/tasks", page([TASK, TASK]))
    fake.on("GET", "/images", page([IMAGE]))
    position = str(len(words.split()) - 1)
    environment = os.environ | {"COMP_WORDS": words, "COMP_CWORD": position, "_SKERRY_COMPLETE": "complete_bash"}

    answer = output_of(command, env=environment)

    assert answer.stdout.split() == expected
