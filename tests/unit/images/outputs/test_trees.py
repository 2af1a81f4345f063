"""Which files of a root go into which file system."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from skerry.images.outputs.filesystems.ext import debugfs_script
from skerry.images.outputs.filesystems.swap import header
from skerry.images.outputs.filesystems.vfat import extract_plain
from skerry.images.outputs.filesystems.xfs import inode_commands, name_commands, prototype_lines, read_tree
from skerry.images.outputs.filesystems.xfs_inodes import Inode, inodes, settle_commands
from skerry.images.outputs.trees import Place, Tree, inside, look_into, place_of, read_files, split, tree_of
from skerry.sizes import MIB

EPOCH = 1_700_000_000
PLACES = (Place("/", "root"), Place("/home", "home"), Place("/boot", "boot"), Place("/boot/efi", "esp"))


def add(
    archive: tarfile.TarFile, name: str, content: bytes | str = b"", mode: int = 0o644, link: str = ""
) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime, member.uid = mode, EPOCH, 7
    if name.endswith("/"):
        member.type = tarfile.DIRTYPE
    elif link:
        member.type, member.linkname = tarfile.LNKTYPE, link
    elif isinstance(content, str):
        member.type, member.linkname = tarfile.SYMTYPE, content
    else:
        member.size = len(content)
    archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("./", "./boot/", "./boot/efi/", "./etc/", "./home/", "./home/me/", "./tmp/"):
            add(archive, name, mode=0o1777 if name == "./tmp/" else 0o750)
        add(archive, "./boot/vmlinuz-1", b"kernel" * 200)
        add(archive, "./etc/fstab", b"of the recipe")
        add(archive, "./etc/host name", b"x")
        add(archive, "./etc/:colon", b"y")
        add(archive, "./home/me/file", b"mine")
        add(archive, "./home/me/same", link="./home/me/file")
        add(archive, "./etc/other", link="./home/me/file")
        add(archive, "./vmlinuz", "boot/vmlinuz-1")
    return path


def names(tree: Tree) -> list[str]:
    with tarfile.open(tree.tar) as archive:
        return [member.name for member in archive]


def content(tree: Tree, name: str) -> bytes:
    with tarfile.open(tree.tar) as archive:
        source = archive.extractfile(name)
        assert source
        return source.read()


def test_a_path_is_where_the_longest_mount_point_is() -> None:
    assert [place_of(path, PLACES).device for path in ("/homely", "/home", "/boot/efi/EFI", "/boot/x")] == [
        "root",
        "home",
        "esp",
        "boot",
    ]
    assert inside("/home/me", PLACES[1]) == "/me"
    assert inside("/home", PLACES[1]) == "/"
    assert inside("/etc", Place("/", "all", "@")) == "/@/etc"


def test_a_root_is_cut_at_its_mount_points(root: Path, tmp_path: Path) -> None:
    trees = split(root, PLACES, {"/etc/fstab": b"ours"}, tmp_path, EPOCH)

    assert names(trees["boot"]) == [".", "./efi", "./vmlinuz-1"]
    assert names(trees["esp"]) == ["."]
    assert "./home" in names(trees["root"])
    assert "./home/me" not in names(trees["root"])
    assert content(trees["boot"], "./vmlinuz-1") == b"kernel" * 200
    assert trees["boot"].size == 1200


def test_our_files_win_and_have_their_folders(root: Path, tmp_path: Path) -> None:
    files = {"/etc/fstab": b"ours", "/etc/repart.d/50-root.conf": b"grow"}
    tree = split(root, PLACES[:1], files, tmp_path, EPOCH, {"/boot/vmlinuz": "vmlinuz-1"})["root"]

    assert names(tree).count("./etc/fstab") == 1
    assert content(tree, "./etc/fstab") == b"ours"
    assert names(tree)[-4:] == ["./etc/fstab", "./etc/repart.d", "./etc/repart.d/50-root.conf", "./boot/vmlinuz"]


def test_a_mount_point_that_no_package_has_is_made(root: Path, tmp_path: Path) -> None:
    places = (PLACES[0], Place("/srv/deep/data", "data"))
    trees = split(root, places, {}, tmp_path, EPOCH)

    assert names(trees["root"])[-3:] == ["./srv", "./srv/deep", "./srv/deep/data"]
    assert names(trees["data"]) == ["."]


def test_a_hard_link_into_another_file_system_becomes_a_file(root: Path, tmp_path: Path) -> None:
    trees = split(root, PLACES, {}, tmp_path, EPOCH)

    assert content(trees["root"], "./etc/other") == b"mine"
    with tarfile.open(trees["home"].tar) as archive:
        assert archive.getmember("./me/same").linkname == "./me/file"


def test_owners_modes_and_times_stay(root: Path, tmp_path: Path) -> None:
    with tarfile.open(split(root, PLACES, {}, tmp_path, EPOCH)["root"].tar) as archive:
        member = archive.getmember("./tmp")

    assert (member.mode, member.uid, member.mtime) == (0o1777, 7, EPOCH)


def test_subvolumes_are_folders_of_the_top(root: Path, tmp_path: Path) -> None:
    places = (Place("/", "all", "@"), Place("/home", "all", "@home"))
    tree = split(root, places, {}, tmp_path, EPOCH)["all"]

    assert {"./@/etc/host name", "./@/home", "./@home/me/file"} <= set(names(tree))
    assert content(tree, "./@/etc/other") == b"mine"


def test_equal_roots_give_equal_trees(root: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        trees = split(root, PLACES, {"/etc/fstab": b"ours"}, tmp_path / name, EPOCH)
        made.append({device: tree.tar.read_bytes() for device, tree in trees.items()})

    assert made[0] == made[1]


def test_what_is_in_a_root_is_known_without_unpacking_it(root: Path) -> None:
    found = look_into(root)

    assert "/home/me/file" in found.names
    assert found.links == {"/vmlinuz": "boot/vmlinuz-1"}
    assert read_files(root, {"/etc/fstab"}) == {"/etc/fstab": b"of the recipe"}


def test_a_fat_takes_files_and_folders_only(root: Path, tmp_path: Path) -> None:
    tree = tree_of({"/EFI/BOOT/BOOTX64.EFI": b"loader"}, tmp_path / "esp.tar", EPOCH)
    (tmp_path / "esp").mkdir()
    (tmp_path / "all").mkdir()
    extract_plain(tree.tar, tmp_path / "esp", EPOCH)
    extract_plain(root, tmp_path / "all", EPOCH)

    assert (tmp_path / "esp/EFI/BOOT/BOOTX64.EFI").read_bytes() == b"loader"
    assert (tmp_path / "esp/EFI").stat().st_mtime == EPOCH
    assert not (tmp_path / "all/vmlinuz").exists()


def test_debugfs_writes_files_as_roots() -> None:
    assert debugfs_script("file", ["/etc/fstab"]).splitlines() == [
        'mkdir "/etc"',
        'cd "/etc"',
        'rm "fstab"',
        'write file-0 "fstab"',
        'sif "fstab" mode 0100644',
        'sif "fstab" uid 0',
        'sif "fstab" gid 0',
    ]


def test_a_prototype_lists_the_tree(root: Path) -> None:
    apart = {"etc/host name": Path("/apart/0")}
    lines = list(prototype_lines(read_tree(root)[0], Path("/tree"), apart))

    assert lines[0] == "d--750 7 0"
    assert lines[-1] == "$"
    assert "host/name ---644 7 0 /apart/0" in lines
    assert "vmlinuz l--644 7 0 boot/vmlinuz-1" in lines
    at = lines.index("home d--750 7 0")
    assert lines[at + 1 : at + 5] == ["me d--750 7 0", "file ---644 7 0 /tree/home/me/file", "$", "$"]


def test_what_a_prototype_cannot_say_is_written_afterwards(root: Path) -> None:
    tree, links = read_tree(root)
    commands = [*name_commands(tree, links), *inode_commands(tree)]

    assert commands[:2] == ["path /etc", "link -p /home/me/file other"]
    assert commands[(at := commands.index("unlink .skerry-0")) - 2 : at + 1] == [
        "path /etc",
        "link -p /etc/.skerry-0 :colon",
        "unlink .skerry-0",
    ]
    assert f"write core.mode 0{0o41777:o}" in commands
    assert f"write core.mtime {(EPOCH + 2**31) * 10**9}" in commands


def test_the_inodes_of_an_xfs_are_found_and_lose_what_was_drawn_by_lot() -> None:
    listed = """\
