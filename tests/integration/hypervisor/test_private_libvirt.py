"""The libvirt of the tests is a real one, and leaves the machine's own alone."""

from pathlib import Path

from tests.fixtures.private_libvirt import PrivateLibvirt

DOMAIN = """\
<domain type='qemu'><name>little</name><memory unit='MiB'>32</memory>
<os><type machine='q35'>hvm</type></os><features><acpi/></features></domain>"""


def test_machines_outlive_a_killed_libvirtd(clean_libvirtd: PrivateLibvirt, tmp_path: Path) -> None:
    definition = tmp_path / "little.xml"
    definition.write_text(DOMAIN)
    clean_libvirtd.virsh("create", definition)

    clean_libvirtd.restart()

    assert clean_libvirtd.virsh("list", "--name").split() == ["little"]


def test_its_networks_are_not_the_machines_own(clean_libvirtd: PrivateLibvirt) -> None:
    before = set(Path("/sys/class/net").iterdir())

    clean_libvirtd.virsh("net-start", "default")

    assert set(Path("/sys/class/net").iterdir()) == before
