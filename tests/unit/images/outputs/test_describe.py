"""The machines beside what was built."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from lxml import etree

from skerry.images.outputs.describe import Machine, Medium, describe, domain_xml, virt_image_xml
from skerry.images.recipe import Packages
from skerry.images.words import Meaning, Source
from skerry.sizes import MIB

MEANING = Meaning(Source("debian", "trixie"), Packages(), ())
DISK = Medium("web.qcow2", 2048 * MIB, "abc")
SECOND = Medium("web-sdb.qcow2", 100 * MIB + 1, "def")
CD = Medium("web.iso", 300 * MIB, "ghi")
SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")


@pytest.mark.parametrize(
    "machine", [Machine("web", (DISK,)), Machine("web", (DISK, SECOND)), Machine("web", (CD,))]
)
def test_libvirt_accepts_the_domain(machine: Machine) -> None:
    schema = etree.RelaxNG(etree.parse(SCHEMA))

    schema.assertValid(etree.fromstring(domain_xml(machine, Path("/srv"))))


def test_the_domain_has_every_disk_by_its_whole_path() -> None:
    root = ET.fromstring(domain_xml(Machine("web", (DISK, SECOND)), Path("/srv/images")))

    assert [each.get("file") for each in root.iterfind("devices/disk/source")] == [
        "/srv/images/web.qcow2",
        "/srv/images/web-sdb.qcow2",
    ]
    assert [each.get("dev") for each in root.iterfind("devices/disk/target")] == ["vda", "vdb"]
    assert root.findtext("memory") == str(512 * 1024)


def test_a_live_system_starts_from_a_cd() -> None:
    root = ET.fromstring(domain_xml(Machine("web", (CD,)), Path("/srv")))

    assert root.find("os/boot[@dev='cdrom']") is not None
    assert root.find("devices/disk[@device='cdrom']/readonly") is not None


def test_virt_image_counts_memory_in_kib_and_disks_in_mib() -> None:
    root = ET.fromstring(virt_image_xml(Machine("web", (DISK, SECOND), networks=2)))

    assert root.findtext("domain/devices/memory") == str(512 * 1024)
    assert [(each.get("file"), each.get("size")) for each in root.iterfind("storage/disk")] == [
        ("web.qcow2", "2048"),
        ("web-sdb.qcow2", "101"),
    ]
    assert root.findtext("storage/disk/checksum[@type='sha256']") == "abc"
    assert len(root.findall("domain/devices/interface")) == 2
    assert [each.get("target") for each in root.iterfind("domain/boot/drive")] == ["vda", "vdb"]


def test_what_no_machine_starts_from_has_no_description() -> None:
    texts = describe("web", MEANING, {"qcow2": [DISK], "tar": [Medium("web.tar", 1, "x")]}, Path("/srv"))

    assert sorted(texts) == ["web.qcow2.libvirt.xml", "web.qcow2.virt-image.xml"]
