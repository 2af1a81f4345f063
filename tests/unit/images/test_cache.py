"""The cache: entries that appear whole, or not at all."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from skerry.commands import Arg, CommandRunner, Output
from skerry.errors import HostError, NoSpace, Unavailable
from skerry.images.cache import Cache, Make, Workspace, key_of, scratch_of
from skerry.images.folders import mounts_below

KEY = "0" * 32


@pytest.fixture
async def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache", 10_000, CommandRunner())
    await cache.prepare()
    return cache


async def fill(_workspace: Workspace, folder: Path) -> None:
    (folder / "file").write_bytes(bytes(4096))


async def must_not_run(_workspace: Workspace, _folder: Path) -> None:
    raise AssertionError("the entry was there already")


def rubbish(cache: Cache) -> list[str]:
    return [path.name for path in (cache.root / "tmp").iterdir()]


def test_a_key_follows_from_all_parts() -> None:
    assert key_of({"b": 1, "a": (2,)}, "x") == key_of({"a": [2], "b": 1}, "x")
    assert len({key_of(1), key_of("1"), key_of(1, 2), key_of([1, 2])}) == 4


async def test_an_entry_is_made_once(cache: Cache) -> None:
    async with cache.use("root", KEY, fill) as entry:
        assert (entry / "file").stat().st_size == 4096
    async with cache.use("root", KEY, must_not_run) as entry:
        assert cache.has("root", KEY)

    assert rubbish(cache) == []


async def test_other_users_cannot_list_what_there_is(cache: Cache) -> None:
    assert {path.name: path.stat().st_mode & 0o044 for path in cache.root.iterdir()} == {
        "entries": 0,
        "locks": 0,
        "tmp": 0,
    }


async def test_an_entry_that_cannot_be_made_is_not_there(cache: Cache) -> None:
    async def fail(workspace: Workspace, folder: Path) -> None:
        await fill(workspace, folder)
        raise HostError("the mirror went away")

    with pytest.raises(HostError):
        async with cache.use("root", KEY, fail):
            pass

    assert not cache.has("root", KEY)
    assert rubbish(cache) == []


async def test_two_at_once_make_it_once(tmp_path: Path, cache: Cache) -> None:
    made = []
    other = Cache(cache.root, cache.limit, CommandRunner())

    async def slow(workspace: Workspace, folder: Path) -> None:
        made.append(1)
        await asyncio.sleep(0)
        await fill(workspace, folder)

    async def use(which: Cache) -> bytes:
        async with which.use("root", KEY, slow) as entry:
            return (entry / "file").read_bytes()

    first, second = await asyncio.gather(use(cache), use(other))

    assert first == second
    assert len(made) == 1


async def test_a_cancelled_build_leaves_nothing(cache: Cache) -> None:
    begun = asyncio.Event()

    async def wait(workspace: Workspace, folder: Path) -> None:
        await fill(workspace, folder)
        begun.set()
        await asyncio.Event().wait()

    async def use() -> None:
        async with cache.use("root", KEY, wait):
            pass

    task = asyncio.create_task(use())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not cache.has("root", KEY)
    assert rubbish(cache) == []


async def test_what_a_killed_build_left_is_removed(cache: Cache) -> None:
    left = cache.root / "tmp/left"
    left.mkdir()
    (left / "file").touch()
    left.with_suffix(".lock").touch()

    await cache.prepare()

    assert rubbish(cache) == []


async def test_what_somebody_works_in_is_not_removed(cache: Cache) -> None:
    async with cache.workspace() as workspace:
        await Cache(cache.root, cache.limit, CommandRunner()).prepare()
        assert workspace.path.is_dir()

    assert rubbish(cache) == []


async def test_a_program_that_outlives_its_build_keeps_the_workspace(cache: Cache) -> None:
    """The lock is the open file's, so a child that inherited it holds it."""
    left = cache.root / "tmp/left"
    left.mkdir()
    lock = os.open(left.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, pass_fds=[lock])
    os.close(lock)

    await cache.prepare()
    assert left.is_dir()

    await child.communicate(b"")
    await cache.prepare()
    assert not left.exists()


