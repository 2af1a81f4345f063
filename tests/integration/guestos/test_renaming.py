"""A guest gets another name on its disk, and nothing but its disk is touched."""

from pathlib import Path

import pytest
from tests.fixtures.guest_disks import NEW, OLD, check_ext, debugfs, ext4, gpt_disk

from skerry.errors import BadImage, InvalidState
from skerry.guestos.host_names import Names
from skerry.guestos.renaming import Programs, rename_guest
from skerry.progress import Quiet
from skerry.sizes import MIB


async def rename(disk: Path, programs: Programs, old: str = OLD) -> tuple[str, ...]:
    await programs.cache.prepare()
    return await rename_guest(disk, Names(old, NEW), programs, Quiet())


async def test_an_ext4_on_the_whole_disk(tmp_path: Path, tree: Path, outside: Path, programs: Programs) -> None:
    disk = ext4(tmp_path / "disk", tree)

    changed = await rename(disk, programs)

    assert sorted(changed) == ["/etc/hostname", "/etc/hosts"]
    assert debugfs(disk, "cat /etc/hostname") == f"{NEW}\n"
    assert debugfs(disk, "cat /etc/hosts") == f"127.0.0.1 localhost\n127.0.1.1 {NEW} shop\n"
    assert "Mode:  0640" in debugfs(disk, "stat /etc/hosts")
    assert "Type: symlink" in debugfs(disk, "stat /etc/mailname")
    check_ext(disk)
    assert outside.read_text() == f"{OLD}\n"


async def test_an_ext4_in_a_partition(tmp_path: Path, tree: Path, programs: Programs) -> None:
    disk, (first, second) = gpt_disk(tmp_path / "disk")
    (tmp_path / "data").mkdir()
    ext4(disk, tmp_path / "data", offset=first)
    ext4(disk, tree, offset=second)
    before = disk.read_bytes()

    await rename(disk, programs)

    assert debugfs(disk, "cat /etc/hostname", second) == f"{NEW}\n"
    check_ext(disk, second)
    after = disk.read_bytes()
    assert after[:second] == before[:second]
    assert after[second + 32 * MIB :] == before[second + 32 * MIB :]


async def test_labels_and_access_lists_of_files_stay(tmp_path: Path, tree: Path, programs: Programs) -> None:
    disk = ext4(tmp_path / "disk", tree)
    given = b"\2\0\0\0" + b"".join(  # acl(5) as xattr(7): all may read, and user 1000
        tag.to_bytes(2, "little") + b"\4\0" + user.to_bytes(4, "little")
        for tag, user in ((1, 0), (2, 1000), (4, 0), (16, 0), (32, 0))
    )
    (tmp_path / "acl").write_bytes(given)
    debugfs(disk, "ea_set /etc/hostname security.selinux system_u:object_r:hostname_etc_t:s0", writing=True)
    debugfs(disk, f"ea_set -f {tmp_path}/acl /etc/hostname system.posix_acl_access", writing=True)

    await rename(disk, programs)

    assert debugfs(disk, "cat /etc/hostname") == f"{NEW}\n"
    assert "system_u:object_r:hostname_etc_t:s0" in debugfs(disk, "ea_get /etc/hostname security.selinux")
    debugfs(disk, f"ea_get -f {tmp_path}/kept /etc/hostname system.posix_acl_access")
    assert (tmp_path / "kept").read_bytes() == given
    assert "Extended attributes" not in debugfs(disk, "stat /etc/hosts")
    check_ext(disk)


async def test_a_folder_that_is_a_link_leads_nowhere(tmp_path: Path, programs: Programs) -> None:
    host, root = tmp_path / "host", tmp_path / "root"
    host.mkdir()
    root.mkdir()
    (host / "hostname").write_text(f"{OLD}\n")
    (root / "etc").symlink_to(host)
    disk = ext4(tmp_path / "disk", root)

    with pytest.raises(BadImage, match="there is no /etc/hostname"):
        await rename(disk, programs)

    assert (host / "hostname").read_text() == f"{OLD}\n"


async def test_a_guest_with_another_name_keeps_every_byte(tmp_path: Path, tree: Path, programs: Programs) -> None:
    disk = ext4(tmp_path / "disk", tree)
    before = disk.read_bytes()

    with pytest.raises(InvalidState, match="calls itself"):
        await rename(disk, programs, old="db.example.org")

    assert disk.read_bytes() == before


async def test_a_disk_without_a_file_system(tmp_path: Path, programs: Programs) -> None:
    disk, _ = gpt_disk(tmp_path / "disk")

    with pytest.raises(BadImage, match="no file system that is known"):
        await rename(disk, programs)
