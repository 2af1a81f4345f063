"""How the helper machine is started: as nobody, with nothing but open files."""

from itertools import pairwise
from pathlib import Path

import pytest

from skerry.errors import BadInput
from skerry.guestos.helper_vm import HelperDisk, Machine, OpenedDisk, argv, disk_argv, opened, unprivileged_argv
from skerry.sizes import MIB

KERNEL, INITRD = (OpenedDisk(HelperDisk("", Path("/cache/file"), read_only=True), number) for number in (7, 8))


def words_of(machine: Machine, *disks: OpenedDisk, network: bool = False) -> list[str]:
    return [
        str(word)
        for word in argv(machine, (KERNEL, INITRD), disks, {"helper": 9}, network=network, memory=512 * MIB)
    ]


def after(words: list[str], option: str) -> list[str]:
    return [value for word, value in pairwise(words) if word == option]


def test_root_becomes_nobody_and_can_become_nobody_else() -> None:
    words = unprivileged_argv(0, None)

    assert {"--no-new-privs", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"} <= {
        *words
    }


def test_nobody_may_use_kvm_where_it_works() -> None:
    assert "--groups=108" in unprivileged_argv(0, 108)


def test_a_plain_user_stays_who_they_are() -> None:
    assert unprivileged_argv(1000, None) == ["setpriv", "--no-new-privs", "--pdeathsig", "KILL", "--"]


def test_no_path_of_the_host_is_opened_by_the_machine() -> None:
    words = words_of(Machine(), OpenedDisk(HelperDisk("guest", Path("/secret/disk")), 10))

    assert not [word for word in words if "/secret" in word or "/cache" in word]
    assert after(words, "-kernel") == ["/proc/self/fd/7"]


def test_there_is_a_network_only_where_one_is_asked_for() -> None:
    assert not after(words_of(Machine()), "-netdev")
    assert after(words_of(Machine(), network=True), "-netdev") == ["user,id=net"]


def test_system_calls_are_filtered() -> None:
    assert after(words_of(Machine()), "-sandbox") == [
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
    ]


def test_a_part_of_a_disk_is_all_that_the_machine_sees_of_it() -> None:
    disk = HelperDisk("guest", Path("/disk"), offset=MIB, size=2 * MIB)

    backends = after([str(word) for word in disk_argv(0, OpenedDisk(disk, 10, is_block=True))], "-blockdev")

    assert backends == [
        "driver=host_device,node-name=file0,filename=/dev/fdset/0,read-only=off,discard=unmap",
        "driver=raw,node-name=disk0,file=file0,read-only=off,offset=1048576,size=2097152,discard=unmap",
    ]


def test_a_disk_begins_at_a_sector(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match="cannot begin at byte 100"),
        opened(HelperDisk("guest", tmp_path, offset=100)),
    ):
        pass
