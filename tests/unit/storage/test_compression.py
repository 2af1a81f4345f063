"""Unpacking, with limits."""

import bz2
import gzip
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from skerry.errors import BadImage, Cancelled, TooLarge
from skerry.storage.blocking import Stop
from skerry.storage.compression import sha256, unpack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1024**2
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
CONTENT = os.urandom(MIB + 7) + bytes(3 * MIB) + b"the end"


@pytest.fixture(params=PACKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def unpacked(folder: Path, kind: str, packed: bytes, *, limit: int = 64 * MIB, stop: Stop | None = None) -> Path:
    source, target = folder / "packed", folder / "unpacked"
    source.write_bytes(packed)
    unpack(source, kind, target, limit=limit, stop=stop or Stop(), on_bytes=lambda done: None)
    return target


def test_what_was_packed_comes_out(tmp_path: Path, kind: str) -> None:
    assert unpacked(tmp_path, kind, PACKERS[kind](CONTENT)).read_bytes() == CONTENT


def test_streams_one_after_the_other_are_one_file(tmp_path: Path, kind: str) -> None:
    pack = PACKERS[kind]

    assert unpacked(tmp_path, kind, pack(b"one ") + pack(b"two")).read_bytes() == b"one two"


def test_zeros_take_no_space(tmp_path: Path, kind: str) -> None:
    target = unpacked(tmp_path, kind, PACKERS[kind](bytes(16 * MIB)))

    assert target.stat().st_size == 16 * MIB
    assert target.stat().st_blocks * 512 < MIB


def test_a_bomb_is_stopped_at_the_limit(tmp_path: Path, kind: str) -> None:
    with pytest.raises(TooLarge, match="unpacks to more than 8 MiB"):
        unpacked(tmp_path, kind, PACKERS[kind](bytes(16 * MIB)), limit=8 * MIB)

    assert (tmp_path / "unpacked").stat().st_blocks * 512 <= 8 * MIB


def test_a_truncated_stream_is_refused(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](CONTENT)

    with pytest.raises(BadImage, match="too early"):
        unpacked(tmp_path, kind, packed[: len(packed) // 2])


def test_a_broken_stream_is_refused(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKERS[kind](CONTENT))
    packed[len(packed) // 2] ^= 0xFF
    packed[-5] ^= 0xFF

    with pytest.raises(BadImage):
        unpacked(tmp_path, kind, bytes(packed))


def test_unpacking_stops_when_asked(tmp_path: Path, kind: str) -> None:
    stop = Stop()
    stop.set()

    with pytest.raises(Cancelled):
        unpacked(tmp_path, kind, PACKERS[kind](CONTENT), stop=stop)


def test_a_checksum_tells_its_progress(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    told: list[int] = []

    found = sha256(path, stop=Stop(), on_bytes=told.append)

    assert found == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert told == [3]
