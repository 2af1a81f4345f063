"""RPM's database as it lies in a root: SQLite, one header a package.

Read with the library that Python has, so that no rpm of the right version is needed beside it. A header is
`count of index entries, bytes of store`, the entries (tag, type, offset, count: 32 bits each, big-endian), and the
store; RPM's documentation calls it "package format v3/v4 header, without magic". Databases of the older kinds
(Berkeley DB, ndb) are not read.
"""

from __future__ import annotations

import sqlite3
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from skerry.errors import BadImage
from skerry.images.contents.packages import Installed, Package, in_tree
from skerry.images.contents.tree import Files

PLACES = ("usr/lib/sysimage/rpm", "var/lib/rpm")
DATABASE = "rpmdb.sqlite"  # its file
_MOST = 1 << 30
_PIECE = 1 << 20
_INT32, _STRING, _BIN, _STRINGS, _I18N = 4, 6, 7, 8, 9
_TAGS = {
    259: "sigpgp",
    262: "siggpg",
    267: "dsaheader",
    268: "rsaheader",
    1000: "name",
    1001: "version",
    1002: "release",
    1003: "epoch",
    1004: "summary",
    1011: "vendor",
    1014: "license",
    1020: "url",
    1022: "arch",
    1027: "oldfiles",
    1044: "sourcerpm",
    1047: "provides",
    1048: "requireflags",
    1049: "requires",
    1116: "dirindexes",
    1117: "basenames",
    1118: "dirnames",
}
_RPMLIB = 1 << 24  # a need of the package manager itself
Value = str | int | bytes | list[str] | list[int]


class NotADatabase(BadImage):
    """The file is there, and is no database that can be read."""


def database_folder(files: Files) -> str | None:
    """The folder of the database, if there is one of the kind that can be read."""
    for place in PLACES:
        path = files.tree.resolve(f"{place}/{DATABASE}")
        if path is not None and files.tree[path].kind == "file":
            return path.rpartition("/")[0]
    return None


def installed_rpms(files: Files) -> Installed:
    """The packages that are installed, sorted by name; none where there is no database."""
    folder = database_folder(files)
    if folder is None:
        return Installed()
    try:
        found = [_package(files, read_header(blob)) for blob in _blobs(files, folder)]
    except (sqlite3.Error, struct.error, ValueError, IndexError) as exc:
        raise NotADatabase(f"/{folder}/{DATABASE} cannot be read: {exc}") from exc
    return Installed(tuple(sorted(found, key=lambda each: each.full_name)))


def _blobs(files: Files, folder: str) -> Iterator[bytes]:
    """The headers; from a copy, with what is not yet written back, because SQLite opens names and makes files."""
    with tempfile.TemporaryDirectory(prefix="skerry-rpmdb-") as place:
        for suffix in ("", "-wal"):
            entry = files.tree.get(f"{folder}/{DATABASE}{suffix}")
            if entry is not None and entry.kind == "file":
                _copy(files, f"{folder}/{DATABASE}{suffix}", Path(place, DATABASE + suffix))
        database = sqlite3.connect(Path(place, DATABASE))
        try:
            yield from (bytes(row[0]) for row in database.execute("SELECT blob FROM Packages ORDER BY hnum"))
        finally:
            database.close()


def _copy(files: Files, path: str, target: Path) -> None:
    with target.open("wb") as file:
        for offset in range(0, min(files.tree[path].size, _MOST), _PIECE):
            file.write(files.read(path, most=_PIECE, offset=offset))


def read_header(blob: bytes) -> dict[str, Value]:
    """The tags of a header that matter here, by name."""
    count, size = struct.unpack_from(">II", blob)
    begin = 8 + 16 * count
    store = blob[begin : begin + size]
    found: dict[str, Value] = {}
    for number in range(count):
        tag, kind, offset, many = struct.unpack_from(">IIII", blob, 8 + 16 * number)
        if tag in _TAGS:
            found[_TAGS[tag]] = _value(store, kind, offset, many)
    return found


def _value(store: bytes, kind: int, offset: int, many: int) -> Value:
    if kind in {_STRING, _I18N}:
        return _texts(store, offset, 1)[0]
    if kind == _STRINGS:
        return _texts(store, offset, many)
    if kind == _BIN:
        return store[offset : offset + many]
    if kind == _INT32:
        return list(struct.unpack_from(f">{many}I", store, offset))
    return list(struct.unpack_from(f">{many}H", store, offset)) if kind == 3 else 0


