"""Who opens a serial console when, and what is shown first: with a libvirt that answers when it is told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

import libvirt
import pytest

from skerry.errors import InUse, TimedOut
from skerry.hypervisor.calls import CallPool
from skerry.hypervisor.connection import Hypervisor
from skerry.hypervisor.consoles import SerialConsoles, SerialStream

T = TypeVar("T")
ONE, TWO = UUID(int=1), UUID(int=2)


class Refusal(libvirt.libvirtError):  # type: ignore[misc]  # libvirt has no types
    """As libvirt refuses a second reader."""

    def get_error_message(self) -> str:
        return "operation failed: Active console session exists for this domain"


class Domain:
    """A running machine with a log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.reader: Stream | None = None
        self.answers = threading.Event()
        self.lets_go = threading.Event()
        self.answers.set()
        self.lets_go.set()

    def isActive(self) -> bool:  # noqa: N802 - libvirt's names
        return True

    def name(self) -> str:
        return "web1"

    def XMLDesc(self, _flags: int) -> str:  # noqa: N802
        return f"<domain><devices><serial type='pty'><log file='{self.log}'/></serial></devices></domain>"

    def openConsole(self, _device: None, stream: Stream, _flags: int) -> None:  # noqa: N802
        self.answers.wait(20)
        if self.reader is not None:
            raise Refusal("")
        self.reader, stream.domain = stream, self

    def say(self, data: bytes, *, log: bool = True) -> None:
        """To who reads now, and then to the log."""
        if self.reader is not None:
            self.reader.said.append(data)
            self.reader.tell(self.reader, libvirt.VIR_STREAM_EVENT_READABLE, None)
        if log:
            with self.log.open("ab") as file:
                file.write(data)


class Stream:
    """A stream of libvirt."""

    def __init__(self) -> None:
        self.domain: Domain | None = None
        self.said: list[bytes] = []
        self.tell: Callable[[Stream, int, object], None] = lambda *_arguments: None

    def eventAddCallback(self, _events: int, tell: Callable[[Stream, int, object], None], _opaque: object) -> None:  # noqa: N802
        self.tell = tell

    def eventRemoveCallback(self) -> None:  # noqa: N802
        pass

    def recv(self, _most: int) -> bytes:
        return self.said.pop(0)

    def abort(self) -> None:
        assert self.domain is not None
        self.domain.lets_go.wait(20)
        self.domain.reader = None


class Libvirt:
    """A connection, and what owns it."""

    def __init__(self, folder: Path) -> None:
        self.domains = {uuid: Domain(folder / f"{uuid}.log") for uuid in (ONE, TWO)}
        self.patience_s = 20.0
        self._pool = CallPool()

    async def call(self, fn: Callable[[Any], T], *, deadline_s: float = 30.0) -> T:
        return await self._pool.run(lambda: fn(self), deadline_s=min(deadline_s, self.patience_s))

    async def wait_lost(self) -> None:
        await asyncio.Event().wait()

    def lookupByUUID(self, uuid: bytes) -> Domain:  # noqa: N802
        return self.domains[UUID(bytes=uuid)]

    def newStream(self, _flags: int) -> Stream:  # noqa: N802
        return Stream()

    def close(self) -> None:
        for domain in self.domains.values():
            domain.answers.set()
            domain.lets_go.set()
        self._pool.close()


@pytest.fixture
def behind(tmp_path: Path) -> Libvirt:
    return Libvirt(tmp_path)


@pytest.fixture
async def consoles(behind: Libvirt) -> AsyncIterator[SerialConsoles]:
    consoles = SerialConsoles(cast("Hypervisor", behind))
    yield consoles
    behind.patience_s = 20.0
    await consoles.stop()
    behind.close()


async def shown(stream: SerialStream, size: int) -> bytes:
    """The next bytes."""
    got = b""
    async with asyncio.timeout(60):
        while len(got) < size:
            got += await stream.read()
    return got


async def test_the_second_viewer_sees_also_what_the_log_lacks_still(
    consoles: SerialConsoles, behind: Libvirt
) -> None:
    domain = behind.domains[ONE]
    domain.say(b"boot\r\n")
    first = await consoles.open(ONE)
    domain.say(b"log", log=True)
    domain.say(b"in: ", log=False)
    assert await shown(first, 13) == b"boot\r\nlogin: "

    second = await consoles.open(ONE)

    assert await shown(second, 13) == b"boot\r\nlogin: "
    domain.say(b"anna")
    assert await shown(first, 4) == await shown(second, 4) == b"anna"


async def test_what_the_guest_asked_its_terminal_is_not_asked_again(
    consoles: SerialConsoles, behind: Libvirt
) -> None:
    first = await consoles.open(ONE)
    behind.domains[ONE].say(b"a\x1b[6nb")
    assert await shown(first, 6) == b"a\x1b[6nb"

    second = await consoles.open(ONE)

    assert await shown(second, 2) == b"ab"


async def test_a_console_is_opened_again_when_it_is_closed_at_last(
    consoles: SerialConsoles, behind: Libvirt
) -> None:
    domain = behind.domains[ONE]
    domain.lets_go.clear()
    closing = asyncio.create_task((await consoles.open(ONE)).close())
    opening = asyncio.create_task(consoles.open(ONE))
    await asyncio.wait([closing, opening], timeout=0.1)

    domain.lets_go.set()

    again = await opening
    await closing
    domain.say(b"hello")
    assert await shown(again, 5) == b"hello"


async def test_a_console_that_somebody_opens_while_the_last_one_leaves_stays_open(
    consoles: SerialConsoles, behind: Libvirt
) -> None:
    first = await consoles.open(ONE)
    second, _ = await asyncio.gather(consoles.open(ONE), first.close())

    behind.domains[ONE].say(b"hello")

    assert await shown(second, 5) == b"hello"


async def test_a_machine_that_is_stuck_holds_up_nobody_elses_console(
    consoles: SerialConsoles, behind: Libvirt
) -> None:
    behind.domains[ONE].answers.clear()
    stuck = asyncio.create_task(consoles.open(ONE))
    await asyncio.sleep(0)

    other = await consoles.open(TWO)

    behind.domains[TWO].say(b"hello")
    assert await shown(other, 5) == b"hello"
    behind.domains[ONE].answers.set()
    await stuck


@pytest.mark.parametrize("how", ["cancelled", "too late"])
async def test_a_console_that_opens_when_nobody_wants_it_any_more_is_closed(
    consoles: SerialConsoles, behind: Libvirt, how: str
) -> None:
    domain = behind.domains[ONE]
    domain.answers.clear()
    if how == "cancelled":
        opening = asyncio.create_task(consoles.open(ONE))
        await asyncio.wait([opening], timeout=0.05)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    else:
        behind.patience_s = 0.05
        with pytest.raises(TimedOut):
            await consoles.open(ONE)
        behind.patience_s = 20.0

    domain.answers.set()

    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(InUse):
                again = await consoles.open(ONE)
                break
    domain.say(b"hello")
    assert await shown(again, 5) == b"hello"