inobt level 0 block 1 daddr 24
recs[1-2] = [startino,holemask,count,freecount,free]
1:[128,0,64,61,0xfffffffffffffff8] 2:[192,0xff00,32,31,0xfffffffffffffffe]
"""
    found = list(inodes(listed, 1 << 20))

    assert found[2:4] == [Inode((1 << 20) + 130, used=True), Inode((1 << 20) + 131, used=False)]
    assert [each.number - (1 << 20) for each in found] == [*range(128, 192), *range(192, 224)]
    time = (EPOCH + 2**31) * 10**9
    assert list(settle_commands([Inode(7, used=True), Inode(8, used=False)], EPOCH)) == [
        "inode 7",
        "write core.gen 0",
        *(f"write {name} {time}" for name in ("core.atime", "core.mtime", "core.ctime", "v3.crtime")),
        "inode 8",
        "write core.gen 0",
    ]


def test_swap_says_how_many_pages_it_has() -> None:
    page = header(64 * MIB, "5d0c3b6e-6a2b-4f0e-9a52-0c5a6c9e9b41", "swap")

    assert len(page) == 4096
    assert page.endswith(b"SWAPSPACE2")
    assert page[1024:1036] == b"\x01\0\0\0\xff\x3f\0\0\0\0\0\0"
    assert page[1036:1040] == b"\x5d\x0c\x3b\x6e"
