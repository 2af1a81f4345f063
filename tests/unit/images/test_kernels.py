"""Which kernel an image starts with, and its initial RAM disk, whatever the family."""

from __future__ import annotations

import pytest

from skerry.images.kernels import Kernel, kernels_in

DEBIAN = [
    "./vmlinuz",
    "./boot/vmlinuz-6.12.9-amd64",
    "./boot/initrd.img-6.12.9-amd64",
    "./boot/System.map-6.12.9-amd64",
]
FEDORA = ["./boot/vmlinuz-6.14.0-63.fc42.x86_64", "./boot/initramfs-6.14.0-63.fc42.x86_64.img"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            DEBIAN,
            Kernel("6.12.9-amd64", "/boot/vmlinuz-6.12.9-amd64", "/boot/initrd.img-6.12.9-amd64"),
            id="debian",
        ),
        pytest.param(
            FEDORA,
            Kernel(
                "6.14.0-63.fc42.x86_64",
                "/boot/vmlinuz-6.14.0-63.fc42.x86_64",
                "/boot/initramfs-6.14.0-63.fc42.x86_64.img",
            ),
            id="fedora",
        ),
        pytest.param(
            ["boot/fedora/6.14/linux", "boot/fedora/6.14/initrd"],
            Kernel("6.14", "/boot/fedora/6.14/linux", "/boot/fedora/6.14/initrd"),
            id="kernel-install with layout bls",
        ),
        pytest.param(
            ["./usr/lib/modules/6.14/vmlinuz", "./boot/initramfs-6.14.img"],
            Kernel("6.14", "/usr/lib/modules/6.14/vmlinuz", "/boot/initramfs-6.14.img"),
            id="image where the package put it",
        ),
        pytest.param(
            ["./lib/modules/6.14/vmlinuz", "./lib/modules/6.14/initramfs.img"],
            Kernel("6.14", "/lib/modules/6.14/vmlinuz", "/lib/modules/6.14/initramfs.img"),
            id="where /lib is a folder",
        ),
    ],
)
def test_a_kernel_is_found_with_its_initial_ram_disk(names: list[str], expected: Kernel) -> None:
    assert kernels_in(names) == [expected]


def test_the_newest_comes_first_by_number_and_one_that_can_boot_before_all() -> None:
    names = [f"boot/vmlinuz-6.{minor}.0" for minor in (9, 10, 11)]
    names += [f"boot/initramfs-6.{minor}.0.img" for minor in (9, 10)]

    assert [kernel.version for kernel in kernels_in(names)] == ["6.10.0", "6.9.0", "6.11.0"]


def test_rescue_and_crash_kernels_are_not_what_a_machine_starts_with() -> None:
    names = ["boot/vmlinuz-0-rescue-0a1b", "boot/initramfs-0-rescue-0a1b.img", "boot/initramfs-6.14kdump.img"]

    assert kernels_in(names) == []
