"""The root as a folder, by root and by a plain user."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from skerry.images.outputs.archive import unpack_argvs
from skerry.images.session import pack_argv

NOBODY = 65534
# cap_net_raw, permitted and effective, as linux/capability.h lays it out (version 2).
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


def packed(folder: Path) -> Path:
    """A root such as the RPM family has."""
    root = folder / "packed"
    (root / "etc").mkdir(parents=True)
    (root / "bin").mkdir()
    for name, mode in (("etc/shadow", 0o000), ("etc/hosts", 0o644), ("bin/ping", 0o755)):
        (root / name).write_text(name)
        (root / name).chmod(mode)
    os.setxattr(root / "bin/ping", "security.capability", CAPABILITY)
    os.chown(root / "etc/hosts", 12, 34)
    (root / "bin").chmod(0o555)
    tar = folder / "root.tar"
    subprocess.run(pack_argv(root, tar, 0), check=True)
    return tar


def test_root_keeps_owners_modes_and_the_capabilities_of_files(tmp_path: Path) -> None:
    tar, root = packed(tmp_path), tmp_path / "made"
    root.mkdir()

    for argv in unpack_argvs(tar, root, 0):
        subprocess.run(argv, check=True)

    assert os.getxattr(root / "bin/ping", "security.capability") == CAPABILITY
    assert (root / "etc/shadow").stat().st_mode & 0o777 == 0
    assert (root / "etc/hosts").stat().st_uid == 12


def test_a_plain_user_can_read_and_delete_the_whole_folder(tmp_path: Path) -> None:
    tar = packed(tmp_path)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        root = Path(name)
        os.chown(root, NOBODY, NOBODY)
        with tar.open("rb") as content:
            for argv in unpack_argvs(Path("/dev/stdin"), root, NOBODY):
                subprocess.run(argv, user=NOBODY, group=NOBODY, extra_groups=[], stdin=content, check=True)
        read = ["find", root, "-type", "f", "-exec", "cat", "{}", "+"]
        said = subprocess.run(read, user=NOBODY, group=NOBODY, extra_groups=[], stdout=subprocess.PIPE, check=True)
        remove = ["find", root, "-mindepth", "1", "-delete"]
        subprocess.run(remove, user=NOBODY, group=NOBODY, extra_groups=[], check=True)

    assert b"etc/shadow" in said.stdout
