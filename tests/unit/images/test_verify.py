"""What is said of two builds that differ."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from tests.unit.images.outputs.layouts import plain, with_subvolumes

from skerry.images.differences import differing_files, differing_places
from skerry.images.verify_outputs import drawn_devices, ranges_of
from skerry.sizes import MIB


def tar(path: Path, *members: tuple[str, dict[str, object], bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, fields, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("fields", "content", "said"),
    [
        ({}, b"web\n", "./etc/hostname: content"),
        ({"mode": 0o600}, b"aos\n", "./etc/hostname: mode 644 and 600"),
        ({"uid": 7}, b"aos\n", "./etc/hostname: owner 0:0 and 7:0"),
        ({"mtime": 5, "mode": 0o755}, b"web\n", "./etc/hostname: mode 644 and 755, time 0 and 5, content"),
        ({"pax_headers": {"SCHILY.xattr.user.x": "1"}}, b"aos\n", "./etc/hostname: attributes"),
    ],
    ids=["content", "mode", "owner", "several", "attributes"],
)
def test_a_file_is_named_with_what_differs(
    fields: dict[str, object], content: bytes, said: str, tmp_path: Path
) -> None:
    one = tar(tmp_path / "one", ("./etc/hostname", {"mode": 0o644}, b"aos\n"))
    other = tar(tmp_path / "other", ("./etc/hostname", {"mode": 0o644, **fields}, content))

    (line,) = differing_files(one, other)

    assert line.startswith(said)


def test_a_file_of_one_build_only_says_of_which(tmp_path: Path) -> None:
    one = tar(tmp_path / "one", ("./a", {}, b""), ("./b", {}, b""))
    other = tar(tmp_path / "other", ("./b", {}, b""), ("./c", {}, b""))

    assert list(differing_files(one, other)) == ["./a: only in the first build", "./c: only in the second build"]


def test_another_order_is_a_difference(tmp_path: Path) -> None:
    one = tar(tmp_path / "one", ("./a", {}, b""), ("./b", {}, b""))
    other = tar(tmp_path / "other", ("./b", {}, b""), ("./a", {}, b""))

    assert list(differing_files(one, other)) == ["the same files in another order"]
    assert not list(differing_files(one, one))


def test_an_output_is_named_with_the_places_that_differ(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    content = bytearray(3 * 1024 * 1024)
    one.write_bytes(content)
    content[5000] = content[9000] = content[2 * 1024 * 1024] = 1
    other.write_bytes(content + b"more")

    assert differing_places(one, other) == ["at 4096 to 12288", "at 2097152 to 2101248", "at 3145728 to 3149824"]
    assert differing_places(one, one) == []
    assert differing_places(one, other, but=[(0, 8192), (2 * MIB, 4 * MIB)]) == ["at 8192 to 12288"]


def test_what_is_compared_by_its_files_is_known_by_its_places() -> None:
    layout = with_subvolumes()

    assert drawn_devices(plain("xfs")) == ()
    assert drawn_devices(layout) == ("btrfs/all",)
    ((begin, end),) = ranges_of(layout, "sda", drawn_devices(layout))
    assert begin == layout.disks[0].partitions[-1].offset
    assert end - begin == layout.sizes["btrfs/all"]
