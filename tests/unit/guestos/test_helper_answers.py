"""What comes from the helper machine is what a stranger's file system made of it: it is held within bounds."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections import deque

import pytest

from skerry.commands import Output
from skerry.errors import CommandFailed, HostError
from skerry.guestos.ext_files import MOST
from skerry.guestos.helper_vm import Helper
from skerry.guestos.renaming import files_of


def tar_of(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.type = len(content), kind
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def test_only_what_was_asked_for_is_taken() -> None:
    tar = tar_of(("etc/hostname", b"web\n"), ("etc/shadow", b"secret"), ("../etc/hosts", b"no"))

    assert files_of(tar, ["/etc/hostname", "/etc/hosts"]) == {"/etc/hostname": b"web\n"}


def test_no_file_is_larger_than_what_was_asked_for() -> None:
    assert files_of(tar_of(("etc/hostname", bytes(MOST + 1))), ["/etc/hostname"]) == {}


def test_what_is_no_tar_is_an_error_and_no_traceback() -> None:
    with pytest.raises(HostError, match="nonsense"):
        files_of(b"x" * 2000, ["/etc/hostname"])


class Guest:
    """The other end of the port."""

    def __init__(self, answer: bytes, ended: asyncio.Task[Output]) -> None:
        self.reader = asyncio.StreamReader()
        self.reader.feed_data(answer)
        self.reader.feed_eof()
        self.said: list[bytes] = []
        self.helper = Helper(self.reader, self, ended, deque(["Kernel panic"]))  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        self.said.append(data)

    async def drain(self) -> None:
        pass


async def ask(answer: bytes) -> bytes:
    async def running() -> Output:
        await asyncio.Event().wait()
        return Output(0, "", "")

    ended = asyncio.create_task(running())
    try:
        return await Guest(answer, ended).helper.run("true")
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)


async def test_an_answer_is_standard_output() -> None:
    assert await ask(b"answer 0 4 3\nwordbad") == b"word"


async def test_a_script_that_fails_is_told_in_its_own_words() -> None:
    with pytest.raises(CommandFailed, match="could not do it: bad"):
        await ask(b"answer 1 0 3\nbad")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\n",
        b"answer a b c\n",
        b"answer 0 -5 5\n",
        b"answer 0 99999999999 0\n",
        b"answer 0 10 0\nshort",
    ],
)
async def test_an_answer_out_of_bounds_is_an_error(answer: bytes) -> None:
    with pytest.raises(HostError, match="helper machine"):
        await ask(answer)
