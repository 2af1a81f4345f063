"""`skerry guest-os create`, called as Ganeti calls it, with a prepared root of a few files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.fixtures.small_guest import Ganeti, check_ext, debugfs, partitions, write_root

from skerry.images.settings import BuildSettings
from skerry.sizes import MIB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Ganeti's node daemon is root")
needs_loops = pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="there are no loop devices here")


@pytest.fixture
def ganeti(tmp_path: Path, kept_guests: BuildSettings) -> Ganeti:
    return Ganeti(tmp_path)


def root_offset(disk: Path) -> int:
    return int(str(partitions(disk)[-1]["start"])) * 512


def uuid_of(disk: Path, offset: int = 0) -> str:
    said = subprocess.run(
        ["blkid", "--probe", "--offset", str(offset), "--match-tag", "UUID", "--output", "value", disk],
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


def test_a_whole_disk_gets_a_file_system_that_fills_it_and_is_the_guests_own(ganeti: Ganeti) -> None:
    disk = ganeti.disk()

    ganeti.create(disk, OSP_PARTITION_STYLE="none", OSP_ROOT_PASSWORD_HASH="$6$abcdefgh$0123456789")

    check_ext(disk)
    assert disk.stat().st_size == 1024 * MIB
    assert "Block count:              262144" in debugfs(disk, "stats -h")
    assert debugfs(disk, "cat /etc/hostname") == "web1.example.org\n"
    assert f"UUID={uuid_of(disk)} / ext4" in debugfs(disk, "cat /etc/fstab")
    assert "root:$6$abcdefgh$0123456789:" in debugfs(disk, "cat /etc/shadow")
    assert re.search(r"Mode:\s+0640", debugfs(disk, "stat /etc/shadow"))
    assert debugfs(disk, "cat /etc/ssh/ssh_host_ed25519_key") == ""
    assert ganeti.left() == []


def test_two_guests_of_one_cache_share_nothing_that_names_them(ganeti: Ganeti) -> None:
    disks = [ganeti.disk(name=name) for name in ("one", "two")]

    for disk in disks:
        ganeti.create(disk, OSP_PARTITION_STYLE="none")

    for path in ("/etc/machine-id", "/var/lib/systemd/random-seed"):
        one, two = (debugfs(disk, f"dump {path} /dev/stdout") for disk in disks)
        assert one != two
        assert one
    assert uuid_of(disks[0]) != uuid_of(disks[1])


@pytest.mark.parametrize(("style", "number"), [("msdos", 1), ("gpt", 3)])
def test_a_partitioned_disk_has_boot_loader_and_menu(ganeti: Ganeti, style: str, number: int) -> None:
    disk = ganeti.disk()

    ganeti.create(disk, OSP_PARTITION_STYLE=style)

    offset = root_offset(disk)
    check_ext(disk, offset)
    assert len(partitions(disk)) == number
    assert disk.stat().st_size == 1024 * MIB
    with disk.open("rb") as file:
        assert b"GRUB" in file.read(512)
    assert f"root=UUID={uuid_of(disk, offset)} ro" in debugfs(disk, "cat /boot/grub/grub.cfg", offset)


def test_efi_system_partitions_have_serial_numbers_of_their_own(ganeti: Ganeti) -> None:
    disks = [ganeti.disk(name=name) for name in ("one", "two")]

    for disk in disks:
        ganeti.create(disk, OSP_PARTITION_STYLE="gpt", OSP_FIRMWARE="uefi")

    numbers = {uuid_of(disk, int(str(partitions(disk)[0]["start"])) * 512) for disk in disks}
    assert len(numbers) == 2


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_other_file_systems_are_written_anew_for_each_guest(ganeti: Ganeti, kind: str) -> None:
    disk = ganeti.disk()

    ganeti.create(disk, OSP_PARTITION_STYLE="gpt", OSP_FILESYSTEM=kind)

    offset = root_offset(disk)
    said = subprocess.run(
        ["blkid", "--probe", "--offset", str(offset), disk], capture_output=True, text=True, check=True
    )
    assert f'TYPE="{kind}"' in said.stdout


@needs_loops
def test_a_block_device_with_older_contents(ganeti: Ganeti) -> None:
    file = ganeti.disk(600 * MIB)
    with file.open("r+b") as older:
        for place in range(0, 600 * MIB, MIB):
            older.seek(place)
            older.write(b"older" * 4096)
    argv = ["losetup", "--find", "--show", str(file)]
    device = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    try:
        ganeti.create(Path(device), OSP_PARTITION_STYLE="none", DISK_0_BACKEND_TYPE="block")

        check_ext(Path(device))
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
    assert debugfs(file, "cat /etc/hostname") == "web1.example.org\n"


def test_hooks_see_what_the_readme_names_and_change_the_guest(ganeti: Ganeti) -> None:
    words = '"$SUITE $ARCH $PARTITION_STYLE $EXTRA_PKGS $INSTANCE_NAME $NIC_0_MAC ${PWD##*/}"'
    ganeti.hook("10-look", f'echo {words} > "$TARGET/root/seen"; [ "$BLOCKDEV" = "$DISK_0_PATH" ]')
    ganeti.hook("15-chroot", '[ -c "$TARGET/dev/null" ] && [ -e "$TARGET/proc/self/status" ]')
    ganeti.hook("20-named.badly", "exit 1")
    ganeti.settings("EXTRA_PKGS=less,vim\n")
    disk = ganeti.disk()

    log = ganeti.create(disk, OSP_PARTITION_STYLE="msdos")

    seen = debugfs(disk, "cat /root/seen", root_offset(disk))
    assert seen == "trixie amd64 msdos less,vim web1.example.org 52:54:00:12:34:56 os\n"
    assert "10-look names the disk, which has nothing on it yet without MOUNT=yes" in log


@needs_loops
def test_hooks_that_need_a_mount_get_one_that_nobody_else_sees(ganeti: Ganeti) -> None:
    ganeti.settings("MOUNT=yes\n")
    ganeti.hook("10-mounted", 'mountpoint "$TARGET" && [ -b "$FSYSDEV" ] && echo x > "$TARGET/root/seen"')
    disk = ganeti.disk()

    ganeti.create(disk, OSP_PARTITION_STYLE="msdos")

    check_ext(disk, root_offset(disk))
    assert debugfs(disk, "cat /root/seen", root_offset(disk)) == "x\n"
    assert str(disk) not in _loops()


def _loops() -> str:
    return subprocess.run(["losetup", "--list"], capture_output=True, text=True, check=True).stdout


@needs_loops
@pytest.mark.parametrize("mount", ["no", "yes"])
def test_a_hook_that_fails_stops_the_installation_and_is_named(ganeti: Ganeti, mount: str) -> None:
    ganeti.settings(f"MOUNT={mount}\n")
    ganeti.hook("10-bad", 'losetup --find "$BLOCKDEV" && echo "no such luck" >&2; exit 7')
    later = ganeti.hook("20-later", f"touch {ganeti.folder}/later")
    disk = ganeti.disk()

    status, log = ganeti.run(disk, OSP_PARTITION_STYLE="none")

    assert status == 1
    assert "10-bad failed with status 7" in log
    assert "no such luck" in log
    assert not later.with_name("later").exists()
    assert not (ganeti.folder / "later").exists()
    assert ganeti.left() == []
    assert str(disk) not in _loops()


def test_nobody_on_the_node_reads_what_only_the_guests_root_may(ganeti: Ganeti) -> None:
    found = ganeti.folder / "readable"
    open_files = f'find "${{TARGET%/*}}" -xdev -type f -perm /004 -exec grep -l abcdefgh {{}} + > {found} || true'
    ganeti.hook("10-look", open_files)

    ganeti.create(ganeti.disk(), OSP_PARTITION_STYLE="none", OSP_ROOT_PASSWORD_HASH="$6$abcdefgh$0123456789")

    assert found.read_text() == ""


def test_what_a_hook_made_immutable_goes_with_the_rest(ganeti: Ganeti) -> None:
    ganeti.hook(
        "10-keep", 'echo "nameserver 192.0.2.1" > "$TARGET/etc/kept"; chattr +i "$TARGET/etc/kept" || true'
    )
    disk = ganeti.disk()

    ganeti.create(disk, OSP_PARTITION_STYLE="none")

    assert debugfs(disk, "cat /etc/kept") == "nameserver 192.0.2.1\n"
    assert ganeti.left() == []


def test_a_hook_that_leaves_a_process_is_named_and_so_is_the_process(ganeti: Ganeti) -> None:
    ganeti.hook("10-daemon", f"sleep 4321 & echo $! > {ganeti.folder}/pid")

    status, log = ganeti.run(ganeti.disk(), OSP_PARTITION_STYLE="none")

    assert status == 1
    assert re.search(r"10-daemon left processes behind.*sleep", log)
    assert not any(b"sleep\x004321" in each for each in _command_lines())
    assert ganeti.left() == []


def _command_lines() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("mount", ["no", pytest.param("yes", marks=needs_loops)])
def test_after_a_kill_nothing_is_left_and_the_next_run_succeeds(ganeti: Ganeti, mount: str) -> None:
    ganeti.settings(f"MOUNT={mount}\n")
    here = ganeti.folder / "here"
    loop = 'losetup --find "$BLOCKDEV"; ' if mount == "yes" else ""
    waiting = ganeti.hook("10-waits", f"{loop}touch {here}; exec sleep 4322")
    disk = ganeti.disk()
    process = ganeti.start(disk, OSP_PARTITION_STYLE="none")
    while not here.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)

    assert (str(disk) in _loops()) == (mount == "yes")

    process.send_signal(signal.SIGKILL)
    process.communicate()

    end = time.monotonic() + 60
    while str(disk) in _loops() or any(b"sleep\x004322" in each for each in _command_lines()):
        assert time.monotonic() < end, f"left behind: {_loops()}"
        time.sleep(0.05)
    waiting.unlink()
    ganeti.create(disk, OSP_PARTITION_STYLE="none")
    assert ganeti.left() == []
    assert str(disk) not in _loops()
    check_ext(disk)


@pytest.mark.parametrize(
    ("number", "status", "mount"),
    [(signal.SIGTERM, 143, "no"), pytest.param(signal.SIGHUP, 129, "yes", marks=needs_loops)],
    ids=["TERM", "HUP"],
)
def test_one_that_is_asked_to_end_leaves_nothing(
    number: signal.Signals, status: int, mount: str, ganeti: Ganeti
) -> None:
    ganeti.settings(f"MOUNT={mount}\n")
    here = ganeti.folder / "here"
    ganeti.hook("10-waits", f"touch {here}; exec sleep 4324")
    disk = ganeti.disk()
    process = ganeti.start(disk, OSP_PARTITION_STYLE="none")
    while not here.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)

    process.send_signal(number)
    log, _ = process.communicate()

    assert (process.returncode, log.splitlines()[-1]) == (status, f"stopped by {number.name}")
    assert ganeti.left() == []
    assert str(disk) not in _loops()
    assert not any(b"sleep\x004324" in each for each in _command_lines())


def test_links_of_a_hostile_root_lead_nowhere(ganeti: Ganeti) -> None:
    outside = ganeti.folder / "outside"
    outside.mkdir()
    (outside / "hostname").write_text("ours")
    write_root(
        ganeti.tar, {"etc/shadow": str(outside / "hostname"), "var": str(outside), "etc/hostname": "/etc/passwd"}
    )
    before = Path("/etc/passwd").read_bytes()

    runs = [ganeti.run(ganeti.disk(), OSP_PARTITION_STYLE="none")]
    ganeti.hook("10-none", "exit 0")  # then the root is unpacked
    runs.append(ganeti.run(ganeti.disk(), OSP_PARTITION_STYLE="none"))

    assert (outside / "hostname").read_text() == "ours"
    assert sorted(outside.iterdir()) == [outside / "hostname"]
    assert Path("/etc/passwd").read_bytes() == before
    assert [status != 0 and "the guest" in log for status, log in runs] == [True, True], runs


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("INSTANCE_NAME", "a b;touch x", "INSTANCE_NAME"),
        ("OSP_SUITE", "../etc", "suite"),
        ("OSP_MIRROR", "http://x/$(reboot)", "mirror"),
        ("OSP_FILESYSTEM", "ext5", "ext4"),
        ("OSP_PARTITION_STYL", "none", "partition_style"),
        ("DISK_0_PATH", "/nowhere/disk", "/nowhere/disk"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_written(
    ganeti: Ganeti, variable: str, value: str, word: str
) -> None:
    disk = ganeti.disk()

    status, log = ganeti.run(disk, **{variable: value})

    assert status != 0
    assert word in log
    assert "Traceback" not in log
    assert disk.stat().st_blocks == 0


def test_a_disk_that_is_too_small_is_told_with_sizes(ganeti: Ganeti) -> None:
    status, log = ganeti.run(ganeti.disk(20 * MIB), OSP_PARTITION_STYLE="none")

    assert status != 0
    assert "20" in log
    assert "hint: make the disk larger" in log


def test_ten_at_once_all_succeed(ganeti: Ganeti) -> None:
    write_root(ganeti.tar)  # anew, so that all of them find nothing in the cache
    disks = [ganeti.disk(name=f"disk{number}") for number in range(10)]

    running = [ganeti.start(disk, OSP_PARTITION_STYLE="none") for disk in disks]
    logs = [process.communicate(timeout=600)[0] for process in running]

    assert [process.returncode for process in running] == [0] * len(disks), logs
    assert sum("Writing" in log for log in logs) == 1, "one of them writes what all copy"
    assert len({uuid_of(disk) for disk in disks}) == len(disks)


def test_without_a_cache_nothing_that_was_made_is_kept(ganeti: Ganeti) -> None:
    def entries() -> set[str]:
        return {each.name for each in (ganeti.cache / "entries").iterdir() if each.name.startswith("guest-")}

    ganeti.settings("GENERATE_CACHE=no\n")
    before = entries()

    ganeti.create(ganeti.disk(), OSP_PARTITION_STYLE="none")

    assert entries() == before


def test_without_a_cache_nothing_is_kept_of_a_guest_that_fails(ganeti: Ganeti) -> None:
    ganeti.settings("GENERATE_CACHE=no\n")
    before = {each.name for each in (ganeti.cache / "entries").iterdir()}

    status, log = ganeti.run(ganeti.disk(), OSP_PARTITION_STYLE="none", OSP_BOOT_LOADER="yes")

    assert status != 0
    assert "BOOT_LOADER=yes needs a partition table" in log
    new = {each.name for each in (ganeti.cache / "entries").iterdir()} - before
    assert not [name for name in new if name.startswith("guest-")]


def test_what_is_not_installed_is_told(ganeti: Ganeti) -> None:
    ganeti.settings("EXTRA_PKGS=less\n")

    log = ganeti.create(ganeti.disk(), OSP_PARTITION_STYLE="none")

    assert f"note: {ganeti.tar} is taken as the root" in log
    assert "and EXTRA_PKGS can do nothing" in log


@pytest.mark.parametrize(("parameter", "value"), [("EXTRA_PKGS", "less"), ("LOCALE", "de_DE.UTF-8")])
def test_what_an_instance_asks_for_is_not_passed_over_for_a_prepared_root(
    ganeti: Ganeti, parameter: str, value: str
) -> None:
    disk = ganeti.disk()

    status, log = ganeti.run(disk, **{"OSP_PARTITION_STYLE": "none", f"OSP_{parameter}": value})

    assert status != 0
    assert f"{parameter.lower()} can do nothing: {ganeti.tar} is taken as the root" in log
    assert disk.stat().st_blocks == 0


@pytest.mark.parametrize("hooks", [[], ["10-none"]], ids=["copied", "unpacked"])
def test_a_kernel_that_is_demanded_and_not_in_a_prepared_root_is_told_before_anything_is_written(
    ganeti: Ganeti, hooks: list[str]
) -> None:
    for hook in hooks:
        ganeti.hook(hook, "exit 0")
    kernel = ["./boot/vmlinuz-6.12", "./boot/initrd.img-6.12", "./vmlinuz", "./initrd.img"]
    subprocess.run(["tar", "--delete", "-f", ganeti.tar, *kernel], check=True)
    disk = ganeti.disk()

    status, log = ganeti.run(disk, OSP_KERNEL="yes")

    assert status != 0
    assert f"KERNEL=yes: {ganeti.tar} is taken as the root, and it has no kernel" in log
    assert disk.stat().st_blocks == 0
    assert ganeti.left() == []


def test_a_compressed_root_is_taken_as_tar_takes_it(ganeti: Ganeti) -> None:
    packed = subprocess.run(["gzip", "-c", ganeti.tar], capture_output=True, check=True).stdout
    ganeti.tar.write_bytes(packed)
    disk = ganeti.disk()

    ganeti.create(disk, OSP_PARTITION_STYLE="none")

    check_ext(disk)
    assert debugfs(disk, "cat /etc/hostname") == "web1.example.org\n"
    assert ganeti.left() == []


def test_a_full_disk_is_told_and_leaves_nothing_at_work(ganeti: Ganeti) -> None:
    small = ganeti.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", small], check=True)
    try:
        disk = small / "disk"
        with disk.open("wb") as file:
            file.truncate(512 * MIB)

        status, log = ganeti.run(disk, OSP_PARTITION_STYLE="none")
    finally:
        subprocess.run(["umount", small], check=True)

    assert status != 0
    assert "no room" in log or "No space left" in log
    assert "Traceback" not in log
    assert ganeti.left() == []


def test_a_mirror_that_is_gone_is_told_and_nothing_is_left(ganeti: Ganeti) -> None:
    ganeti.tar.unlink()
    disk = ganeti.disk()

    status, log = ganeti.run(disk, OSP_MIRROR="http://127.0.0.1:9/debian", OSP_KERNEL="no")

    assert status != 0
    assert "127.0.0.1:9" in log
    assert ganeti.left() == []
    assert disk.stat().st_blocks == 0
