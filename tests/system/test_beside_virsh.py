"""Machines that others make, change and remove show up as they are, and stay intact."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.skerry_up import RunningSkerry, until

XML = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <metadata><site:rack xmlns:site='urn:example:site'>B12</site:rack></metadata>
  <devices><!-- made by hand --></devices>
</domain>
"""


@pytest.fixture
def foreign(skerry: RunningSkerry, tmp_path: Path) -> Iterator[str]:
    """A machine defined by virsh."""
    name = "foreign"
    (tmp_path / "domain.xml").write_text(XML.format(name=name))
    skerry.libvirt.virsh("define", tmp_path / "domain.xml")
    yield name
    if name in skerry.libvirt.virsh("list", "--all", "--name").split():
        skerry.libvirt.virsh("undefine", name)
    until(lambda: skerry.vm(name) is None, f"{name} is still listed")


def test_a_machine_defined_by_virsh_appears_without_owner_in_the_default_pool(
    skerry: RunningSkerry, foreign: str
) -> None:
    vm = skerry.vm_when(foreign, lambda vm: vm["state"] == "stopped", "listed")

    assert vm["owner"] is None
    assert vm["memory"] == 32 * 1024**2
    pools = {pool["id"]: pool["path"] for pool in skerry.items("pools")}
    assert pools[vm["pool_id"]] == "/default"


def test_what_virsh_starts_changes_and_stops_is_shown_so(skerry: RunningSkerry, foreign: str) -> None:
    skerry.libvirt.virsh("start", foreign)
    skerry.vm_when(foreign, lambda vm: vm["state"] == "running", "running")

    skerry.libvirt.virsh("suspend", foreign)
    skerry.vm_when(foreign, lambda vm: vm["state"] == "paused", "paused")

    skerry.libvirt.virsh("destroy", foreign)
    skerry.vm_when(foreign, lambda vm: vm["state"] == "stopped", "stopped")

    skerry.libvirt.virsh("setmaxmem", foreign, "64M", "--config")
    skerry.vm_when(foreign, lambda vm: vm["max_memory"] == 64 * 1024**2, "larger")


def test_changing_it_here_keeps_what_we_do_not_model(skerry: RunningSkerry, foreign: str) -> None:
    skerry.vm_when(foreign, lambda vm: vm["state"] == "stopped", "listed")

    skerry.do("PATCH", f"vms/{foreign}", {"vcpus": 2, "title": "A foreign ship"})

    xml = skerry.libvirt.virsh("dumpxml", foreign)
    assert "<vcpu placement='static'>2</vcpu>" in xml
    assert "<site:rack" in xml
    assert ">B12<" in xml


def test_a_machine_that_virsh_removes_disappears(skerry: RunningSkerry, foreign: str) -> None:
    skerry.vm_when(foreign, lambda vm: vm["state"] == "stopped", "listed")

    skerry.libvirt.virsh("undefine", foreign)

    until(lambda: skerry.vm(foreign) is None, "it is still listed")


def test_an_edit_over_somebody_elses_change_is_refused(skerry: RunningSkerry, foreign: str) -> None:
    skerry.vm_when(foreign, lambda vm: vm["state"] == "stopped", "listed")
    definition = skerry.get(f"vms/{foreign}/definition")
    skerry.libvirt.virsh("desc", foreign, "--config", "--title", "changed behind")

    answer = skerry.client.put(
        f"vms/{foreign}/definition",
        json={"xml": definition["xml"]},
        headers={"If-Match": f'"{definition["etag"]}"'},
    )

    assert (answer.status_code, answer.json()["code"]) == (412, "changed")
    assert "changed behind" in skerry.libvirt.virsh("desc", foreign, "--config", "--title")
