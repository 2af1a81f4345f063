"""A disk as a stream: what goes in comes out, and whatever happens to it on its way is noticed."""

import gzip
import io
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.guestos.disks import ext4_super_block, msdos_disk

from skerry.errors import NotFound, SkerryError, TooLarge
from skerry.guestos.exporting import Export, export_disk
from skerry.guestos.importing import import_disk
from skerry.guestos.streams import (
    FORMATS,
    GRAIN,
    MAGIC,
    PIECE,
    About,
    BadStream,
    Piece,
    pieces_without_zeros,
    read_stream,
    write_stream,
)
from skerry.sizes import GIB, MIB

places = st.lists(
    st.tuples(st.integers(0, 3 * MIB - 1), st.binary(min_size=1, max_size=3 * GRAIN)), min_size=0, max_size=6
)
formats = st.sampled_from(["zstd", "gzip", "none"])


def disk_with(path: Path, size: int, *parts: tuple[int, bytes]) -> Path:
    with path.open("wb") as file:
        for offset, data in parts:
            file.seek(offset)
            file.write(data[: max(size - offset, 0)])
        file.truncate(size)
    return path


def empty(path: Path, size: int) -> Path:
    return disk_with(path, size)


def exported(disk: Path, kind: str = "zstd") -> bytes:
    target = io.BytesIO()
    export_disk(Export(disk, kind), target)  # type: ignore[arg-type]
    return target.getvalue()


