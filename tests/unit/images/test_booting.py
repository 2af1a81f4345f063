"""What starts, and on which machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.errors import BadInput, NotFound, Unavailable
from skerry.images import booting
from skerry.images.booting import Bootable, Trial, boot_argv, parse_forward, what_boots
from skerry.sizes import MIB


def words(thing: Bootable, trial: Trial, scratch: Path = Path("/scratch")) -> str:
    return " ".join(map(str, boot_argv("qemu", thing, trial, scratch)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.qcow2", "disk"), ("a.raw", "disk"), ("a.img", "disk"), ("a.iso", "cd"), ("a.efi", "efi")],
)
def test_the_name_says_what_it_is(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).touch()

    assert what_boots([tmp_path / name]).kind == kind


def test_a_network_set_is_known_by_its_script(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no set for starting from the network"):
        what_boots([tmp_path])
    (tmp_path / "boot.ipxe").touch()

    assert what_boots([tmp_path]).kind == "network"


def test_disks_of_one_machine_start_together_and_nothing_else_does(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.qcow2", "b.raw", "c.iso", "notes.txt")]
    for file in files:
        file.touch()

    assert what_boots(files[:2]).paths == tuple(files[:2])
    with pytest.raises(BadInput, match="only disks"):
        what_boots(files[1:3])
    with pytest.raises(BadInput, match="nothing that starts"):
        what_boots(files[3:])
    with pytest.raises(NotFound, match="there is no"):
        what_boots([tmp_path / "gone.qcow2"])


def test_a_disk_stays_as_it_is_unless_asked_otherwise() -> None:
    disk = Bootable("disk", (Path("/images/a,b.qcow2"),))

    assert "file=/images/a,,b.qcow2,if=virtio,format=qcow2,snapshot=on" in words(disk, Trial())
    assert "snapshot=off" in words(disk, Trial(keep=True))


def test_an_efi_program_starts_by_uefi_with_variables_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booting, "_OVMF", tmp_path)
    program = Bootable("efi", (Path("/a.efi"),))
    with pytest.raises(Unavailable, match="firmware is missing"):
        words(program, Trial())
    for name in ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"):
        (tmp_path / name).touch()

    said = words(program, Trial())

    assert f"readonly=on,file={tmp_path}/OVMF_CODE_4M.fd" in said
    assert "file=/scratch/vars.fd" in said
    assert "-kernel /a.efi" in said


def test_a_network_set_is_served_to_the_machines_own_loader() -> None:
    files = Bootable("network", (Path("/a.pxe"),))

    assert "tftp=/a.pxe,bootfile=boot.ipxe" in words(files, Trial())
    assert "netdev=net,bootindex=0" in words(files, Trial())


def test_a_network_set_starts_with_secure_boot_if_it_has_a_shim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booting, "firmware_files", lambda _: None)
    files = Bootable("network", (tmp_path,))
    with pytest.raises(BadInput, match=r"no shimx64\.efi"):
        words(files, Trial(firmware="secure"))
    (tmp_path / "shimx64.efi").touch()

    said = words(files, Trial(firmware="secure"))
    assert "bootfile=shimx64.efi" in said
    assert "bootindex=0,romfile=" in said  # the firmware fetches it, and not the card's iPXE


def test_ports_of_the_guest_are_reached_from_this_machine_alone() -> None:
    disk = Bootable("disk", (Path("/a.raw"),))

    said = words(disk, Trial(forwards=(parse_forward("2222:22"),), memory=256 * MIB, cpus=2, accelerator="kvm"))

    assert "hostfwd=tcp:127.0.0.1:2222-:22" in said
    assert "-cpu host -smp 2 -m 256M" in said


@pytest.mark.parametrize("text", ["22", "0:22", "22:70000", "a:b", "22:22:22", "22:22,x=1", "-1:22"])
def test_what_are_no_ports_is_said_so(text: str) -> None:
    with pytest.raises(BadInput, match="pair of ports"):
        parse_forward(text)


def test_too_little_memory_is_said_so() -> None:
    with pytest.raises(BadInput, match="less than 64M"):
        words(Bootable("disk", (Path("/a.raw"),)), Trial(memory=32 * MIB))
