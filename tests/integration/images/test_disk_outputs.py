"""Disks of every layout, written from a small root, and looked at with the tools of their file systems."""

from __future__ import annotations

import filecmp
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fixtures.another_day import OnAnotherDay, later
from tests.unit.images.outputs.layouts import (
    identity,
    mirrored,
    plain,
    subvolumes,
    with_subvolumes,
    with_volumes,
)

from skerry.commands import CommandRunner, Commands
from skerry.errors import BadInput
from skerry.images import mirrors
from skerry.images.builder import FILES
from skerry.images.cache import Cache
from skerry.images.layout import FileSystem, Layout, PartitionSpec, Role, Storage
from skerry.images.outputs.devices import extents
from skerry.images.outputs.disk import RawDisk
from skerry.images.outputs.disk_plan import DiskPlan
from skerry.images.outputs.disk_writer import DiskWriter
from skerry.images.outputs.output import OutputBuild
from skerry.images.placing import copy_sparse
from skerry.images.recipe import Packages
from skerry.images.settings import BuildSettings
from skerry.images.sums import sha256_of
from skerry.images.toolbox import Tools
from skerry.images.tools import TOOLS_SOURCE, tools_tree
from skerry.images.verify_outputs import Comparison
from skerry.images.words import Meaning, Source
from skerry.images.words.meaning import default_storage
from skerry.progress import Quiet
from skerry.sizes import MIB

EPOCH = 1_700_000_000
MEANING = Meaning(Source("debian", "trixie"), Packages(), ())
_MORE = (
    PartitionSpec("boot", Role.DATA, "sda", 32 * MIB, FileSystem("ext4", "/boot")),
    PartitionSpec("swap", Role.SWAP, "sda", 16 * MIB, FileSystem("swap", label="swap")),
    PartitionSpec("efi", Role.DATA, "sda", 16 * MIB, FileSystem("vfat", "/data")),
)


@pytest.fixture
async def disk_tools(kept_images: BuildSettings) -> AsyncIterator[Tools]:
    """The tools tree with the programs of all file systems."""
    commands = CommandRunner()
    cache = Cache(kept_images.cache, kept_images.image_cache_size, commands)
    await cache.prepare()
    found = mirrors.find_mirrors(
        TOOLS_SOURCE.distribution,
        release=mirrors.machine_release(),
        sources=mirrors.machine_sources(),
        chosen=kept_images.mirrors(TOOLS_SOURCE.distribution),
    )
    more = RawDisk().more_tools(replace(MEANING, storage=xfs_storage()))
    async with tools_tree(cache, commands, mirrors.deb_lines(TOOLS_SOURCE, found), more) as tools:
        yield tools


def xfs_storage() -> Storage:
    storage = default_storage(400 * MIB)
    *others, root = storage.partitions
    return replace(storage, partitions=(*others, replace(root, content=FileSystem("xfs", "/"))))


@pytest.fixture
def root_tar(tmp_path: Path) -> Path:
    """A root with everything that a file system may stumble over."""
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:

        def add(
            name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", mode: int = 0o644, to: str = ""
        ) -> None:
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.mtime, member.linkname = kind, mode, EPOCH - 100, to
            member.uid, member.gid, member.size = 1000, 100, len(content)
            archive.addfile(member, io.BytesIO(content))

        for name in (".", "./boot", "./etc", "./home", "./lib", "./lib/modules", "./lib/modules/1", "./odd"):
            add(name, tarfile.DIRTYPE, mode=0o755)
        add("./tmp", tarfile.DIRTYPE, mode=0o1777)
        for name in ("dep", "alias", "softdep"):
            add(f"./lib/modules/1/modules.{name}")
        add("./boot/vmlinuz-1", content=b"kernel" * 1000)
        add("./boot/initrd.img-1", content=b"initrd" * 1000)
        add("./odd/with blank", content=b"blank")
        add("./odd/:colon", content=b"colon")
        add("./odd/grüße", content=b"umlaut")
        add("./odd/back\\x2dslash", content=b"backslash")
        add("./odd/first", content=b"two names")
        add("./odd/second", tarfile.LNKTYPE, to="./odd/first")
        add("./odd/link", tarfile.SYMTYPE, to="first")
        add("./odd/pipe", tarfile.FIFOTYPE)
        add("./odd/root-may", mode=0o4755)
        add("./home/mine", content=b"mine")
        add("./vmlinuz", tarfile.SYMTYPE, to="boot/vmlinuz-1")
        add("./initrd.img", tarfile.SYMTYPE, to="boot/initrd.img-1")
    return path


