"""Which kernel modules a small initial RAM disk gets."""

from __future__ import annotations

import pytest

from skerry.images.outputs.modules import (
    MEDIUM_MODULES,
    NETWORK_MODULES,
    ROOT_MODULES,
    ModuleLists,
    firmware_names,
    module_name,
    parse_lists,
)

DEP = """\
kernel/fs/squashfs/squashfs.ko.xz:
kernel/fs/isofs/isofs.ko.xz: kernel/drivers/cdrom/cdrom.ko.xz
kernel/drivers/cdrom/cdrom.ko.xz:
kernel/fs/erofs/erofs.ko.xz: kernel/lib/libcrc32c.ko.xz
kernel/lib/libcrc32c.ko.xz:
kernel/arch/x86/crypto/crc32c-intel.ko.xz:
kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz
kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz
kernel/net/core/failover.ko.xz:
kernel/drivers/net/ethernet/mellanox/mlxsw/mlxsw_core.ko.xz:
kernel/sound/snd.ko.xz:
"""
ALIAS = """\
# Aliases extracted from modules themselves.
alias fs-squashfs squashfs
alias virtio:d00000001v* virtio_net
alias pci:v0000 snd
"""


@pytest.fixture
def lists() -> ModuleLists:
    return parse_lists(DEP, ALIAS, "softdep libcrc32c pre: crc32c-intel\nsoftdep snd post: other\n")


def test_what_a_module_needs_comes_along(lists: ModuleLists) -> None:
    assert lists.chosen(["fs/isofs/"]) == ["kernel/drivers/cdrom/cdrom.ko.xz", "kernel/fs/isofs/isofs.ko.xz"]


def test_what_a_module_wants_softly_comes_along(lists: ModuleLists) -> None:
    assert "kernel/arch/x86/crypto/crc32c-intel.ko.xz" in lists.chosen(["fs/erofs/"])


def test_a_name_is_one_module_and_no_beginning(lists: ModuleLists) -> None:
    assert lists.chosen(["drivers/net/virtio"]) == []
    assert "kernel/drivers/net/virtio_net.ko.xz" in lists.chosen(["drivers/net/virtio_net"])


def test_cards_that_nobody_starts_from_stay_out(lists: ModuleLists) -> None:
    assert not [each for each in lists.chosen(NETWORK_MODULES) if "mlxsw" in each]


def test_a_medium_needs_no_network_and_the_network_no_medium(lists: ModuleLists) -> None:
    medium = {module_name(each) for each in lists.chosen((*ROOT_MODULES, *MEDIUM_MODULES))}
    network = {module_name(each) for each in lists.chosen((*ROOT_MODULES, *NETWORK_MODULES))}

    assert {"squashfs", "isofs", "erofs"} <= medium
    assert "virtio_net" not in medium
    assert {"squashfs", "virtio_net", "failover"} <= network
    assert "isofs" not in network


def test_the_lists_are_those_of_the_chosen_without_compression(lists: ModuleLists) -> None:
    chosen = lists.chosen(["fs/isofs/", "fs/squashfs/"])

    assert lists.dep_file(chosen).splitlines() == [
        "kernel/drivers/cdrom/cdrom.ko:",
        "kernel/fs/isofs/isofs.ko: kernel/drivers/cdrom/cdrom.ko",
        "kernel/fs/squashfs/squashfs.ko:",
    ]
    assert lists.alias_file(chosen) == "alias fs-squashfs squashfs\n"


def test_modules_say_which_firmware_they_load() -> None:
    module = b"\x7fELF\0license=GPL\0firmware=bnx2/a-1.fw\0firmware=bnx2/b.fw\0alias=x\0"

    assert firmware_names(module) == ["bnx2/a-1.fw", "bnx2/b.fw"]