@given(places=places, kind=st.sampled_from(FORMATS), size=st.integers(1024, 3 * MIB))
def test_what_was_exported_is_imported(
    places: list[tuple[int, bytes]], kind: str, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("streams")
    behind = [(1024 + offset, data) for offset, data in places]
    disk = disk_with(folder / "disk", size, *msdos_disk(), *behind)  # raw, it must show that it is a disk
    target = empty(folder / "target", size)

    import_disk(target, io.BytesIO(exported(disk, kind)))

    assert target.read_bytes() == disk.read_bytes()


@given(data=st.binary(max_size=5 * GRAIN).map(lambda data: data + bytes(2 * GRAIN) + data))
def test_pieces_hold_all_that_is_not_zero_and_no_grain_of_zeros(data: bytes) -> None:
    pieces = list(pieces_without_zeros(0, data))

    found = bytearray(len(data))
    for piece in pieces:
        found[piece.offset : piece.offset + len(piece.data)] = piece.data
    assert bytes(found) == data
    for piece in pieces:
        assert piece.offset % GRAIN == 0
        for place in range(0, len(piece.data), GRAIN):
            assert any(piece.data[place : place + GRAIN])


def a_stream(compression: str = "none") -> bytes:
    target = io.BytesIO()
    about = About(3 * MIB, 3 * MIB, compression, 1, "web.example.org")  # type: ignore[arg-type]
    write_stream(target, about, [Piece(0, b"first" * 1000), Piece(2 * MIB, os.urandom(5000))])
    return target.getvalue()


STREAMS = {name: a_stream(name) for name in ("none", "zstd", "gzip")}


def read_all(stream: bytes) -> list[Piece]:
    return list(read_stream(io.BytesIO(stream), lambda _: False).pieces)


@given(kind=formats, data=st.data())
def test_a_stream_that_is_cut_off_anywhere_is_noticed(kind: str, data: st.DataObject) -> None:
    stream = STREAMS[kind]
    length = data.draw(st.integers(0, len(stream) - 1))

    with pytest.raises(BadStream):
        read_all(stream[:length])


@given(kind=formats, data=st.data())
def test_a_changed_bit_anywhere_is_noticed(kind: str, data: st.DataObject) -> None:
    stream = bytearray(STREAMS[kind])
    place, bit = data.draw(st.integers(0, len(stream) - 1)), data.draw(st.integers(0, 7))
    stream[place] ^= 1 << bit
    whole = read_all(STREAMS[kind])

    # gzip's head has fields that say nothing about what is in it.
    try:
        found = read_all(bytes(stream))
    except BadStream:
        return
    assert kind != "none"
    assert found == whole


@pytest.mark.parametrize("kind", ["none", "zstd", "gzip"])
def test_nothing_may_follow_the_end(kind: str) -> None:
    with pytest.raises(BadStream):
        read_all(STREAMS[kind] + b"more")


def test_an_empty_stream_is_told_apart() -> None:
    with pytest.raises(BadStream, match="empty"):
        read_all(b"")


def test_what_is_no_disk_at_all_is_not_written(tmp_path: Path) -> None:
    target = disk_with(tmp_path / "target", MIB, (0, b"what was there"))

    with pytest.raises(BadStream, match="is no disk"):
        import_disk(target, io.BytesIO(b"tar: error: no such file\n" * 1000))

    assert target.read_bytes().startswith(b"what was there")


def test_a_head_of_lies_is_refused() -> None:
    head = MAGIC + struct.pack(">I", 2**31)

    with pytest.raises(BadStream, match="too long"):
        read_all(head + bytes(100))


def test_holes_cost_nothing(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", 64 * GIB, (0, b"begin"), (63 * GIB, b"end"))
    target = empty(tmp_path / "target", 64 * GIB)

    stream = exported(disk, "none")
    import_disk(target, io.BytesIO(stream))

    assert len(stream) < 4 * GRAIN
    assert target.stat().st_blocks * 512 < MIB
    with target.open("rb") as file:
        file.seek(63 * GIB)
        assert file.read(3) == b"end"


def test_the_same_disk_is_the_same_stream(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", MIB, (5000, b"something"))

    for kind in ("zstd", "gzip", "none"):
        assert exported(disk, kind) == exported(disk, kind)


def test_what_was_on_the_target_is_gone(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", MIB, (0, b"new"))
    target = disk_with(tmp_path / "target", 2 * MIB, (MIB // 2, b"old"), (3 * MIB // 2, b"older"))

    import_disk(target, io.BytesIO(exported(disk)))

    assert target.read_bytes() == b"new" + bytes(2 * MIB - 3)


def test_a_smaller_target_is_refused_before_it_is_touched(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", 2 * MIB, (0, b"new"))
    target = disk_with(tmp_path / "target", MIB, (0, b"old"))

    with pytest.raises(TooLarge, match="needs 2 MiB"):
        import_disk(target, io.BytesIO(exported(disk)))

    assert target.read_bytes().startswith(b"old")


def test_a_smaller_target_is_taken_where_the_file_system_ends_before_it_does(tmp_path: Path) -> None:
    disk = disk_with(
        tmp_path / "disk", 4 * MIB, (1024, ext4_super_block(MIB)), (3 * MIB, b"behind the file system")
    )
    target = empty(tmp_path / "target", 2 * MIB)

    import_disk(target, io.BytesIO(exported(disk)))

    assert target.read_bytes() == disk.read_bytes()[: 2 * MIB]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_raw_disks_are_taken_too(pack: object, tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", 4 * MIB, *msdos_disk(), (MIB, b"content"))
    target = empty(tmp_path / "target", 4 * MIB)

    import_disk(target, io.BytesIO(pack(disk.read_bytes())))  # type: ignore[operator]

    assert target.read_bytes() == disk.read_bytes()


def test_a_raw_disk_that_ends_before_its_partitions_do_was_cut_off(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", 4 * MIB, *msdos_disk(first=2048, sectors=6144))
    target = empty(tmp_path / "target", 4 * MIB)

    with pytest.raises(BadStream, match="cut off"):
        import_disk(target, io.BytesIO(disk.read_bytes()[: 3 * MIB]))


@pytest.mark.parametrize(
    "part",
    [(0, b""), (4086, b"SWAPSPACE2"), (512, b"LABELONE"), (0, b"LUKS\xba\xbe")],
    ids=["empty", "swap", "physical volume", "LUKS"],
)
def test_a_raw_disk_that_does_not_say_where_it_ends_fits_a_larger_target(
    part: tuple[int, bytes], tmp_path: Path
) -> None:
    disk = disk_with(tmp_path / "disk", 4 * MIB, part, (3 * MIB, b"content"))
    target = empty(tmp_path / "target", 8 * MIB)

    imported = import_disk(target, io.BytesIO(disk.read_bytes()))

    assert (imported.size, imported.target) == (4 * MIB, 8 * MIB)
    assert target.read_bytes() == disk.read_bytes() + bytes(4 * MIB)


def test_a_raw_disk_larger_than_the_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        import_disk(empty(tmp_path / "target", MIB), io.BytesIO(bytes(MIB + PIECE)))


def test_ganeti_is_told_how_much_will_come(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", 64 * MIB, (0, b"x" * MIB))
    reading, writing = os.pipe()
    with os.fdopen(reading) as told, os.fdopen(writing, "w") as where:
        export_disk(Export(disk, size_fd=where.fileno()), io.BytesIO())
        where.close()

        assert int(told.read()) == MIB


def test_a_reader_who_goes_away_is_named_and_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    disk = disk_with(tmp_path / "disk", MIB, (0, b"x"))

    with (
        os.fdopen(writing, "wb", 0) as target,
        pytest.raises(SkerryError, match=r"cannot be written: Broken pipe"),
    ):
        export_disk(Export(disk), target)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_disk_that_is_none_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "missing"

    with pytest.raises((NotFound, SkerryError), match="no disk"):
        export_disk(Export(path), io.BytesIO())
