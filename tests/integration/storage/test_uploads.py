"""Uploads that grow, break off, go on, and get old."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.errors import BadInput, Conflict, InUse, NoSpace, TooLarge
from skerry.storage.uploads import Uploads


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path, limit=100)


async def sent(uploads: Uploads, data: bytes, *, offset: int = 0) -> None:
    stream = uploads.open("one", offset)
    await stream.write(data)
    await stream.finish()
    assert await stream.read() == b""
    await stream.close()


async def test_what_is_sent_is_there(uploads: Uploads) -> None:
    await sent(uploads, b"abc")

    assert uploads.size("one") == 3
    assert uploads.path("one").read_bytes() == b"abc"


async def test_a_broken_upload_goes_on_where_it_was(uploads: Uploads) -> None:
    stream = uploads.open("one", 0)
    await stream.write(b"abcd")
    await stream.close()
    await stream.close()

    await sent(uploads, b"DEF", offset=3)

    assert uploads.path("one").read_bytes() == b"abcDEF"


async def test_the_end_is_told_only_after_the_sender_finished(uploads: Uploads) -> None:
    stream = uploads.open("one", 0)
    end = asyncio.create_task(stream.read())
    await stream.write(b"abc")
    assert not end.done()

    await stream.finish()

    assert await end == b""
    await stream.close()


async def test_an_upload_cannot_go_on_past_its_end(uploads: Uploads) -> None:
    with pytest.raises(Conflict, match="has 0 bytes, not 5"):
        uploads.open("one", 5)


async def test_an_upload_has_one_sender(uploads: Uploads) -> None:
    stream = uploads.open("one", 0)

    with pytest.raises(InUse, match="another connection"):
        uploads.open("one", 0)
    with pytest.raises(InUse, match="being sent"):
        uploads.delete("one")

    await stream.close()
    uploads.delete("one")
    uploads.delete("one")
    assert uploads.size("one") == 0


async def test_an_upload_that_is_read_stays_as_it_is_and_is_gone_afterwards(uploads: Uploads) -> None:
    await sent(uploads, b"abc")

    with uploads.hold("one") as path:
        assert path.read_bytes() == b"abc"
        with pytest.raises(InUse, match="another connection"):
            uploads.open("one", 0)

    assert uploads.size("one") == 0


async def test_an_upload_that_could_not_be_read_stays(uploads: Uploads) -> None:
    await sent(uploads, b"abc")

    with pytest.raises(Conflict, match="not that one"), uploads.hold("one"):
        raise Conflict("not that one")

    await sent(uploads, b"d", offset=3)
    assert uploads.size("one") == 4


async def test_an_upload_has_a_limit(uploads: Uploads) -> None:
    stream = uploads.open("one", 0)
    await stream.write(b"x" * 100)

    with pytest.raises(TooLarge, match="100 B"):
        await stream.write(b"x")
    await stream.close()


@pytest.mark.parametrize("upload", ["", "..", "../x", "a/b", "a.b", "x" * 65, "ü"])
def test_an_id_cannot_leave_the_folder(uploads: Uploads, upload: str) -> None:
    with pytest.raises(BadInput, match="not an id"):
        uploads.open(upload, 0)


async def test_stale_uploads_are_removed(uploads: Uploads) -> None:
    await sent(uploads, b"abc")
    assert uploads.remove_stale() == []

    os.utime(uploads.path("one"), (0, 0))

    assert uploads.remove_stale() == ["one"]
    assert uploads.size("one") == 0


@pytest.fixture
def full_folder(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_is_said(full_folder: Path) -> None:
    stream = Uploads(full_folder).open("one", 0)

    with pytest.raises(NoSpace, match="the upload one cannot be written"):
        await stream.write(bytes(2 * 1024**2))
    await stream.close()
