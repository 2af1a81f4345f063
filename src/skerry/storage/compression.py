"""Unpacking compressed images, block by block, with a limit on what comes out.

A few kilobytes can unpack to terabytes of zeros: so output is counted and bounded, long runs of zeros become
holes, and the decoders' memory is bounded too.
"""

from __future__ import annotations

import bz2
import hashlib
import lzma
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from skerry.errors import BadImage, TooLarge
from skerry.sizes import MIB, format_size
from skerry.storage.blocking import Stop

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_BLOCK = MIB
_HOLE = 64 * 1024  # runs of zeros at least this long and aligned are not written
_ZEROS = bytes(_HOLE)
_MEMORY = 256 * MIB  # what a decoder may take; xz -9 needs 65 MiB
_ZSTD_WINDOW_LOG = 27  # 128 MiB, as the zstd program's default


class _Decoder(Protocol):
    """The interface that bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib's decoder in the same shape."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)
        self._more = False  # the last block was full, so there may be more without further input

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail and not self._more

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        block = self._decoder.decompress(self._decoder.unconsumed_tail + data, max(max_length, 0))
        self._more = len(block) == max_length
        return block


def _zstd_decoder() -> _Decoder:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    return zstd.ZstdDecompressor(options=options)


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gz": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
    "zst": _zstd_decoder,
}
_BROKEN = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError, ValueError)


def unpack(
    source: Path,
    kind: str,
    target: Path,
    *,
    limit: int,
    stop: Stop,
    on_bytes: Callable[[int], None],
    known_as: str = "",
) -> None:
    """Unpack `source` into `target`; `on_bytes` is told how many bytes of the source were read.

    `known_as` is what errors call the source; otherwise the name of its file.

    Raises:
        BadImage: the stream is broken or ends too early.
        TooLarge: more than `limit` bytes would come out.
        OSError: the target cannot be written.
    """
    known_as = known_as or source.name
    with source.open("rb") as packed, target.open("xb") as unpacked:
        out = _Sparse(unpacked, limit, known_as)
        decoder = _DECODERS[kind]()
        data = packed.read(_BLOCK)
        if not data:
            raise BadImage(f"{known_as} is empty")
        while True:
            stop.check()
            out.write(_next_block(decoder, data, known_as, kind))
            data = b""
            if decoder.eof:
                data = decoder.unused_data or packed.read(_BLOCK)
                if not data.rstrip(b"\0"):  # padding at the end is allowed, a further stream too
                    break
                decoder = _DECODERS[kind]()
            elif decoder.needs_input:
                data = packed.read(_BLOCK)
                if not data:
                    raise BadImage(f"{known_as} ends too early: its {kind} stream is not complete")
            on_bytes(packed.tell())
        out.finish()


def _next_block(decoder: _Decoder, data: bytes, name: str, kind: str) -> bytes:
    try:
        return decoder.decompress(data, _BLOCK)
    except _BROKEN as exc:
        raise BadImage(f"{name} is not a sound {kind} stream: {exc}") from exc


class _Sparse:
    """Writes a file, leaving holes for zeros, up to a limit."""

    def __init__(self, file: BinaryIO, limit: int, name: str) -> None:
        self._file = file
        self._limit = limit
        self._name = name
        self._rest = b""
        self._written = 0

    def write(self, data: bytes) -> None:
        self._written += len(data)
        if self._written > self._limit:
            raise TooLarge(f"{self._name} unpacks to more than {format_size(self._limit)}")
        data = self._rest + data
        whole = len(data) - len(data) % _HOLE
        for offset in range(0, whole, _HOLE):
            self._put(data[offset : offset + _HOLE])
        self._rest = data[whole:]

    def _put(self, block: bytes) -> None:
        if block == _ZEROS:
            self._file.seek(_HOLE, 1)
        else:
            self._file.write(block)

    def finish(self) -> None:
        self._file.write(self._rest)
        self._file.truncate(self._written)


def sha256(path: Path, *, stop: Stop, on_bytes: Callable[[int], None]) -> str:
    """The checksum of a file, in hexadecimal; raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            stop.check()
            digest.update(block)
            on_bytes(file.tell())
    return digest.hexdigest()
