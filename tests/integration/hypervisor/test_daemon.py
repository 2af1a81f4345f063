"""libvirtd is started where nobody runs it, once, and ended by who started it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.private_libvirt import PrivateLibvirt

from skerry.hypervisor.daemon import SESSION_URI, LibvirtDaemons, Places, default_uri, open_kvm

# Runs where no libvirtd runs: in namespaces of its own.
_PROGRAM = """
import asyncio, contextlib, json, sys
from pathlib import Path
import libvirt
from skerry.hypervisor.daemon import LibvirtDaemons, Places

async def main():
    folder = Path(sys.argv[1])
    daemons = LibvirtDaemons(folder, "qemu:///system", places=Places(systemd=Path("/nowhere")))
    said = {"before": daemons.owned}
    await daemons.ensure()
    first = json.loads((folder / "libvirtd.json").read_text())["pid"]
    await daemons.ensure()
    said["again"] = json.loads((folder / "libvirtd.json").read_text())["pid"] == first
    said["owned"] = LibvirtDaemons(folder, "qemu:///system").owned
    connection = libvirt.open("qemu:///system")
    said["type"] = connection.getType()
    domain = connection.createXML(sys.argv[2])
    await daemons.stop(machines_run=True)
    said["log kept"] = (folder / "virtlogd.json").exists()
    await daemons.ensure()
    connection = libvirt.open("qemu:///system")
    said["machines"] = [domain.name() for domain in connection.listAllDomains()]
    while domains := connection.listAllDomains():  # one that was just found again may refuse at first
        with contextlib.suppress(libvirt.libvirtError):
            domains[0].destroy()
    connection.close()
    await daemons.stop(machines_run=False)
    await daemons.stop(machines_run=False)
    said["left"] = [path.name for path in folder.glob("*.json")]
    other = LibvirtDaemons(folder, "qemu:///system")
    said["after"] = other.owned
    print(json.dumps(said))

asyncio.run(main())
"""
_DOMAIN = """\
<domain type='qemu'><name>little</name><memory unit='MiB'>32</memory>
<os><type machine='q35'>hvm</type></os><features><acpi/></features></domain>"""


@pytest.fixture
def nobody() -> Iterator[PrivateLibvirt]:
    """A place without libvirtd."""
    folder = Path(tempfile.mkdtemp(prefix="skerry-", dir="/tmp"))
    folder.chmod(0o755)
    private = PrivateLibvirt(folder)
    try:
        private.open_space()
        yield private
    finally:
        private.close()


def test_a_life_of_our_own_daemons(nobody: PrivateLibvirt, tmp_path: Path) -> None:
    said = json.loads(nobody.run_inside([sys.executable, "-c", _PROGRAM, tmp_path, _DOMAIN]))

    assert said == {
        "before": False,
        "again": True,
        "owned": True,
        "type": "QEMU",
        "log kept": True,
        "machines": ["little"],
        "left": [],
        "after": False,
    }


async def test_one_that_runs_already_is_used_and_not_ours(libvirtd: PrivateLibvirt, tmp_path: Path) -> None:
    places = Places(run=libvirtd.folder / "run", systemd=tmp_path / "none")
    daemons = LibvirtDaemons(tmp_path, "qemu:///system", places=places)

    await daemons.ensure()
    await daemons.stop(machines_run=False)

    assert not daemons.owned
    assert list(tmp_path.iterdir()) == []
    assert libvirtd.virsh("version")


async def test_nothing_is_started_for_other_libvirts(tmp_path: Path) -> None:
    nowhere = Places(run=tmp_path / "run", systemd=tmp_path / "none")

    for uri in (SESSION_URI, "qemu+ssh://host/system"):
        await LibvirtDaemons(tmp_path, uri, places=nowhere).ensure()

    assert list(tmp_path.iterdir()) == []


async def test_systemd_is_left_to_start_its_services(tmp_path: Path) -> None:
    await LibvirtDaemons(
        tmp_path, "qemu:///system", places=Places(run=tmp_path / "run", systemd=tmp_path)
    ).ensure()

    assert list(tmp_path.iterdir()) == []


def test_root_uses_the_systems_libvirt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_uri() == "qemu:///system"

    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_uri() == "qemu:///session"


def test_a_plain_file_is_no_device_to_open(tmp_path: Path) -> None:
    node = tmp_path / "kvm"
    node.touch(mode=0o600)

    open_kvm(node)

    assert node.stat().st_mode & 0o777 == 0o600
