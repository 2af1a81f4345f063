"""The directory driver, with the real qemu-img and a registry of pools in memory."""

import asyncio
import gzip
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from tests.unit.storage.suite import MIB, DriverSuite

from skerry.errors import BadImage, Conflict, HostError, NoSpace, NotFound, TooLarge
from skerry.progress import Collected, Quiet
from skerry.storage.directory import Directory
from skerry.storage.driver import CloneKind
from skerry.storage.inspection import ImageLimits


class Registry:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.pools: dict[str, Path] = {}
        self.refreshed = 0
        self.broken = False
        self.taken = False

    async def ensure(self, name: str, path: Path) -> None:
        if self.taken:
            raise Conflict(f"libvirt has a storage pool {name} that shows /other, not {path}")
        self.pools[name] = path

    async def refresh(self, name: str) -> None:
        if self.broken:
            raise HostError("libvirt is away")
        self.refreshed += 1


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def changed() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def driver(tmp_path: Path, registry: Registry, changed: asyncio.Event) -> AsyncIterator[Directory]:
    directory = Directory("skerry", tmp_path / "storage", registry=registry)
    directory.on_change = changed.set
    await directory.start()
    yield directory
    await directory.stop()


def spooled(driver: Directory) -> list[str]:
    """Half-made images."""
    return [path.name for path in (driver.path.parent / "spool" / "parts").iterdir()]


