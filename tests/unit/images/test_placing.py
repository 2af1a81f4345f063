"""Copies of large files that are mostly empty, and how files come to their place."""

from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skerry.errors import Conflict, Denied, NoSpace, NotFound, SkerryError
from skerry.images.placing import (
    Placed,
    Source,
    alone_in,
    check_folder,
    check_replaced,
    copy_sparse,
    place,
    place_text,
)
from skerry.images.sums import sha256_of
from skerry.sizes import MIB


def test_a_copy_keeps_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(b"begin")
        file.seek(8 * MIB)
        file.write(b"middle")
        file.truncate(16 * MIB)
    with target.open("wb") as file:
        file.truncate(17 * MIB)
        copy_sparse(source, file.fileno(), MIB)

    data = target.read_bytes()
    assert data[MIB:] == source.read_bytes()
    assert target.stat().st_blocks * 512 < MIB


def test_a_part_of_a_file_can_be_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3 * MIB))
    with target.open("wb") as file:
        copy_sparse(source, file.fileno(), 512, begin=MIB, size=MIB)

    assert target.read_bytes() == bytes(512) + source.read_bytes()[MIB : 2 * MIB]


def test_a_copy_works_where_the_file_systems_cannot_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_words: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3 * MIB))
    with target.open("wb") as file:
        copy_sparse(source, file.fileno(), 512)

    assert target.read_bytes() == bytes(512) + source.read_bytes()


def test_the_hash_of_a_file_with_holes_is_that_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for begin, end in ((0, 0), (3 * MIB + 5, 9 * MIB + 1), (MIB, MIB + 3)):
        with file.open("wb") as target:
            target.seek(begin)
            target.write(b"data")
            target.truncate(max(end, begin + 4))

        assert sha256_of(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(b"")
    assert sha256_of(file) == hashlib.sha256(b"").hexdigest()


def test_what_is_in_place_is_not_copied_again_until_somebody_writes_to_it(tmp_path: Path) -> None:
    source, out, placed = tmp_path / "source", tmp_path / "out", Placed(tmp_path / "placed")
    source.write_bytes(b"disk")
    out.mkdir()
    sources = {"a.raw": Source(source, sha256_of(source))}
    place(sources, out, placed, {"sums": "x"})
    first = (out / "a.raw").stat()

    place(sources, out, placed, {})
    again = (out / "a.raw").stat()
    (out / "a.raw").write_bytes(b"booted")
    place(sources, out, placed, {})

    assert first.st_ino == again.st_ino
    assert (out / "a.raw").read_bytes() == b"disk"
    assert sorted(path.name for path in out.iterdir()) == ["a.raw", "sums"]


def folder_to_place(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "etc").mkdir(parents=True)
    (source / "etc/file").write_text("new")
    (source / "etc/file").chmod(0o4711)
    (source / "link").symlink_to("/nowhere")
    os.mkfifo(source / "pipe")
    return source


def test_folders_take_the_place_of_those_that_were_placed_before(tmp_path: Path) -> None:
    source, out, placed = folder_to_place(tmp_path), tmp_path / "out", Placed(tmp_path / "placed")
    out.mkdir()
    place({"a.dir": Source(source)}, out, placed, {})
    (out / "a.dir/old").touch()

    place({"a.dir": Source(source)}, out, placed, {})

    assert (out / "a.dir/etc/file").stat().st_mode & 0o7777 == 0o4711
    assert (out / "a.dir/link").readlink() == Path("/nowhere")
    assert (out / "a.dir/pipe").is_fifo()
    assert not (out / "a.dir/old").exists()
    assert [path.name for path in out.iterdir()] == ["a.dir"]


@pytest.mark.parametrize("name", ["web", "web.dir", "web.oci", "web.qcow2"])
def test_a_folder_that_was_not_placed_is_never_replaced(tmp_path: Path, name: str) -> None:
    source, out = folder_to_place(tmp_path), tmp_path / "out"
    (out / name).mkdir(parents=True)
    (out / name / "work").write_text("of a month")

    with pytest.raises(Conflict, match=f"{name} is a folder that no build"):
        place({"web.tar": Source(source / "etc/file"), name: Source(source)}, out, Placed(tmp_path / "placed"), {})

    assert (out / name / "work").read_text() == "of a month"
    assert [path.name for path in out.iterdir()] == [name]


def test_manifests_are_known_when_the_cache_was_deleted(tmp_path: Path) -> None:
    out, about = tmp_path / "out", tmp_path / "about"
    for folder in (out, about):
        folder.mkdir()
    (about / "sizes.json").write_text("{}")

    for cache in ("one", "other"):
        place({"a.manifests": Source(about)}, out, Placed(tmp_path / cache), {})

    assert [path.name for path in out.iterdir()] == ["a.manifests"]


def test_a_folder_of_another_place_is_not_one_that_was_placed(tmp_path: Path) -> None:
    source, out, placed = folder_to_place(tmp_path), tmp_path / "out", Placed(tmp_path / "placed")
    out.mkdir()
    place({"a.dir": Source(source)}, out, placed, {})
    (out / "a.dir").rename(tmp_path / "kept")
    (out / "a.dir").mkdir()

    with pytest.raises(Conflict):
        check_replaced(out, ["a.dir"], placed)


def test_a_folder_that_is_not_there_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        check_folder(tmp_path / "my out")

    assert caught.value.hint == f"make it first: mkdir -p '{tmp_path}/my out'"


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    with pytest.raises(Denied, match="cannot be written"):
        check_folder(tmp_path)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, Denied),
        (errno.EROFS, SkerryError),
        (errno.ENOENT, NotFound),
        (errno.ENOTDIR, SkerryError),
        (errno.ENOSPC, NoSpace),
    ],
)
def test_what_the_disk_refuses_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[SkerryError]
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(kind, match=str(tmp_path)):
        place_text(tmp_path / "a.lock", "text")


def test_builds_place_into_one_folder_one_after_the_other(tmp_path: Path) -> None:
    sums = tmp_path / "sums"
    sums.write_text("")

    def add(line: int) -> None:
        with alone_in(tmp_path):
            before = sums.read_text()
            sums.write_text(f"{before}{line}\n")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(200)))

    assert sorted(map(int, sums.read_text().split())) == list(range(200))
