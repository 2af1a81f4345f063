r"""A disk as a stream: what `export` writes and `import` reads, on a pipe, without ever going back.

    16 bytes   \x89SKERRY-DISK-1\r\n
    4 bytes    length of what follows, unsigned, big-endian
    …          JSON: {"size": bytes of the disk, "needed": bytes that a smaller target must have,
                      "compression": "zstd" | "gzip" | "none", "index": number of the disk, "instance": name}
    4 bytes    CRC-32 of that JSON
    …          records, as one zstd or gzip stream, or as they are:
                 "D" offset (8 bytes) length (4 bytes), then so many bytes of the disk; offsets only rise
                 "E" size (8 bytes) 32 (4 bytes), then the SHA-256 of all that was before it, uncompressed

What no record tells of is zero. Nothing follows the end.

Why a format of our own: tar must know all holes before the first byte; qcow2 and VMDK go back in the file; raw
bytes in a zstd or gzip stream cost time for every hole, and do not know the disk's size; none has a checksum of
the whole. Whoever has nothing but a shell asks for the format "raw" instead: the bytes of the disk, which any
program can read.

Import takes raw disks too, also in a gzip or zstd stream, where they show that they are disks: by a partition
table, a file system, or zeros.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import BinaryIO, Literal, get_args

from skerry.errors import BadImage
from skerry.sizes import KIB, MIB

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["zstd", "gzip", "none"]
Format = Literal["zstd", "gzip", "none", "raw"]
FORMATS: tuple[Format, ...] = get_args(Format)
MAGIC = b"\x89SKERRY-DISK-1\r\n"
PIECE = MIB  # bytes of a record, at most
GRAIN = 4 * KIB  # zeros as long as this, and aligned so, are not sent
_ZEROS = bytes(GRAIN)
_RECORD = struct.Struct(">cQI")
_MOST_ABOUT = 64 * KIB  # bytes of the JSON
_LEVEL = 3  # of zstd; faster than most disks
_GZIP_LEVEL = 1
_WINDOW_LOG = 27  # 128 MiB: more memory than this no stream from outside gets
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError)


class BadStream(BadImage):
    """A disk stream that is cut off, was changed on its way, or is of no known format."""

    code = "bad-stream"


@dataclass(frozen=True)
class About:
    """What the head of a stream says."""

    size: int
    needed: int
    compression: Compression = "zstd"
    index: int = 0
    instance: str = ""


@dataclass(frozen=True)
class Piece:
    """Bytes of a disk."""

    offset: int
    data: bytes


def pieces_without_zeros(offset: int, data: bytes) -> Iterator[Piece]:
    """The parts of a disk's bytes that are not zero, grain by grain; neighbours stay together."""
    if data.count(0) == len(data):
        return
    begin = None
    for place in range(0, len(data), GRAIN):
        grain = data[place : place + GRAIN]
        if grain == _ZEROS[: len(grain)]:
            if begin is not None:
                yield Piece(offset + begin, data[begin:place])
            begin = None
        elif begin is None:
            begin = place
    if begin is not None:
        yield Piece(offset + begin, data[begin:])


def write_stream(target: BinaryIO, about: About, pieces: Iterable[Piece]) -> None:
    """Write a whole stream; the pieces' offsets rise, and each has at most PIECE bytes."""
    text = json.dumps(asdict(about), sort_keys=True).encode()
    head = MAGIC + struct.pack(">I", len(text)) + text + struct.pack(">I", zlib.crc32(text))
    target.write(head)
    digest = hashlib.sha256(head)
    with _packed(target, about.compression) as packed:
        for piece in pieces:
            record = _RECORD.pack(b"D", piece.offset, len(piece.data))
            for part in (record, piece.data):
                digest.update(part)
                packed.write(part)
        packed.write(_RECORD.pack(b"E", about.size, digest.digest_size) + digest.digest())
    target.flush()


