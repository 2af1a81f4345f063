"""The archive that a kernel unpacks as its first root."""

from __future__ import annotations

import io
from pathlib import Path

from skerry.images.outputs import cpio


def packed(*entries: cpio.Entry) -> bytes:
    target = io.BytesIO()
    cpio.write_cpio(target, cpio.with_parents(entries))
    return target.getvalue()


def names(archive: bytes) -> list[str]:
    found: list[str] = []
    here = 0
    while True:
        fields = [int(archive[here + 6 + n * 8 : here + 14 + n * 8], 16) for n in range(13)]
        size, length = fields[6], fields[11]
        name = archive[here + 110 : here + 110 + length - 1].decode()
        if name == "TRAILER!!!":
            return found
        found.append(name)
        here += -(-(110 + length) // 4) * 4
        here += -(-size // 4) * 4


def test_folders_come_before_what_is_in_them() -> None:
    archive = packed(cpio.file("usr/lib/modules/6.1/a.ko", b"a"), cpio.link("lib", "usr/lib"))

    assert names(archive) == [
        *("lib", "usr", "usr/lib", "usr/lib/modules", "usr/lib/modules/6.1", "usr/lib/modules/6.1/a.ko"),
    ]


def test_the_same_entries_are_the_same_bytes_in_any_order() -> None:
    first, second = cpio.file("a", b"1"), cpio.file("b/c", b"2")

    assert packed(first, second) == packed(second, first)


def test_a_file_may_come_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"content")

    assert packed(cpio.file("a", tmp_path / "image")) == packed(cpio.file("a", b"content"))


def test_archives_end_at_a_multiple_of_four_so_that_another_may_follow() -> None:
    assert len(packed(cpio.file("abc", b"12345"))) % 4 == 0