async def test_without_root_foreign_files_are_removed_in_a_namespace(tmp_path: Path) -> None:
    """The installer's files belong to users whom only a namespace can be."""
    ran: list[list[str]] = []

    class Recorder(CommandRunner):
        async def run(self, argv: Sequence[Arg], **_options: Any) -> Output:
            ran.append([str(word) for word in argv])
            return Output(0, "", "")

    cache = Cache(tmp_path / "cache", 10_000, Recorder())
    await cache.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.geteuid", lambda: 1000)
        patch.setenv("TMPDIR", str(tmp_path))
        async with cache.workspace() as workspace:
            patch.setattr("skerry.images.cache.remove_tree", _refuse)

    remove = ["rm", "-rf", "--one-file-system"]
    enter = ["unshare", "--user", "--map-auto", "--map-root-user"]
    assert [argv for argv in ran if argv[0] != "chattr"] == [
        command
        for folder in {workspace.path, workspace.scratch.parent}
        for command in ([*remove, str(folder)], [*enter, *remove, str(folder)])
    ]


async def test_each_workspace_begins_in_a_part_of_the_disk_of_its_own(tmp_path: Path) -> None:
    """Where so many files were just removed, ext4 is slow to make as many."""
    ran: list[list[str]] = []

    class WithoutThatFlag(CommandRunner):
        async def run(self, argv: Sequence[Arg], **options: Any) -> Output:
            ran.append([str(word) for word in argv])
            return Output(1, "", "") if 1 in options.get("ok", ()) else Output(0, "", "")

    cache = Cache(tmp_path / "cache", 10_000, WithoutThatFlag())
    await cache.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.geteuid", lambda: 1000)
        patch.setenv("TMPDIR", str(tmp_path))
        async with cache.workspace() as workspace:
            assert workspace.scratch.is_dir()

    spread = [argv[-1] for argv in ran if argv[0] == "chattr"]
    assert spread == [str(cache.root / "tmp"), str(workspace.scratch.parent)]


async def test_the_next_step_need_not_wait_until_a_workspace_is_gone(cache: Cache) -> None:
    async with cache.removing_beside():
        async with cache.workspace() as workspace:
            (workspace.path / "file").touch()
        assert workspace.path.exists()

    assert rubbish(cache) == []


async def test_nothing_is_left_when_a_later_step_fails(cache: Cache) -> None:
    async def build() -> None:
        async with cache.removing_beside():
            async with cache.workspace() as workspace:
                (workspace.path / "file").touch()
            raise HostError("a later step")

    with pytest.raises(HostError):
        await build()

    assert rubbish(cache) == []


def _refuse(_path: Path) -> None:
    raise PermissionError


def test_scratch_is_in_the_workspace_only_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/large")

    assert scratch_of(Path("/c/tmp/ab"), 0) == Path("/c/tmp/ab")
    assert scratch_of(Path("/c/tmp/ab"), 7) == Path("/large/skerry-7-ab")


async def test_trimming_drops_what_was_not_used_longest(cache: Cache) -> None:
    for number in range(3):
        async with cache.use("root", str(number) * 32, fill) as entry:
            pass
        os.utime(entry, (number, number))
    cache.limit = 2 * 9000  # an entry is a folder and a file, 4096 bytes each

    await cache.trim()

    assert [cache.has("root", str(number) * 32) for number in range(3)] == [False, True, True]
    assert rubbish(cache) == []


async def test_trimming_leaves_what_is_in_use(cache: Cache) -> None:
    cache.limit = 0
    async with cache.use("root", KEY, fill) as entry:
        await cache.trim()
        assert (entry / "file").exists()

    await cache.trim()
    assert not cache.has("root", KEY)


