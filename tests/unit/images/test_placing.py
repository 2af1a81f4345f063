"""Copies of large files that are mostly empty."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skerry.images.placing import copy_sparse
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
