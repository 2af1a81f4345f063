"""The CD itself, as the kernel and cloud-init will see it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from skerry.commands import CommandRunner
from skerry.errors import BadInput
from skerry.hypervisor.seed import write_seed

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIabcdefghijklmnopqrstuvwxyz0123456789ab me@here"


async def write(path: Path, user_data: str | None = None, network: str | None = None) -> None:
    await write_seed(
        path,
        instance_id="i-1",
        hostname="web1",
        user_data=user_data,
        ssh_keys=[KEY],
        commands=CommandRunner(),
        network_config=network,
    )


def extract(cd: Path, folder: Path) -> dict[str, str]:
    subprocess.run(
        ["xorriso", "-osirrox", "on", "-indev", cd, "-extract", "/", folder], capture_output=True, check=True
    )
    return {path.name: path.read_text() for path in folder.iterdir()}


async def test_the_cd_has_its_label_and_files(tmp_path: Path) -> None:
    cd = tmp_path / "seed.iso"
    text = "#cloud-config\nhostname: Größe\n"

    await write(cd, text, "version: 2\n")

    found = extract(cd, tmp_path / "out")
    assert set(found) == {"meta-data", "user-data", "network-config"}
    assert found["user-data"] == text
    volume = cd.read_bytes()[0x8000:0x8800]  # the primary volume descriptor
    assert (volume[1:6], volume[40:72].rstrip()) == (b"CD001", b"cidata")


async def test_writing_again_replaces_it(tmp_path: Path) -> None:
    cd = tmp_path / "seed.iso"
    await write(cd, "#!/bin/sh\necho one\n")

    await write(cd, "#!/bin/sh\necho two\n")

    assert extract(cd, tmp_path / "out")["user-data"] == "#!/bin/sh\necho two\n"


async def test_bad_input_leaves_nothing(tmp_path: Path) -> None:
    cd = tmp_path / "seed.iso"

    with pytest.raises(BadInput):
        await write(cd, "no kind that cloud-init knows")

    assert not cd.exists()