async def test_a_cache_that_is_deleted_while_an_entry_is_made_says_so(cache: Cache) -> None:
    async def deleted(workspace: Workspace, folder: Path) -> None:
        shutil.rmtree(cache.root)
        await fill(workspace, folder)

    with pytest.raises(Unavailable, match="was deleted while it was in use"):
        async with cache.use("root", KEY, deleted):
            pass

    async with cache.use("root", KEY, fill) as entry:
        assert (entry / "file").exists()


async def test_a_cache_that_is_deleted_while_an_entry_is_read_says_so(cache: Cache) -> None:
    async def read() -> None:
        async with cache.use("root", KEY, fill) as entry:
            shutil.rmtree(cache.root)
            (entry / "file").read_bytes()

    with pytest.raises(Unavailable, match="was deleted while it was in use"):
        await read()


async def test_deleting_the_locks_lets_two_make_one_entry_and_both_have_it(cache: Cache) -> None:
    async def slow(workspace: Workspace, folder: Path) -> None:
        shutil.rmtree(cache.root / "locks")
        async with cache.use("root", KEY, fill):
            await fill(workspace, folder)

    async with cache.use("root", KEY, slow) as entry:
        assert (entry / "file").exists()
    assert rubbish(cache) == []


async def test_what_was_used_lately_is_kept_when_old_things_go(cache: Cache) -> None:
    for number in range(2):
        async with cache.use("root", f"{number:032}", fill) as entry:
            pass
        os.utime(entry, (number * 1000, number * 1000))

    await cache.trim(limit=0, unused_since=500)

    assert [path.name for path in (cache.root / "entries").iterdir()] == [f"root-{1:032}"]


async def _full_for_us(_workspace: Workspace, _folder: Path) -> None:
    Path("/dev/full").write_bytes(b"x")


async def _full_for_a_program(_workspace: Workspace, _folder: Path) -> None:
    await CommandRunner().run(["dd", "if=/dev/zero", "of=/dev/full", "count=1"])


@pytest.mark.parametrize("full", [_full_for_us, _full_for_a_program])
async def test_a_full_disk_says_what_to_do(cache: Cache, full: Make) -> None:
    with pytest.raises(NoSpace) as caught:
        async with cache.use("root", KEY, full):
            pass

    assert "SKERRY_IMAGE_CACHE" in (caught.value.hint or "")
    assert not cache.has("root", KEY)


async def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable) as caught:
        await Cache(tmp_path / "file/cache", 1, CommandRunner()).prepare()

    assert "SKERRY_IMAGE_CACHE" in (caught.value.hint or "")


async def test_the_whole_cache_may_be_deleted(cache: Cache) -> None:
    async with cache.use("root", KEY, fill):
        pass
    await CommandRunner().run(["rm", "-rf", cache.root])

    await cache.prepare()
    async with cache.use("root", KEY, fill) as entry:
        assert (entry / "file").exists()


def test_what_is_mounted_in_a_folder_is_found_deepest_first() -> None:
    table = (
        "22 1 0:20 / /cache/tmp/a/root/proc ro shared:1 - proc proc ro\n"
        "23 1 0:21 / /cache/tmp/a/root/proc/deep\\040er rw - tmpfs none rw\n"
        "24 1 0:22 / /cache/tmp/ab rw - tmpfs none rw\n"
    )

    found = mounts_below(Path("/cache/tmp/a"), table)

    assert found == [Path("/cache/tmp/a/root/proc/deep er"), Path("/cache/tmp/a/root/proc")]


async def test_a_mount_that_was_left_is_taken_away_and_never_emptied(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 1 << 20, CommandRunner())
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").touch()
    await cache.prepare()
    async with cache.workspace() as workspace:
        (workspace.path / "root").mkdir()
        await CommandRunner().run(["mount", "--bind", theirs, workspace.path / "root"])

    assert (theirs / "file").exists()
    assert not workspace.path.exists()
