"""The appliance base of the RPM family boots, and is what its recipe and its seed say."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fixtures.booted import BOOT_S, booted
from tests.fixtures.images import ROOT, test_cache
from tests.fixtures.rpm_repository import RpmMirror

from skerry.commands import CommandRunner
from skerry.hypervisor.seed import write_seed
from skerry.images.build import BuiltImage, build_image
from skerry.images.settings import BuildSettings

USER_DATA = """\
#cloud-config
chpasswd: {expire: false, users: [{name: skerry, password: correct horse, type: text}]}
"""


@pytest.fixture(scope="module")
def aos_fedora_image(kept_images: BuildSettings, rpm_mirror: RpmMirror) -> BuiltImage:
    """recipes/aos-fedora.ks from the test mirror, as qcow2."""
    settings = replace(kept_images, fedora_mirror=rpm_mirror.url, rpm_keys=(str(rpm_mirror.key),))
    output = test_cache() / "aos-fedora.qcow2"
    recipe = ROOT / "recipes/aos-fedora.ks"
    building = build_image(recipe, output, settings=settings, commands=CommandRunner())
    with ThreadPoolExecutor(1) as thread:  # a browser may have its event loop on ours
        return thread.submit(asyncio.run, building).result()


@pytest.mark.timeout(1200)
async def test_it_boots_to_a_login_and_its_package_database_is_true(
    aos_fedora_image: BuiltImage, tmp_path: Path
) -> None:
    seed = tmp_path / "seed.iso"
    await write_seed(
        seed, instance_id="i-1", hostname="proof", user_data=USER_DATA, ssh_keys=[], commands=CommandRunner()
    )
    async with booted(aos_fedora_image.path, seed, tmp_path) as guest:
        await guest.expect("proof login: ", BOOT_S)
        await guest.sign_in("skerry", "correct horse")

        assert await guest.run("cloud-init status --wait", BOOT_S) == "status: done"
        assert await guest.run("rpm -q --qf '%{name}' kernel-core") == "kernel-core"
        assert await guest.run("rpm -qf /usr/bin/bash --qf '%{name}'") == "bash"
        assert await guest.run("rpm -V bash coreutils systemd && echo unchanged") == "unchanged"
        assert await guest.run("sudo id -un") == "root"
        assert await guest.run("systemctl is-active sshd systemd-networkd") == "active\nactive"
        assert await guest.run("systemctl --failed --no-legend --plain") == ""
