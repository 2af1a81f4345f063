"""A root in a tar, read where it lies: the same as Python's own reader finds, and nothing outside of it."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.errors import BadImage
from skerry.images.contents.tar import opened_tar


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes], style: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=style) as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize("style", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_long_names_strange_bytes_and_large_numbers_are_read(tmp_path: Path, style: int) -> None:
    long_name = "/".join(["a" * 90] * 3)
    path = packed(
        tmp_path / "root.tar",
        (member("./" + long_name, mode=0o4755, uid=3_000_000), b"long"),
        (member("byte\udcff\nline"), b"x"),
        (member("link", tarfile.SYMTYPE, linkname="../" * 40 + "etc"), b""),
        style=style,
    )

    with opened_tar(path) as root:
        assert root.read(long_name, most=100) == b"long"
        assert root.read(long_name, most=2, offset=1) == b"on"
        assert root.tree[long_name].mode == 0o4755
        assert root.tree[long_name].owner == 3_000_000
        assert "byte\udcff\nline" in root.tree
        assert root.tree["link"].target == "../" * 40 + "etc"


def test_names_of_one_file_are_known_as_one(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "root.tar",
        (member("./a"), b"same"),
        (member("./b", tarfile.LNKTYPE, linkname="./a"), b""),
        (member("./c"), b"same"),
    )

    with opened_tar(path) as root:
        assert root.read("b", most=9) == b"same"
        assert root.tree["a"].inode == root.tree["b"].inode != 0
        assert root.tree["c"].inode == 0


def test_devices_and_folders_have_no_content(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "root.tar",
        (member("dev/null", tarfile.CHRTYPE), b""),
        (member("pipe", tarfile.FIFOTYPE), b""),
        (member("folder/", tarfile.DIRTYPE), b""),
    )

    with opened_tar(path) as root:
        kinds = {name: entry.kind for name, entry in root.tree.items()}
    assert kinds == {"dev": "folder", "dev/null": "device", "folder": "folder", "pipe": "other"}


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b", "/../x"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "root.tar", (member(name), b"x"))

    with pytest.raises(BadImage, match="leads out"), opened_tar(path):
        pass


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "root.tar", (member("d/" * 5000), b""))

    with pytest.raises(BadImage, match="more than 8192"), opened_tar(path):
        pass


@pytest.mark.parametrize("data", [b"", b"no tar" * 1000, b"\x1f\x8b" + bytes(2000)], ids=["empty", "text", "gzip"])
def test_what_is_no_tar_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "root.tar"
    path.write_bytes(data)

    with pytest.raises(BadImage), opened_tar(path):
        pass


def test_a_tar_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "root.tar", (member("a"), bytes(4000)))
    path.write_bytes(path.read_bytes()[:3000])

    with pytest.raises(BadImage, match="ends inside 'a'"), opened_tar(path):
        pass


@settings(max_examples=50)
@given(st.binary(max_size=3000), st.integers(0, 2000))
def test_damage_is_an_error_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, where: int
) -> None:
    path = packed(
        tmp_path_factory.mktemp("tar") / "root.tar", (member("a" * 120), b"1" * 600), (member("b"), b"2")
    )
    data = path.read_bytes()
    path.write_bytes(data[:where] + noise + data[where + len(noise) :])

    with contextlib.suppress(BadImage), opened_tar(path) as root:
        for name, entry in root.tree.items():
            if entry.kind == "file":
                root.read(name, most=10)
