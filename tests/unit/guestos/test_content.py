"""What a guest shares with others, and what decides about it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skerry.errors import BadInput
from skerry.guestos.content import Content, content_of, kernel_package, packages_of, prepared_tar
from skerry.guestos.instance import Instance, InstanceDisk
from skerry.guestos.settings import settings_of


def instance(hypervisor: str = "kvm", **parameters: str) -> Instance:
    return Instance("web1", "skerry", hypervisor, (InstanceDisk("/d"),), hypervisor_parameters=parameters)


def packages(instance: Instance, **given: Any) -> tuple[str, ...]:
    return packages_of(replace(settings_of(), **given), instance, "debian", "amd64")


def test_a_machine_with_firmware_gets_a_kernel_and_others_bring_theirs() -> None:
    assert packages(instance()) == ("linux-image-amd64",)
    assert packages(instance(kernel_path="/boot/vmlinuz")) == ()
    assert packages(instance("xen-pvm")) == ()
    assert packages(instance("xen-pvm"), kernel="yes") == ("linux-image-amd64",)
    assert packages(instance(), kernel="no") == ()


def test_ubuntu_gets_what_makes_the_initial_ram_disk_beside_its_kernel() -> None:
    def of(**given: Any) -> tuple[str, ...]:
        return packages_of(replace(settings_of(), **given), instance(), "ubuntu", "amd64")

    assert of() == ("initramfs-tools", "linux-image-virtual")
    assert of(extra_pkgs=("linux-generic", "initramfs-tools")) == ("initramfs-tools", "linux-generic")
    assert of(kernel="no") == ()


def test_a_kernel_among_the_extra_packages_is_the_one() -> None:
    assert packages(instance(), extra_pkgs=("less", "linux-image-rt-amd64")) == ("less", "linux-image-rt-amd64")


@pytest.mark.parametrize(
    ("distribution", "architecture", "parameters", "expected"),
    [
        ("debian", "amd64", {"disk_type": "paravirtual"}, "linux-image-cloud-amd64"),
        ("debian", "amd64", {"disk_type": "paravirtual", "nic_type": "e1000"}, "linux-image-amd64"),
        ("debian", "amd64", {"disk_type": "ide"}, "linux-image-amd64"),
        ("debian", "i386", {"disk_type": "paravirtual"}, "linux-image-686"),
        ("ubuntu", "amd64", {}, "linux-image-virtual"),
    ],
)
def test_the_kernel_knows_the_devices(
    distribution: str, architecture: str, parameters: dict[str, str], expected: str
) -> None:
    assert kernel_package(instance(**parameters), distribution, architecture) == expected


def test_a_release_without_kernels_for_an_architecture_is_told(tmp_path: Path) -> None:
    settings = replace(settings_of(), arch="i386", cache_dir=tmp_path)
    assert "linux-image-686" in content_of(replace(settings, suite="bookworm"), instance()).packages
    assert content_of(replace(settings, suite="ours"), instance()).architecture == "i386"
    assert content_of(replace(settings, kernel="no"), instance()).packages == ()
    assert content_of(replace(settings, extra_pkgs=("linux-image-ours",)), instance()).suite == "trixie"

    with pytest.raises(BadInput, match="debian trixie has no kernel for i386"):
        content_of(settings, instance())

    (tmp_path / "cache-trixie-i386.tar").touch()
    assert content_of(settings, instance()).tar


def test_a_locale_brings_its_package() -> None:
    assert "locales" in packages(instance(), locale="de_DE.UTF-8", kernel="no")


def test_all_that_shapes_the_content_is_in_its_name() -> None:
    base = Content("debian", "trixie", "amd64", ("main",), ("less",), "", "C.UTF-8")
    others = [
        replace(base, suite="bookworm"),
        replace(base, architecture="i386"),
        replace(base, components=("main", "contrib")),
        replace(base, packages=("less", "vim")),
        replace(base, mirror="http://mirror.example/debian"),
        replace(base, locale="de_DE.UTF-8"),
    ]

    assert len({each.key for each in (base, *others)}) == len(others) + 1
    assert replace(base).key == base.key


def test_what_makes_a_guest_its_own_has_no_part_in_that_name() -> None:
    settings = replace(
        settings_of(), root_password_hash="$6$abc$def", timezone="Europe/Berlin", kernel_args="quiet"
    )

    assert content_of(settings, instance()).key == content_of(settings_of(), instance()).key


def test_a_prepared_tar_counts_until_it_is_too_old(tmp_path: Path) -> None:
    tar = tmp_path / "cache-trixie-amd64.tar"
    tar.touch()
    now = tar.stat().st_mtime
    settings = replace(settings_of(), cache_dir=tmp_path, clean_cache_days=14)

    assert prepared_tar(settings, "amd64", now + 13 * 86400) == tar
    assert prepared_tar(settings, "amd64", now + 15 * 86400) is None
    assert prepared_tar(replace(settings, clean_cache_days=None), "amd64", now + 999 * 86400) == tar
    assert prepared_tar(settings, "i386", now) is None


def test_a_tar_that_changed_is_another_content(tmp_path: Path) -> None:
    tar = tmp_path / "cache-trixie-amd64.tar"
    tar.write_bytes(b"one")
    content = Content("debian", "trixie", "amd64", ("main",), (), "", "C.UTF-8", tar)
    before = content.key

    tar.write_bytes(b"two")
    os.utime(tar, (1, 1))

    assert content.key != before