@contextmanager
def _packed(target: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    if compression == "none":
        yield target
    elif compression == "gzip":
        # Without name and time, the same disk is the same stream.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, target, mtime=0) as packed:
            yield packed  # type: ignore[misc]
    else:
        parameter = zstd.CompressionParameter
        options: dict[int, int] = {parameter.compression_level: _LEVEL, parameter.checksum_flag: 1}
        with zstd.ZstdFile(target, "wb", options=options) as packed:
            yield packed  # type: ignore[misc]


class Rewound(io.RawIOBase):
    """A pipe whose first bytes were looked at already."""

    def __init__(self, source: BinaryIO, first: bytes) -> None:
        super().__init__()
        self._source = source
        self._first = first

    def readable(self) -> bool:
        """It is nothing else."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill from what was looked at, then from the pipe."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._first[: len(view)] or self._source.read(len(view))
        self._first = self._first[len(data) :] if self._first else b""
        view[: len(data)] = data
        return len(data)


def peek(source: BinaryIO, count: int) -> tuple[bytes, BinaryIO]:
    """The first bytes of a pipe, as many as there are up to `count`, and the pipe with them still in it."""
    first = b""
    while len(first) < count and (more := source.read(count - len(first))):
        first += more
    return first, io.BufferedReader(Rewound(source, first), PIECE)


DUMP_HEAD = 32  # bytes that tell a dump
_DUMP_MAGIC_AT = 24
_DUMP_MAGICS = frozenset({60011, 60012})  # of the old and the new format, protocols/dumprestore.h


def is_dump(begin: bytes) -> bool:
    """Whether the first DUMP_HEAD bytes of a stream are those of dump(8), of a machine of either byte order."""
    magic = begin[_DUMP_MAGIC_AT : _DUMP_MAGIC_AT + 4]
    return not {int.from_bytes(magic, "little"), int.from_bytes(magic, "big")}.isdisjoint(_DUMP_MAGICS)


@dataclass(frozen=True)
class DiskStream:
    """A stream whose beginning was read."""

    about: About | None  # None for a raw disk, which has no head
    pieces: Iterator[Piece]  # of a raw disk, the last one is empty, and where the disk ended
    begin: bytes = b""  # the first bytes of a raw disk


def read_stream(source: BinaryIO, looks_like_a_disk: Callable[[bytes], bool]) -> DiskStream:
    """Find out what comes, and give its pieces as they come; the last one is only given after nothing was wrong.

    `looks_like_a_disk` judges the first bytes (up to PIECE) of what is no stream of ours.

    Raises:
        BadStream: its head is damaged, or it is nothing known. Reading on raises it where more is damaged, at the
            latest at the end.
    """
    first, source = peek(source, len(MAGIC))
    if first == MAGIC:
        about, head = _read_about(source)
        return DiskStream(about, _records(source, about, head))
    if not first:
        raise BadStream("the stream is empty", hint="the program that should send it may have failed")
    with _damage_explained():
        raw = _unpacked_raw(first, source)
        begin, raw = peek(raw, PIECE)
        if begin.startswith(MAGIC):  # somebody packed a stream of ours once more
            return read_stream(raw, looks_like_a_disk)
    if not looks_like_a_disk(begin):
        raise BadStream(
            "the stream is no disk: it has neither the head of an export nor a partition table or file system",
            hint="it may be damaged at its beginning, or be of another definition's export",
        )
    return DiskStream(None, _raw_pieces(raw), begin)


def _unpacked_raw(first: bytes, source: BinaryIO) -> BinaryIO:
    if first.startswith(b"\x1f\x8b"):
        return _unpacked(source, "gzip")
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        return _unpacked(source, "zstd")
    return source


def _unpacked(source: BinaryIO, compression: Compression) -> BinaryIO:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=source, mode="rb")  # type: ignore[return-value]
    if compression == "zstd":
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        return zstd.ZstdFile(source, "rb", options=options)  # type: ignore[return-value]
    return source


@contextmanager
def _damage_explained() -> Iterator[None]:
    try:
        yield
    except EOFError as exc:
        raise _cut_off() from exc
    except _BROKEN as exc:
        raise BadStream(f"the stream was damaged on its way: {exc}", hint="export the disk again") from exc


def _cut_off() -> BadStream:
    return BadStream(
        "the stream ends too early: it was cut off", hint="export the disk again, and look at the sender's log"
    )


def _exactly(source: BinaryIO, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = source.read(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _read_about(source: BinaryIO) -> tuple[About, bytes]:
    """The head, understood and as it was."""
    with _damage_explained():
        magic, length = _exactly(source, len(MAGIC)), _exactly(source, 4)
        count = int.from_bytes(length, "big")
        if count > _MOST_ABOUT:
            raise _damaged("its head is too long")
        text, crc = _exactly(source, count), _exactly(source, 4)
    if zlib.crc32(text) != int.from_bytes(crc, "big"):
        raise _damaged("its head has another checksum")
    try:
        about = About(**json.loads(text))
    except (ValueError, TypeError) as exc:
        raise _damaged("its head cannot be understood") from exc
    if not _is_possible(about):
        raise _damaged("its head makes no sense")
    return about, magic + length + text + crc


def _is_possible(about: About) -> bool:
    numbers = (about.size, about.needed, about.index)
    whole = all(isinstance(each, int) and not isinstance(each, bool) for each in numbers)
    return (
        whole
        and 0 <= about.needed <= about.size < 2**63
        and about.compression in get_args(Compression)
        and isinstance(about.instance, str)
    )


def _damaged(how: str) -> BadStream:
    return BadStream(f"the stream was damaged on its way: {how}", hint="export the disk again")


def _records(source: BinaryIO, about: About, head: bytes) -> Iterator[Piece]:
    digest, reached = hashlib.sha256(head), 0
    with _damage_explained():
        packed = _unpacked(source, about.compression)
        while True:
            record = _exactly(packed, _RECORD.size)
            kind, offset, length = _RECORD.unpack(record)
            if kind == b"E":
                break
            if kind != b"D" or not reached <= offset < about.size or not 0 < length <= PIECE:
                raise _damaged("a record makes no sense")
            reached = offset + length
            if reached > about.size:
                raise _damaged("a record reaches over the end of the disk")
            data = _exactly(packed, length)
            digest.update(record)
            digest.update(data)
            yield Piece(offset, data)
        if length != digest.digest_size or offset != about.size:
            raise _damaged("its end makes no sense")
        if _exactly(packed, length) != digest.digest():
            raise _damaged("its checksum is not the one that it ends with")
        if packed.read(1) or source.read(1):
            raise _damaged("something follows its end")


def _raw_pieces(source: BinaryIO) -> Iterator[Piece]:
    offset = 0
    with _damage_explained():
        while data := source.read(PIECE):
            yield from pieces_without_zeros(offset, data)
            offset += len(data)
    yield Piece(offset, b"")  # how long it was
