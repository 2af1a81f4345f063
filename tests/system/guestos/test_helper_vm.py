"""One boot of the helper machine: file systems that only a kernel can change, and what it can do beside."""

import os
from pathlib import Path

import pytest
from tests.fixtures.guest_disks import FILES, NEW, OLD

from skerry.errors import CommandFailed
from skerry.guestos.helper_image import helper_image
from skerry.guestos.helper_vm import Helper, HelperDisk, open_helper
from skerry.guestos.renaming import HelperFiles, Programs
from skerry.sizes import MIB

pytestmark = pytest.mark.system
OFFSET = 4 * MIB  # of the btrfs on its disk


async def make_xfs(path: Path, tree: Path, programs: Programs) -> Path:
    lines = ["/none", "0 0", "d--755 0 0", "etc d--755 0 0"]
    lines += [f"{name} ---640 0 0 {tree}/etc/{name}" for name in ("hostname", "hosts", "fstab")]
    lines += [f"mailname l--777 0 0 {(tree / 'etc/mailname').readlink()}", "$", "$"]
    prototype = path.with_suffix(".proto")
    prototype.write_text("\n".join(lines) + "\n")
    path.touch()
    os.truncate(path, 300 * MIB)
    async with programs.tools() as tools:
        await tools.run("mkfs.xfs", "-q", "-p", prototype, path)
    return path


async def make_btrfs(path: Path, tree: Path, programs: Programs) -> Path:
    part = path.with_suffix(".part")
    part.touch()
    os.truncate(part, 128 * MIB)
    top = tree.parent / "top"
    top.mkdir()
    tree.rename(top / "@rootfs")
    async with programs.tools() as tools:
        await tools.run("mkfs.btrfs", "-q", "--rootdir", top, part)
    (top / "@rootfs").rename(tree)
    path.write_bytes(bytes(OFFSET) + part.read_bytes())
    return path


async def check_renamed(helper: Helper, kind: str, disk: str) -> None:
    files = HelperFiles(helper, kind, disk)
    paths = [f"/{path}" for path in FILES]
    assert await files.read([*paths, "/etc/mailname", "/etc/postfix/mailname", "/nothing"]) == {
        f"/{path}": text.encode() for path, text in FILES.items()
    }
    new = {"/etc/hostname": f"{NEW}\n".encode(), "/etc/hosts": b"longer than it was\n" * 100}
    await files.write(new)
    assert await files.read(paths) == {"/etc/fstab": FILES["etc/fstab"].encode(), **new}


async def test_xfs_and_btrfs_are_changed_in_a_machine_that_sees_nothing_else(
    tmp_path: Path, tree: Path, outside: Path, programs: Programs
) -> None:
    await programs.cache.prepare()
    xfs = await make_xfs(tmp_path / "xfs", tree, programs)
    btrfs = await make_btrfs(tmp_path / "btrfs", tree, programs)
    disks = [HelperDisk("x", xfs), HelperDisk("b", btrfs, offset=OFFSET)]
    machine = await programs.machine()

    async with (
        helper_image(programs.cache, programs.commands, programs.deb_lines()) as image,
        open_helper(image, machine, disks, programs.commands) as helper,
    ):
        await check_renamed(helper, "xfs", "x")
        await check_renamed(helper, "btrfs", "b")
        # What Debian's own definition needs for its partitions, and no network.
        assert b"device-mapper" in await helper.run("modprobe dm_mod; cat /proc/misc /proc/devices")
        assert (await helper.run("ls /sys/class/net")).split() == [b"lo"]
        with pytest.raises(CommandFailed, match="no such luck"):
            await helper.run("echo no such luck >&2; exit 3")

    async with programs.tools() as tools:
        await tools.run("xfs_repair", "-n", "-f", xfs)
        part = tmp_path / "part"
        part.write_bytes(btrfs.read_bytes()[OFFSET:])
        await tools.run("btrfs", "check", part)
    assert btrfs.read_bytes()[:OFFSET] == bytes(OFFSET)
    assert outside.read_text() == f"{OLD}\n"