def _texts(store: bytes, offset: int, many: int) -> list[str]:
    found = []
    for _ in range(many):
        end = store.index(b"\0", offset)
        found.append(store[offset:end].decode("utf-8", "surrogateescape"))
        offset = end + 1
    return found


def _package(files: Files, header: Mapping[str, Value]) -> Package:
    def text(name: str) -> str:
        value = header.get(name, "")
        return (
            value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if isinstance(value, str) else ""
        )

    def texts(name: str) -> list[str]:
        value = header.get(name, [])
        return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []

    epoch = _numbers(header, "epoch")
    flags = _numbers(header, "requireflags")
    requires = texts("requires")
    flags += [0] * (len(requires) - len(flags))
    return Package(
        family="rpm",
        name=text("name"),
        version=text("version"),
        release=text("release"),
        epoch=str(epoch[0]) if epoch else "",
        architecture=text("arch") or "(none)",
        source=text("sourcerpm") or "(none)",
        license=text("license"),
        signature=_signature(header),
        summary=text("summary"),
        vendor=text("vendor"),
        homepage=text("url"),
        files=in_tree(files.tree, _paths(header, texts("dirnames"), texts("basenames"), texts("oldfiles"))),
        requires=tuple(
            (word,) for word, flag in zip(requires, flags, strict=False) if not flag & _RPMLIB and word[:1] != "("
        ),
        provides=tuple(texts("provides")),
    )


def _numbers(header: Mapping[str, Value], name: str) -> list[int]:
    value = header.get(name, [])
    return [each for each in value if isinstance(each, int)] if isinstance(value, list) else []


def _paths(header: Mapping[str, Value], folders: list[str], names: list[str], old: list[str]) -> list[str]:
    indexes = _numbers(header, "dirindexes")
    return old or [folders[index] + name for index, name in zip(indexes, names, strict=True)]


# ---- signatures, as `rpm -q --qf '%{RSAHEADER:pgpsig}'` writes them

_KEYS = {1: "RSA", 17: "DSA", 19: "ECDSA", 22: "EdDSA", 27: "Ed25519", 28: "Ed448"}  # RFC 9580, 9.1
_HASHES = {1: "MD5", 2: "SHA1", 8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224"}  # RFC 9580, 9.5


def _signature(header: Mapping[str, Value]) -> str:
    for name in ("rsaheader", "dsaheader", "sigpgp", "siggpg"):
        value = header.get(name)
        if isinstance(value, bytes) and value:
            return signature_text(value)
    return "(none)"


def signature_text(packet: bytes) -> str:
    """What an OpenPGP signature packet tells: algorithms, time (UTC) and key."""
    try:
        return _signature_text(packet)
    except (struct.error, IndexError, ValueError):
        return "(unreadable signature)"


def _signature_text(packet: bytes) -> str:
    body = _body(packet)
    if body[0] == 3:
        made, key_id = struct.unpack_from(">I8s", body, 3)
        key, digest = body[15], body[16]
    else:
        key, digest = body[2], body[3]
        made, key_id = _subpackets(body)
    when = time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(made))
    return f"{_KEYS.get(key, key)}/{_HASHES.get(digest, digest)}, {when}, Key ID {key_id.hex()}"


def _body(packet: bytes) -> bytes:
    if packet[0] & 0x40:  # a new-format packet: RFC 9580, 4.2.1
        first = packet[1]
        if first < 192:
            return packet[2:]
        return packet[3:] if first < 224 else packet[6:]
    return packet[{0: 2, 1: 3, 2: 5}[packet[0] & 3] :]


def _subpackets(body: bytes) -> tuple[int, bytes]:
    """The time and the key's id from a version 4 signature."""
    made, key_id, here = 0, bytes(8), 4
    for _ in range(2):  # hashed, and not hashed
        (length,) = struct.unpack_from(">H", body, here)
        here, end = here + 2, here + 2 + length
        while here < end:
            size, skip = _subpacket_size(body, here)
            kind, data = body[here + skip] & 0x7F, body[here + skip + 1 : here + skip + size]
            if kind == 2:
                (made,) = struct.unpack(">I", data)
            elif kind == 16:
                key_id = data
            elif kind == 33 and not any(key_id):  # the fingerprint of the key, behind its version
                key_id = data[-8:]
            here += skip + size
    return made, key_id


def _subpacket_size(body: bytes, here: int) -> tuple[int, int]:
    first = body[here]
    if first < 192:
        return first, 1
    if first < 255:
        return ((first - 192) << 8) + body[here + 1] + 192, 2
    return struct.unpack_from(">I", body, here + 1)[0], 5