class Disks:
    """Writes disks, and reads what is in their file systems."""

    def __init__(self, tools: Tools, root_tar: Path, folder: Path, cache: Cache) -> None:
        self.tools = tools
        self._tar = root_tar
        self._folder = folder
        self.cache = cache

    async def write(self, layout: Layout, name: str = "one", commands: Commands | None = None) -> dict[str, Path]:
        """The raw disks of a layout."""
        commands = commands or self.tools.commands
        tools = Tools(self.tools.root, commands)
        async with self.cache.workspace() as workspace:
            build = OutputBuild(
                MEANING, "key", self._tar, self._folder, tools, workspace, commands, EPOCH, Quiet(), "small"
            )
            written = await DiskWriter(build, DiskPlan(MEANING, layout, identity)).write()
            return {disk: path.rename(self._folder / f"{name}-{disk}.raw") for disk, path in written.items()}

    def extract(self, layout: Layout, disks: dict[str, Path], device: str) -> Path:
        """A file system in a file of its own."""
        target = self._folder / f"{device.replace('/', '-')}.img"
        with target.open("wb") as file:
            file.truncate(layout.sizes[device])
            for extent in extents(layout, device):
                copy_sparse(disks[extent.disk], file.fileno(), extent.begin, begin=extent.offset, size=extent.size)
        return target

    async def say(self, program: str, *words: str | Path) -> str:
        """What a tool prints."""
        return (await self.tools.run(program, *words)).stdout


@pytest.fixture
async def disks(disk_tools: Tools, root_tar: Path, tmp_path: Path) -> Disks:
    cache = Cache(tmp_path / "cache", 100 * MIB, disk_tools.commands)
    await cache.prepare()
    return Disks(disk_tools, root_tar, tmp_path, cache)


async def test_ext4_with_boot_swap_and_fat(disks: Disks) -> None:
    layout = plain("ext4", *_MORE)
    made = await disks.write(layout)

    for device in ("root", "boot"):
        await disks.say("e2fsck", "-fn", disks.extract(layout, made, device))
    root = disks.extract(layout, made, "root")
    assert (await disks.say("debugfs", "-R", "cat /odd/second", root)) == "two names"
    assert "vmlinuz" not in await disks.say("debugfs", "-R", "ls -p /boot", root)
    boot = disks.extract(layout, made, "boot")
    assert "vmlinuz-1" in await disks.say("debugfs", "-R", "stat /vmlinuz", boot)
    assert "linux /vmlinuz root=UUID=" in await disks.say("debugfs", "-R", "cat /grub/grub.cfg", boot)
    assert disks.extract(layout, made, "swap").read_bytes()[4086:4096] == b"SWAPSPACE2"
    table = await disks.say("sfdisk", "--verify", made["sda"])
    assert "No errors" in table


async def test_xfs_keeps_all_that_a_tar_says(disks: Disks) -> None:
    layout = plain("xfs")
    image = disks.extract(layout, await disks.write(layout), "root")

    await disks.say("xfs_repair", "-n", image)
    looked = {
        "/odd/second": "core.nlinkv2 = 2",
        "/odd/:colon": "core.nlinkv2 = 1",
        "/odd/grüße": "core.uid = 1000",
        "/odd/root-may": "core.mode = 0104755",
        "/tmp": "core.mode = 041777",
        "/odd/pipe": "core.mode = 010644",
        "/odd/back\\x2dslash": "core.size = 9",
        "/home/mine": "core.mtime.sec = ",
    }
    for path, expected in looked.items():
        assert expected in await disks.say("xfs_db", "-r", "-c", f"path {path}", "-c", "print core", image), path
    names = await disks.say("xfs_db", "-r", "-c", "path /odd", "-c", "ls", image)
    assert "with blank" in names
    assert ".skerry" not in names


async def test_btrfs_has_its_subvolumes(disks: Disks, tmp_path: Path) -> None:
    layout = with_subvolumes()
    image = disks.extract(layout, await disks.write(layout), "btrfs/all")

    await disks.say("btrfs", "check", "--readonly", image)
    roots = await disks.say("btrfs", "inspect-internal", "dump-tree", "-t", "root", image)
    assert "name @home" in roots or "name: @home" in roots
    await disks.say("btrfs", "restore", "--path-regex", "^/(|@home(|/mine))$", image, tmp_path)
    assert (tmp_path / "@home/mine").read_bytes() == b"mine"