def written(path: Path, image_format: str, *, size: int = 8 * MIB, options: str = "") -> Path:
    """An image whose first sector boots and whose first half is full."""
    raw = path.with_suffix(".content")
    raw.write_bytes(bytes(510) + b"\x55\xaa" + b"x" * (size // 2 - 512) + bytes(size // 2))
    extra = ["-o", options] if options else []
    tool("qemu-img", "convert", "-f", "raw", "-O", image_format, *extra, raw, path)
    return path


def tool(*argv: str | Path) -> bytes:
    """Run a program, and return what it prints."""
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout


def gz(path: Path) -> Path:
    path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


async def taken_in(driver: Directory, source: Path, *, raw: bool = False, sha256: str | None = None) -> str:
    """The format that the image has afterwards."""
    made = await driver.import_image("image", source, sha256=sha256, raw=raw, origin="a", progress=Quiet())
    return made.format


class TestDirectory(DriverSuite):
    """The suite of all drivers."""


async def test_libvirt_is_told_of_the_pool_and_of_changes(
    driver: Directory, registry: Registry, changed: asyncio.Event
) -> None:
    await driver.announce()
    before = registry.refreshed

    await asyncio.gather(*(driver.create(f"disk-{number}", MIB, origin="a") for number in range(10)))
    await changed.wait()

    assert registry.pools == {"skerry": driver.path}
    assert before < registry.refreshed < before + 10


async def test_changes_succeed_while_libvirt_is_away(
    driver: Directory, registry: Registry, changed: asyncio.Event
) -> None:
    registry.broken = True

    await driver.create("disk-1", MIB, origin="a")
    await changed.wait()

    assert [volume.name for volume in await driver.volumes()] == ["disk-1"]


async def test_nothing_is_changed_while_libvirt_shows_another_folder_under_our_name(
    driver: Directory, registry: Registry
) -> None:
    await driver.create("disk-1", MIB, origin="a")
    registry.taken = True
    with pytest.raises(Conflict):
        await driver.announce()

    with pytest.raises(Conflict, match="shows /other"):
        await driver.create("disk-2", MIB, origin="a")
    with pytest.raises(Conflict, match="shows /other"):
        await driver.resize("disk-1", 2 * MIB)
    with pytest.raises(Conflict, match="shows /other"):
        await driver.delete("disk-1")

    registry.taken = False
    await driver.announce()
    await driver.delete("disk-1")


async def test_a_copied_layer_has_its_own_content_and_not_that_of_its_image(
    driver: Directory, tmp_path: Path
) -> None:
    await taken_in(driver, written(tmp_path / "disk", "raw"))
    await driver.clone("image", "source", size=None, origin="b", progress=Quiet())
    path = driver.path / "source"
    tool("qemu-io", "-f", "qcow2", "-c", "write -P 0x7a 1M 64k", path)

    layer = await driver.clone("source", "copy", size=16 * MIB, how=CloneKind.LAYER, origin="c", progress=Quiet())

    await driver.resize("source", 16 * MIB)
    assert tool("qemu-img", "compare", path, layer.path)
    image = await driver.get("image")
    assert layer.backing == image.path
    assert layer.allocation < image.allocation


async def test_one_agent_works_in_a_folder(driver: Directory, registry: Registry) -> None:
    second = Directory("skerry", driver.path.parent, registry=registry)

    with pytest.raises(Conflict, match="another host agent"):
        await second.start()


async def test_what_a_dead_agent_left_is_removed_at_start(driver: Directory, registry: Registry) -> None:
    await driver.create("disk-1", MIB, origin="a")
    (driver.path.parent / "spool" / "parts" / "disk-2.0123.part").write_bytes(b"half")
    await driver.stop()

    again = Directory("skerry", driver.path.parent, registry=registry)
    await again.start()

    assert spooled(again) == []
    assert (await again.create("disk-1", MIB, origin="a")).name == "disk-1"
    await again.stop()


async def test_a_volume_replaced_behind_our_back_is_nobodys_work(driver: Directory) -> None:
    await driver.create("disk-1", MIB, origin="a")
    other = driver.path / "disk-1.new"
    other.write_bytes((driver.path / "disk-1").read_bytes())
    other.rename(driver.path / "disk-1")

    with pytest.raises(Conflict, match="already a volume"):
        await driver.create("disk-1", MIB, origin="a")


async def test_files_and_links_of_others_are_seen_for_what_they_are(driver: Directory) -> None:
    (driver.path / "notes.txt").write_bytes(b"hello")
    (driver.path / "link").symlink_to("/etc/passwd")
    (driver.path / "folder").mkdir()

    assert [(volume.name, volume.format) for volume in await driver.volumes()] == [("notes.txt", "raw")]


async def test_volumes_are_readable_by_their_owner_only(driver: Directory) -> None:
    made = await driver.create("disk-1", MIB, origin="a")

    assert Path(made.path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("image_format", ["qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc"])
async def test_an_image_becomes_a_qcow2_with_the_same_content(
    driver: Directory, tmp_path: Path, image_format: str
) -> None:
    source = written(tmp_path / "source", image_format)

    assert await taken_in(driver, source) == "qcow2"

    tool("qemu-img", "compare", "-q", "-f", image_format, "-F", "qcow2", source, driver.path / "image")
    assert spooled(driver) == []


@pytest.mark.parametrize("program", ["gzip", "bzip2", "xz", "zstd"])
async def test_a_compressed_image_is_unpacked(driver: Directory, tmp_path: Path, program: str) -> None:
    source = written(tmp_path / "source", "qcow2")
    with (tmp_path / "packed").open("wb") as packed:
        packed.write(tool(program, "-c", source))

    assert await taken_in(driver, tmp_path / "packed") == "qcow2"
    assert spooled(driver) == []


async def test_an_iso_stays_an_iso(driver: Directory, tmp_path: Path) -> None:
    source = tmp_path / "cd.iso"
    source.write_bytes(bytes(32769) + b"CD001" + bytes(2048 * 4))

    assert await taken_in(driver, source) == "iso"
    assert (driver.path / "image").read_bytes().rstrip(b"\0") == source.read_bytes().rstrip(b"\0")


async def test_an_import_tells_its_steps(driver: Directory, tmp_path: Path) -> None:
    source = written(tmp_path / "source", "raw")
    tool("gzip", source)
    packed = tmp_path / "source.gz"
    checksum = tool("sha256sum", packed).split()[0].decode()
    progress = Collected()

    await driver.import_image("image", packed, sha256=checksum.upper(), raw=False, origin="a", progress=progress)

    assert progress.steps == ["compare the checksum", "unpack gz", "look at the image", "copy the image"]
    assert progress.fractions[-1] == 1.0


async def test_a_second_try_needs_no_source(driver: Directory, tmp_path: Path) -> None:
    source = written(tmp_path / "source", "raw")
    await taken_in(driver, source)
    source.unlink()

    assert await taken_in(driver, source) == "qcow2"


async def test_what_is_not_there_cannot_be_imported(driver: Directory, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no image nothing"):
        await taken_in(driver, tmp_path / "nothing")


async def test_a_wrong_checksum_is_refused(driver: Directory, tmp_path: Path) -> None:
    source = written(tmp_path / "source", "raw")

    with pytest.raises(BadImage, match="SHA-256"):
        await taken_in(driver, source, sha256="0" * 64)
    assert await driver.volumes() == []


def _with_backing(path: Path) -> Path:
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", path, "8M"], check=True
    )
    return path


def _with_data_file(path: Path) -> Path:
    options = f"data_file={path}.data"
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "8M")
    return path


def _encrypted(path: Path) -> Path:
    secret = path.with_suffix(".secret")
    secret.write_text("secret")
    options = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"
    key = f"secret,id=s,file={secret}"
    tool("qemu-img", "create", "-q", "--object", key, "-f", "qcow2", "-o", options, path, "8M")
    return path


def _huge(path: Path) -> Path:
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", path, "65T")
    return path


def _scribbled(path: Path) -> Path:
    written(path, "qcow2")
    content = bytearray(path.read_bytes())
    content[65536 : 65536 * 3] = b"\xa5" * (65536 * 2)  # the refcount table
    path.write_bytes(content)
    return path


def _page(path: Path) -> Path:
    path.write_bytes(b"<html>".ljust(1024, b"x"))
    return path


def _half(image_format: str, options: str, path: Path) -> Path:
    return truncated(written(path, image_format, options=options))


def _in_parts(path: Path) -> Path:
    return written(path, "vmdk", options="subformat=twoGbMaxExtentSparse")


def _empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(_with_backing, "stands on another image, '/etc/passwd'", id="backing file"),
        pytest.param(_with_data_file, "another file", id="data file"),
        pytest.param(_encrypted, "encrypted", id="encrypted"),
        pytest.param(_scribbled, "corrupt", id="corrupt"),
        pytest.param(_page, "not a disk image", id="web page"),
        pytest.param(_empty, "empty", id="empty"),
        *(
            pytest.param(partial(_half, kind, ""), "corrupt|truncated", id=f"half a {kind}")
            for kind in ("qcow2", "vmdk", "vdi", "vhdx", "vpc")
        ),
        pytest.param(partial(_half, "vmdk", "subformat=streamOptimized"), "corrupt|truncated", id="half a stream"),
        pytest.param(_in_parts, "descriptor", id="vmdk in parts"),
    ],
)
async def test_a_hostile_or_broken_image_is_refused(
    driver: Directory, tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(BadImage, match=words):
        await taken_in(driver, make(tmp_path / "source"))

    assert await driver.volumes() == []
    assert spooled(driver) == []


@pytest.mark.parametrize("spoil", [truncated, lambda path: gz(truncated(path))], ids=["image", "compressed"])
async def test_what_is_wrong_with_an_image_is_said_with_the_name_that_people_know(
    driver: Directory, tmp_path: Path, spoil: Callable[[Path], Path]
) -> None:
    upload = spoil(written(tmp_path / "f3a9c1d2", "qcow2"))

    with pytest.raises(BadImage, match=r"^debian-13 ") as refused:
        await driver.import_image(
            "image", upload, sha256=None, raw=False, origin="a", progress=Quiet(), known_as="debian-13"
        )

    assert "f3a9c1d2" not in refused.value.message + (refused.value.hint or "")


async def test_a_disk_of_absurd_size_is_refused(driver: Directory, tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="64 TiB"):
        await taken_in(driver, _huge(tmp_path / "source"))


async def test_a_bomb_is_refused(tmp_path: Path, registry: Registry) -> None:
    limits = ImageLimits(unpacked=MIB)
    small = Directory("small", tmp_path / "small", registry=registry, limits=limits)
    await small.start()
    (tmp_path / "bomb").write_bytes(gzip.compress(bytes(8 * MIB)))

    with pytest.raises(TooLarge, match="unpacks to more than 1 MiB"):
        await taken_in(small, tmp_path / "bomb")

    assert spooled(small) == []
    await small.stop()


async def test_content_that_looks_like_nothing_comes_in_when_it_is_called_raw(
    driver: Directory, tmp_path: Path
) -> None:
    assert await taken_in(driver, _page(tmp_path / "source"), raw=True) == "qcow2"


async def test_a_header_inside_a_raw_disk_is_not_believed(driver: Directory, tmp_path: Path) -> None:
    source = _with_backing(tmp_path / "source")

    assert await taken_in(driver, source, raw=True) == "qcow2"

    info = json.loads(tool("qemu-img", "info", "--output=json", driver.path / "image"))
    assert "backing-filename" not in info


async def test_a_cancelled_import_leaves_nothing(driver: Directory, tmp_path: Path) -> None:
    source = written(tmp_path / "source", "raw", size=64 * MIB)
    started = asyncio.Event()

    class Watching(Collected):
        def step(self, name: str) -> None:
            if name == "copy the image":
                started.set()

    task = asyncio.create_task(
        driver.import_image("image", source, sha256=None, raw=False, origin="a", progress=Watching())
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await driver.volumes() == []
    assert spooled(driver) == []
    assert await taken_in(driver, source) == "qcow2"


@pytest.fixture
async def full_driver(tmp_path: Path, registry: Registry) -> AsyncIterator[Directory]:
    """A pool on a file system of 6 MiB."""
    root = tmp_path / "small"
    root.mkdir()
    tool("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", root)
    try:
        directory = Directory("small", root, registry=registry)
        await directory.start()
        yield directory
        await directory.stop()
    finally:
        tool("umount", root)


@pytest.mark.parametrize("program", [None, "gzip"], ids=["plain", "compressed"])
async def test_a_full_disk_is_said_and_leaves_nothing(
    full_driver: Directory, tmp_path: Path, program: str | None
) -> None:
    source = written(tmp_path / "source", "raw", size=32 * MIB)
    if program:
        tool(program, source)
        source = tmp_path / "source.gz"

    with pytest.raises(NoSpace, match="no space left"):
        await taken_in(full_driver, source)

    assert await full_driver.volumes() == []
    assert spooled(full_driver) == []
    assert (await full_driver.create("disk-1", MIB, origin="a")).capacity == MIB
