"""What a recipe may tell the programs that make file systems, which run on the builder's machine."""

from __future__ import annotations

import pytest

from skerry.errors import BadInput
from skerry.images.outputs.filesystems.ext import with_lists
from skerry.images.words.mkfs import mkfs_words


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ext4", "-m0 -i 8192 -O ^has_journal"),
        ("ext4", "-E lazy_itable_init=0,stride=4 -J size=64"),
        ("xfs", "-m reflink=1,crc=1 -n size=8192 -i maxpct=5"),
        ("btrfs", "-f --csum=xxhash --nodesize 16384"),
        ("vfat", "-s 8 -F32"),
        ("erofs", "-zlz4hc,9 --chunksize=4096 --all-root"),
    ],
)
def test_what_concerns_only_the_file_system_can_be_had(kind: str, options: str) -> None:
    assert mkfs_words(kind, options) == tuple(options.split())


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("ext4", "-z undo", "'-z' cannot be had"),
        ("ext4", "-zundo", "'-zundo' cannot be had"),
        ("ext4", "-qz undo", "'-qz' cannot be had"),
        ("ext4", "-J device=LABEL=log", "-J device cannot be had"),
        ("ext4", "-J size=4,device=UUID=1", "-J device cannot be had"),
        ("ext4", "-Jdevice=log", "-J device cannot be had"),
        ("ext4", "-E offset=0", "-E offset cannot be had"),
        ("ext4", "-d folder", "'-d' cannot be had"),
        ("ext4", "-U random", "'-U' cannot be had"),
        ("ext4", "other.img", "'other.img' cannot be had"),
        ("ext4", "-- other.img", "'--' cannot be had"),
        ("ext4", "-m /tmp/x", "'/tmp/x' cannot be the value of -m"),
        ("ext4", "-m", "'' cannot be the value of -m"),
        ("ext4", "-m -z", "-m needs a value"),
        ("xfs", "-l logdev=/tmp/x,file=1,size=64m", "cannot be the value of -l"),
        ("xfs", "-l logdev=x,file=1,size=64m", "-l logdev cannot be had"),
        ("xfs", "-d name=x,file=1", "-d name cannot be had"),
        ("xfs", "-r rtdev=x", "'-r' cannot be had"),
        ("xfs", "-p proto", "'-p' cannot be had"),
        ("xfs", "-c options=x", "'-c' cannot be had"),
        ("btrfs", "--rootdir x", "'--rootdir' cannot be had"),
        ("btrfs", "-f other.img", "'other.img' cannot be had"),
        ("btrfs", "--force=x", "'--force=x' cannot be had"),
        ("vfat", "-l badblocks", "'-l' cannot be had"),
        ("vfat", "-C", "'-C' cannot be had"),
        ("erofs", "--blobdev=x", "'--blobdev=x' cannot be had"),
        ("erofs", "--block-list-file=x", "'--block-list-file=x' cannot be had"),
        ("swap", "-f", "swap takes none"),
    ],
)
def test_what_names_files_devices_or_what_the_builder_sets_cannot(kind: str, options: str, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        mkfs_words(kind, options)

    assert reason in caught.value.message


def test_lists_of_the_recipe_and_of_the_builder_are_one() -> None:
    ours = [("-E", "offset=1048576"), ("-O", "^orphan_file")]

    words = with_lists(ours, ["-E", "stride=4", "-m0", "-Oquota", "-J", "size=4"])

    assert words == ["-E", "offset=1048576,stride=4", "-O", "^orphan_file,quota", "-J", "size=4", "-m0"]
