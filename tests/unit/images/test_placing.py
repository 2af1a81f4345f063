"""Copies of large files that are mostly empty, and how files come to their place."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from skerry.images.placing import Placed, Source, copy_sparse, place, sha256_of
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


def test_folders_take_the_place_of_what_was_there(tmp_path: Path) -> None:
    source, out, placed = tmp_path / "source", tmp_path / "out", Placed(tmp_path / "placed")
    (source / "etc").mkdir(parents=True)
    (source / "etc/file").write_text("new")
    (source / "etc/file").chmod(0o4711)
    (source / "link").symlink_to("/nowhere")
    os.mkfifo(source / "pipe")
    (out / "root").mkdir(parents=True)
    (out / "root/old").touch()

    place({"root": Source(source)}, out, placed, {})

    assert (out / "root/etc/file").stat().st_mode & 0o7777 == 0o4711
    assert (out / "root/link").readlink() == Path("/nowhere")
    assert (out / "root/pipe").is_fifo()
    assert not (out / "root/old").exists()
    assert [path.name for path in out.iterdir()] == ["root"]