async def test_erofs_boots_through_its_own_initial_ram_disk(disks: Disks, tmp_path: Path) -> None:
    layout = plain("erofs", _MORE[0])
    made = await disks.write(layout)

    await disks.say("fsck.erofs", f"--extract={tmp_path / 'out'}", disks.extract(layout, made, "root"))
    assert (tmp_path / "out/odd/with blank").read_bytes() == b"blank"
    assert (tmp_path / "out/odd/second").stat().st_nlink == 2
    boot = disks.extract(layout, made, "boot")
    assert "initrd /skerry-overlay.img" in await disks.say("debugfs", "-R", "cat /grub/grub.cfg", boot)
    assert "skerry-overlay.img" in await disks.say("debugfs", "-R", "ls -p /", boot)


async def test_lvm_finds_its_volumes(disks: Disks) -> None:
    layout = with_volumes()
    made = await disks.write(layout)

    await disks.say("e2fsck", "-fn", disks.extract(layout, made, "vg-a/root"))
    await disks.say("e2fsck", "-fn", disks.extract(layout, made, "vg-a/home"))


async def test_a_mirror_has_the_same_twice(disks: Disks) -> None:
    layout = mirrored()
    made = await disks.write(layout)

    halves = []
    for extent in extents(layout, "md/root"):
        with made[extent.disk].open("rb") as file:
            file.seek(extent.offset)
            halves.append(file.read(extent.size))
    assert halves[0] == halves[1]
    await disks.say("e2fsck", "-fn", disks.extract(layout, made, "md/root"))


@pytest.mark.parametrize(
    "layout",
    [
        plain("ext4", *_MORE, size=64 * MIB),
        plain("erofs", _MORE[0], size=16 * MIB),
        plain("xfs"),
        with_volumes(),
        mirrored(),
    ],
    ids=["ext4, fat, swap", "erofs", "xfs", "lvm", "mirror"],
)
async def test_the_same_root_gives_the_same_bytes_on_another_day(
    disks: Disks, layout: Layout, tmp_path: Path
) -> None:
    first, second = (
        await disks.write(layout, "one"),
        await disks.write(layout, "two", OnAnotherDay(later(tmp_path))),
    )

    for name, path in first.items():
        assert filecmp.cmp(path, second[name], shallow=False), name


async def test_two_btrfs_are_the_same_when_their_files_are(disks: Disks, root_tar: Path, tmp_path: Path) -> None:
    async def entry(name: str) -> Path:
        made = await disks.write(with_subvolumes(), name)
        (tmp_path / name / FILES).mkdir(parents=True)
        path = made["sda"].rename(tmp_path / name / FILES / "small.raw")
        facts = {"files": {path.name: {"sha256": sha256_of(path)}}, "folders": {}}
        (tmp_path / name / "facts.json").write_text(json.dumps(facts))
        return tmp_path / name

    async with disks.cache.workspace() as workspace:
        meaning = replace(MEANING, storage=subvolumes())
        comparison = Comparison(RawDisk(), meaning, "small", EPOCH, disks.tools, workspace, disks.tools.commands)
        one, other = await entry("one"), await entry("other")
        assert not filecmp.cmp(one / FILES / "small.raw", other / FILES / "small.raw", shallow=False)
        assert await comparison.differences(one, other) == []

        with tarfile.open(root_tar, "a", format=tarfile.PAX_FORMAT) as archive:
            member = tarfile.TarInfo("./home/mine")
            member.size, member.mode, member.mtime = 4, 0o600, EPOCH - 100
            member.uid, member.gid = 1000, 100
            archive.addfile(member, io.BytesIO(b"mein"))
        changed = await entry("changed")
        assert await comparison.differences(one, changed) == [
            "disk: btrfs/all:",
            "  ./@home/mine: mode 644 and 600, content",
        ]


@pytest.mark.parametrize(("kind", "size"), [("ext4", 8 * MIB), ("btrfs", 128 * MIB), ("erofs", 8 * MIB)])
async def test_too_many_files_are_told_with_what_to_change(
    disks: Disks, root_tar: Path, kind: str, size: int
) -> None:
    with tarfile.open(root_tar, "a", format=tarfile.PAX_FORMAT) as archive:
        for number in range(size // MIB // 10 + 2):
            member = tarfile.TarInfo(f"./large-{number}")
            member.size = 10 * MIB
            archive.addfile(member, io.BytesIO(os.urandom(member.size)))

    with pytest.raises(BadInput, match=f"the files of / .* do not fit in its {kind}") as caught:
        await disks.write(plain(kind, _MORE[0], size=size))

    assert "raise --size of `part /`" in str(caught.value.hint)
