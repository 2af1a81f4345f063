"""What a dump's fstab says of its root, and what must be said anew."""

import pytest

from skerry.guestos.dumps import RootEntry, read_fstab, with_root
from skerry.guestos.streams import is_dump

UUID = "11111111-2222-3333-4444-55555555aaaa"
NEW = "99999999-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (
            f"# /etc/fstab\nproc /proc proc defaults 0 0\nUUID={UUID.upper()} / ext3 ro 0 1\n",
            RootEntry("ext3", UUID),
        ),
        ("LABEL=root\t/\text4\tdefaults 0 1\n", RootEntry("ext4", "", "root")),
        ("/dev/sda1 / ext2 defaults 0 1\n", RootEntry("ext2")),
        ("/dev/sda1 / auto defaults 0 1\n", RootEntry()),
        ("UUID=; rm -rf / / ext4 defaults\n", RootEntry()),
        ("", RootEntry()),
    ],
    ids=["uuid", "label", "device", "no kind", "hostile", "empty"],
)
def test_how_an_fstab_calls_its_root(text: str, entry: RootEntry) -> None:
    assert read_fstab(text) == entry


@pytest.mark.parametrize("device", ["/dev/sda1", "/dev/sdb", "/dev/hda1", "/dev/vda1"])
def test_a_root_that_is_called_by_a_device_is_called_by_its_uuid(device: str) -> None:
    text = f"# root\n{device} / ext3 errors=remount-ro 0 1\n{device}5 /home ext3 defaults 0 2\n"

    assert (
        with_root(text, NEW)
        == f"# root\nUUID={NEW} / ext3 errors=remount-ro 0 1\n{device}5 /home ext3 defaults 0 2\n"
    )


@pytest.mark.parametrize("device", [f"UUID={UUID}", "LABEL=root", "/dev/xvda1", "/dev/mapper/vg-root"])
def test_other_names_of_a_root_stay(device: str) -> None:
    text = f"{device} / ext3 defaults 0 1\n"

    assert with_root(text, NEW) == text


@pytest.mark.parametrize(
    ("begin", "yes"),
    [
        (bytes(24) + (60012).to_bytes(4, "little") + bytes(4), True),
        (bytes(24) + (60011).to_bytes(4, "little") + bytes(4), True),
        (bytes(24) + (60012).to_bytes(4, "big") + bytes(4), True),
        (bytes(32), False),
        (b"", False),
    ],
    ids=["new", "old", "other byte order", "zeros", "nothing"],
)
def test_what_is_a_dump(begin: bytes, yes: bool) -> None:
    assert is_dump(begin) is yes
