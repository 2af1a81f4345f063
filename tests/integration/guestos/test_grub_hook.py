"""The hook `grub` of the library on disks that `create` has mounted; the guest's programs are stood in for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.fixtures.small_guest import Ganeti, check_ext, debugfs, partitions

from skerry.guestos.hook_library import write_hooks
from skerry.images.outputs.grub import patch_boot_sectors
from skerry.images.settings import BuildSettings
from skerry.sizes import MIB

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="Ganeti's node daemon is root"),
    pytest.mark.skipif(not Path("/dev/loop-control").exists(), reason="there are no loop devices here"),
]
CORE, BOOT, ESP = b"\1" * 30000, b"\2" * 512, b"\3" * 700
CHROOT = f"""#!{{python}}
import pathlib, sys
root, program, *words = sys.argv[1:]
here = lambda path: pathlib.Path(root + path)
if program == "apt-get" and "install" in words:
    for platform in ("i386-pc", "x86_64-efi"):
        folder = here(f"/usr/lib/grub/{{{{platform}}}}")
        folder.mkdir(parents=True)
        for name, content in (("a.mod", b"a"), ("moddep.lst", b""), ("boot.img", {BOOT!r})):
            (folder / name).write_bytes(content)
elif program == "grub-mkimage":
    target, output, prefix = (words[words.index(option) + 1] for option in ("-O", "-o", "-p"))
    here(output).write_bytes({CORE!r} if target == "i386-pc" else {ESP!r})
    here("/prefix").write_text(prefix)
elif program == "mcopy":
    with here(words[words.index("-i") + 1]).open("r+b") as image:
        image.write(here(words[-2]).read_bytes())
"""


@pytest.fixture
def ganeti(tmp_path: Path, kept_guests: BuildSettings) -> Ganeti:
    """A node that runs the hook; `chroot` there does what the guest's programs would."""
    ganeti = Ganeti(tmp_path)
    write_hooks(["grub"], ganeti.hooks)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "chroot").write_text(CHROOT.format(python="/usr/bin/python3"))
    (programs / "chroot").chmod(0o755)
    return ganeti


def path_of(ganeti: Ganeti) -> str:
    return f"{ganeti.folder}/programs:/sbin:/bin:/usr/sbin:/usr/bin"


@pytest.mark.parametrize(("style", "number"), [("msdos", 1), ("gpt", 3)])
def test_grub_is_put_where_its_own_installer_would(ganeti: Ganeti, style: str, number: int) -> None:
    ganeti.settings("MOUNT=yes\n")
    disk = ganeti.disk(192 * MIB)

    ganeti.create(disk, PATH=path_of(ganeti), OSP_PARTITION_STYLE=style)

    starts = [int(str(each["start"])) for each in partitions(disk)]
    core_sector = 1 if style == "msdos" else starts[0]
    core, first = patch_boot_sectors(CORE, BOOT, core_sector)
    written, root = disk.read_bytes(), starts[-1] * 512
    assert written[:440] == first
    assert written[core_sector * 512 :][: len(core)] == core
    assert (written[starts[1] * 512 :][: len(ESP)] == ESP) if style == "gpt" else True
    assert len(starts) == number
    assert debugfs(disk, "cat /prefix", root) == f"(,{style}{number})/boot/grub"
    uuid = debugfs(disk, "cat /etc/fstab", root).split("UUID=")[1].split()[0]
    assert f"linux /vmlinuz root=UUID={uuid} ro console=tty0" in debugfs(disk, "cat /boot/grub/grub.cfg", root)
    assert "policy-rc.d" not in debugfs(disk, "ls -p /usr/sbin", root)
    check_ext(disk, root)


def test_without_a_mount_it_asks_for_one(ganeti: Ganeti) -> None:
    status, log = ganeti.run(ganeti.disk(), PATH=path_of(ganeti), OSP_PARTITION_STYLE="msdos")

    assert status != 0
    assert "hooks/grub failed with status 1" in log
    assert "set MOUNT=yes" in log
