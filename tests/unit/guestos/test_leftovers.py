"""What belongs to an instance, among all that there is on a host."""

from __future__ import annotations

from dataclasses import replace

from skerry.guestos.leftovers import Device, Facts, Left, Mount, Process, left_behind, read_mounts, removal_argv

DISK = "/srv/web1.raw"
LOOP = Device("/dev/loop3", file=DISK, names=("/dev/loop3p1",))
PARTITION = Device("/dev/mapper/loop3p1", parents=("/dev/loop3",), names=("/dev/dm-0",))
OTHER = Device("/dev/loop4", file="/srv/web2.raw")
ROOT = Mount("/tmp/target", "/dev/mapper/loop3p1")
BELOW = Mount("/tmp/target/proc", "proc")
STRANGER = Mount("/tmp/target-of-another", "/dev/loop4")


def found(*processes: Process, uuid: str = "u1", session: int | None = None) -> Left:
    facts = Facts(processes, (STRANGER, ROOT, BELOW), (OTHER, PARTITION, LOOP))
    return left_behind(facts, uuid=uuid, disks=[DISK], session=session)


def test_what_stands_on_a_disk_is_removed_in_reverse_order() -> None:
    left = found()

    assert left.mounts == (BELOW, ROOT)
    assert [argv[-1] for argv in removal_argv(left)] == [
        "/tmp/target/proc",
        "/tmp/target",
        "loop3p1",
        "/dev/loop3",
    ]


def test_a_mount_of_a_partition_is_found_by_the_partitions_name() -> None:
    mount = Mount("/mnt", "/dev/loop3p1")

    assert left_behind(Facts((), (mount,), (LOOP,)), uuid="", disks=[DISK]).mounts == (mount,)


def test_a_given_block_device_is_not_detached_itself() -> None:
    left = left_behind(Facts((), (ROOT,), (LOOP, PARTITION)), uuid="", disks=["/dev/loop3"])

    assert left.loops == ()
    assert left.mappings == (PARTITION,)
    assert left.mounts == (ROOT,)


def test_processes_are_known_by_session_environment_or_place() -> None:
    session = Process(10, "sh", 10)
    marked = Process(11, "apt", 11, uuid="u1")
    inside = Process(12, "dbus-daemon", 12, places=("/tmp/target", "/tmp/target"))
    other = Process(13, "sshd", 13, places=("/", "/tmp/target-of-another"), uuid="u2")

    assert found(session, marked, inside, other, session=10).processes == (session, marked, inside)


def test_without_an_uuid_no_environment_counts() -> None:
    assert found(Process(13, "sshd", 13), uuid="").processes == ()


def test_what_was_there_before_is_not_left_behind() -> None:
    left = found()

    assert not left.without(left)
    assert left.without(Left()).names() == left.names()


def test_a_loop_device_that_is_let_go_is_the_kernels_and_no_longer_ours() -> None:
    let_go = replace(LOOP, let_go=True)
    left = left_behind(Facts((), (), (let_go,)), uuid="", disks=[DISK])

    assert left.loops == (let_go,)
    assert not left.ours
    assert left_behind(Facts((), (ROOT,), (let_go, PARTITION)), uuid="", disks=[DISK]).ours.mounts == (ROOT,)


def test_names_of_mount_points_may_hold_anything() -> None:
    line = "36 35 98:0 / /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root\\0122 rw,errors=continue\n"

    assert list(read_mounts(line)) == [Mount("/mnt/a b", "/dev/root\n2")]
