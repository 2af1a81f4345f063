"""What stays in the builder's cache of a guest's content, and how prepared tars are read."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.small_guest import write_root

from skerry.commands import CommandRunner
from skerry.errors import BadImage
from skerry.guestos import content_build
from skerry.guestos.content import FACTS, IMAGE, Content, Store, guest_image
from skerry.guestos.content_build import open_root
from skerry.guestos.facts import RootFacts
from skerry.images.cache import Cache, Workspace
from skerry.progress import Quiet

PACKAGES = Content("debian", "trixie", "amd64", ("main",), (), "", "C.UTF-8")
BARE = RootFacts(frozenset(), {}, {}, 0, "", 0)
SIZE = 64 * 1024  # bytes of each image here
DISK_FULL = OSError("the disk of the guest is full")


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    cache = Cache(tmp_path / "cache", SIZE + SIZE // 2, CommandRunner())
    await cache.prepare()
    return Store(cache, CommandRunner(), Quiet())


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    tar = tmp_path / "cache-trixie-amd64.tar"
    write_root(tar)
    return tar


@pytest.fixture
def little_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images without a file system."""

    async def make_image(_content: Content, _kind: str, _store: Store, _work: Workspace, folder: Path) -> None:
        (folder / IMAGE).write_bytes(b"x" * SIZE)
        (folder / FACTS).write_text(BARE.dump())

    monkeypatch.setattr(content_build, "make_image", make_image)


def kept(store: Store) -> list[str]:
    return sorted(each.name for each in (store.cache.root / "entries").iterdir())


@pytest.mark.usefixtures("little_images")
async def test_an_image_of_a_newer_tar_makes_room_by_the_older(store: Store, tar: Path) -> None:
    for text in ("one", "two", "three"):
        tar.write_text(text)
        async with guest_image(replace(PACKAGES, tar=tar), "ext4", store) as (image, _):
            last = image.parent.name

    assert kept(store) == [last]


@pytest.mark.usefixtures("little_images")
async def test_without_a_cache_an_image_goes_also_when_the_guest_fails(store: Store) -> None:
    with pytest.raises(OSError, match="full"):
        async with guest_image(PACKAGES, "ext4", replace(store, keep=False)):
            raise DISK_FULL

    assert kept(store) == []


@pytest.mark.usefixtures("little_images")
async def test_without_a_cache_an_image_stays_that_was_there_before(store: Store) -> None:
    async with guest_image(PACKAGES, "ext4", store):
        before = kept(store)

    async with guest_image(PACKAGES, "ext4", replace(store, keep=False)):
        pass

    assert kept(store) == before


class FakeBuilder:
    """A builder that has just installed a root, and notes what it is told to do with it."""

    def __init__(self, tar: Path) -> None:
        self.tar = tar
        self.seconds: dict[str, float] = {}
        self.told: list[str] = []

    @asynccontextmanager
    async def root(self) -> AsyncIterator[Path]:
        self.seconds["root"] = 1.0
        (self.tar.parent / "facts.json").write_text('{"sha256": "x", "epoch": 0}')
        yield self.tar.rename(self.tar.parent / "root.tar").parent

    async def forget_before(self, moment: float) -> None:
        self.told.append(f"forget before {moment}")

    async def trim(self) -> None:
        self.told.append("trim")


@pytest.mark.parametrize(("keep", "told"), [(True, ["trim"]), (False, ["forget before inf", "trim"])])
async def test_a_root_that_was_installed_for_a_guest_that_fails_is_no_more_kept_than_any_other(
    store: Store, tar: Path, monkeypatch: pytest.MonkeyPatch, *, keep: bool, told: list[str]
) -> None:
    builder = FakeBuilder(tar)

    async def planned(*_: Any) -> None: ...

    monkeypatch.setattr(content_build, "_plan", planned)
    monkeypatch.setattr(content_build, "Builder", lambda *_, **__: builder)

    with pytest.raises(OSError, match="full"):
        async with open_root(PACKAGES, replace(store, keep=keep, days=None)):
            raise DISK_FULL

    assert builder.told == ["forget before 0.0", *told]


def pack(tar: Path, program: str) -> None:
    tar.write_bytes(subprocess.run([program, "-c", tar], capture_output=True, check=True).stdout)


@pytest.mark.parametrize("program", ["gzip", "bzip2", "xz", "zstd"])
async def test_a_compressed_tar_is_taken_whatever_its_name_says(store: Store, tar: Path, program: str) -> None:
    async with open_root(replace(PACKAGES, tar=tar), store) as (_, plain):
        pass
    pack(tar, program)

    async with open_root(replace(PACKAGES, tar=tar), store) as (unpacked, facts):
        assert unpacked.stat().st_mode & 0o077 == 0
        assert replace(facts, epoch=plain.epoch) == plain

    assert not unpacked.exists()


def no_tar(tar: Path) -> None:
    tar.write_text("no tar at all")


def cut_off(tar: Path) -> None:
    pack(tar, "gzip")
    tar.write_bytes(tar.read_bytes()[:-20])


def sparse(tar: Path) -> None:
    with (tar.parent / "file").open("wb") as file:
        file.truncate(1024 * 1024)
    subprocess.run(["tar", "--sparse", "-C", tar.parent, "-cf", tar, "file"], check=True)


def folder(tar: Path) -> None:
    tar.unlink()
    tar.mkdir()


@pytest.mark.parametrize("spoil", [no_tar, cut_off, sparse, folder])
async def test_a_tar_that_cannot_be_read_is_named_with_what_to_do(store: Store, tar: Path, spoil: Any) -> None:
    spoil(tar)

    with pytest.raises(BadImage, match=f"{tar} cannot be taken as the root: ") as raised:
        async with open_root(replace(PACKAGES, tar=tar), store):
            pass

    assert raised.value.hint == "write it anew, without --sparse; or remove it"
    assert list((store.cache.root / "tmp").iterdir()) == []
