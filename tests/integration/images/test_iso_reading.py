"""Manifests inside of an ISO image: found by their real names, and nothing believed that the image says."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.errors import BadImage, NotFound
from skerry.images.contents.iso9660 import folders, is_iso, read
from skerry.images.manifest.files import NAME, FileRecord, write_records
from skerry.images.manifest.reading import read_about


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("iso") / "tree"
    manifests = tree / "boot" / "manifests"
    manifests.mkdir(parents=True)
    (manifests / "sizes.json").write_text(json.dumps({"name": "live", "total": 5, "folders": {"/": 5}}))
    (manifests / "packages.json").write_text("[]")
    write_records(manifests / NAME, [FileRecord("/x", "file", "0644", 0, 0, 1, "00", None)])
    for number in range(100):  # more than a sector of names
        (tree / "boot" / f"a file with a long name {number}.txt").write_text(str(number))
    return tree


def iso(tree: Path, *options: str) -> Path:
    path = tree.parent / f"made{''.join(options)}.iso"
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", *options, "-o", path, tree], check=True)
    return path


@pytest.fixture(scope="module")
def image(tree: Path) -> Path:
    return iso(tree, "-R")


def test_manifests_inside_are_read(image: Path) -> None:
    about = read_about(image)

    assert about.name == "live"
    assert [record.path for record in about.records()] == ["/x"]


def test_long_names_and_contents_are_as_they_were(image: Path) -> None:
    with opened(image) as handle:
        assert is_iso(handle)
        found = dict(folders(handle))
        names = found["/boot"]

        assert len(names) == 100
        assert read(handle, names["a file with a long name 42.txt"]) == b"42"


def test_an_image_without_manifests_says_so(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").touch()

    with pytest.raises(NotFound, match="no manifests"):
        read_about(iso(tmp_path / "tree", "-R"))


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.integers(0, 60_000))
def test_damage_is_an_error_or_harmless(image: Path, noise: bytes, where: int) -> None:
    damaged = image.with_name("damaged.iso")
    data = bytearray(image.read_bytes())
    data[32_768 + where : 32_768 + where + len(noise)] = noise
    damaged.write_bytes(data)

    with opened(damaged) as handle, contextlib.suppress(BadImage):
        for _, names in folders(handle):
            for place in names.values():
                read(handle, place)
