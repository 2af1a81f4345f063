"""A disk of the RPM family boots, and its own package database is true.

The packages are those of the mirror that the tests make: Debian's programs under Fedora's names and in its layout,
with its own initial RAM disk by dracut. recipes/aos-fedora.ks has more packages, and takes minutes to boot here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.fixtures.disk_images import DiskImages, started
from tests.fixtures.rpm_repository import RpmMirror

from skerry.images.settings import BuildSettings

PACKAGES = r"rpm -qa --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n' | LC_ALL=C sort"


@pytest.mark.timeout(1200)
async def test_it_boots_to_a_login_and_rpm_knows_what_is_in_it(
    kept_images: BuildSettings, rpm_mirror: RpmMirror, tmp_path: Path
) -> None:
    settings = replace(kept_images, fedora_mirror=rpm_mirror.url, rpm_keys=(str(rpm_mirror.key),))
    disks = await DiskImages(settings).build("rpm")

    async with started(disks, tmp_path) as guest:
        assert await guest.run("systemctl --failed --no-legend --plain") == ""
        told = (disks[0].parent / "rpm.manifests/manifest-rpm.txt").read_text().splitlines()
        assert (await guest.run(PACKAGES)).split() == sorted(line.split()[0] for line in told)
        assert await guest.run("rpm -qf --qf '%{name}' /usr/bin/bash") == "bash"
        assert await guest.run("rpm -V bash coreutils systemd kernel-core && echo unchanged") == "unchanged"
        assert "ID=fedora" in await guest.run("cat /etc/os-release")
        assert int(await guest.run("df --output=size --block-size=1M / | tail -1")) > 3500  # it grew
