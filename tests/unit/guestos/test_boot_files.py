"""Whether a disk starts by itself, and which kernel is taken from one that does not."""

from __future__ import annotations

import pytest

from skerry.guestos.boot_files import choose, plain_files, starts_itself
from skerry.guestos.disk_tables import reader_of_bytes


def sector(*, code: bytes = b"", kind: int = 0, signature: bytes = b"\x55\xaa") -> bytes:
    table = bytes([0x80, 0, 0, 0, kind, 0, 0, 0]).ljust(64, b"\0")
    return code.ljust(446, b"\0") + table + signature


@pytest.mark.parametrize(
    ("disk", "bios", "uefi"),
    [
        pytest.param(bytes(512), False, False, id="a file system on the whole disk"),
        pytest.param(sector(kind=0x83), False, False, id="a partition table without a program"),
        pytest.param(sector(code=b"\xeb\x63", kind=0x83), True, False, id="a boot loader for BIOS"),
        pytest.param(sector(kind=0xEF), False, True, id="an EFI partition in an MBR"),
        pytest.param(
            sector(kind=0xEE) + bytes(512) + bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b"),
            False,
            True,
            id="an EFI partition in a GPT",
        ),
    ],
)
def test_firmware_starts_what_is_made_for_it(disk: bytes, *, bios: bool, uefi: bool) -> None:
    read = reader_of_bytes(disk)

    assert starts_itself(read, uefi=False) is bios
    assert starts_itself(read, uefi=True) is uefi


def test_the_newest_kernel_is_taken_with_its_own_initrd() -> None:
    names = [
        *("vmlinuz-6.1.0-9-amd64", "initrd.img-6.1.0-9-amd64"),
        *("vmlinuz-6.1.0-30-amd64", "initrd.img-6.1.0-30-amd64", "config-6.1.0-30-amd64"),
    ]
    chosen = choose(names)

    assert chosen is not None
    assert (chosen.kernel, chosen.initrd) == ("vmlinuz-6.1.0-30-amd64", "initrd.img-6.1.0-30-amd64")


def test_a_kernel_may_have_no_initrd_and_a_disk_no_kernel() -> None:
    lonely = choose(["vmlinuz-6.1"])

    assert lonely is not None
    assert lonely.initrd is None
    assert choose(["initrd.img-6.1", "vmlinuz", "vmlinuz-../../etc"]) is None


def test_only_plain_files_of_a_bearable_size_are_seen() -> None:
    listing = """debugfs: ls -p /boot
/11/040755/0/0/.//
/12/100644/0/0/vmlinuz-6.1/8000000/
/13/120777/0/0/vmlinuz-6.2/12/
/14/100644/0/0/vmlinuz-6.3/9999999999999/
/15/100644/0/0/vmlinuz-6.4/0/
"""

    assert plain_files(listing) == ["vmlinuz-6.1"]
