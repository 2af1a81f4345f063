"""What scripts are told, in both directions."""

import pytest

from skerry.errors import BadInput
from skerry.guestos.environment import core_environment, environment_of, read_call, read_instance
from skerry.guestos.instance import Call, Instance, InstanceDisk, InstanceNic, NicNetwork, Script

# What Ganeti 3.0.2 gave a script `create` of a definition with version 20 (names of nodes and ids changed).
CREATE = {
    "OS_API_VERSION": "20",
    "OS_NAME": "skerry",
    "OS_VARIANT": "trixie",
    "DEBUG_LEVEL": "0",
    "OSP_FILESYSTEM": "xfs",
    "PATH": "/sbin:/bin:/usr/sbin:/usr/bin",
    "INSTANCE_NAME": "web1.example.com",
    "INSTANCE_OS": "skerry+trixie",
    "INSTANCE_UUID": "8a3a9a4e-9e1b-4b5f-a2f3-f5e7a3b1c2d4",
    "INSTANCE_CTIME": "1763740000.25",
    "INSTANCE_MTIME": "1763740001.5",
    "INSTANCE_PRIMARY_NODE": "node-1",
    "INSTANCE_SECONDARY_NODES": "node-2 node-3",
    "HYPERVISOR": "kvm",
    "DISK_COUNT": "2",
    "DISK_0_PATH": "/dev/drbd0",
    "DISK_0_SIZE": "10240",
    "DISK_0_ACCESS": "rw",
    "DISK_0_UUID": "d-0",
    "DISK_0_NAME": "system",
    "DISK_0_FRONTEND_TYPE": "paravirtual",
    "DISK_0_BACKEND_TYPE": "block",
    "DISK_1_PATH": "/srv/ganeti/file-storage/web1/disk1",
    "DISK_1_SIZE": "512",
    "DISK_1_ACCESS": "ro",
    "DISK_1_UUID": "d-1",
    "DISK_1_FRONTEND_TYPE": "paravirtual",
    "DISK_1_BACKEND_TYPE": "file:loop",
    "NIC_COUNT": "2",
    "NIC_0_MAC": "aa:00:00:12:34:56",
    "NIC_0_UUID": "n-0",
    "NIC_0_IP": "192.0.2.10",
    "NIC_0_MODE": "bridged",
    "NIC_0_LINK": "br0",
    "NIC_0_BRIDGE": "br0",
    "NIC_0_FRONTEND_TYPE": "paravirtual",
    "NIC_0_NETWORK_NAME": "office",
    "NIC_0_NETWORK_UUID": "net-0",
    "NIC_0_NETWORK_TAGS": "",
    "NIC_0_NETWORK_SUBNET": "192.0.2.0/24",
    "NIC_0_NETWORK_GATEWAY": "192.0.2.1",
    "NIC_1_MAC": "aa:00:00:12:34:57",
    "NIC_1_UUID": "n-1",
    "NIC_1_NAME": "backup",
    "NIC_1_MODE": "routed",
    "NIC_1_LINK": "100",
    "INSTANCE_BE_memory": "512",
    "INSTANCE_BE_always_failover": "False",
    "INSTANCE_HV_serial_console": "True",
    "INSTANCE_HV_kernel_path": "",
}


def without(*names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in CREATE.items() if name not in names} | more


def test_what_ganeti_says_is_understood() -> None:
    call = read_call(Script.CREATE, CREATE)

    assert (call.api_version, call.variant, call.parameters) == (20, "trixie", {"filesystem": "xfs"})
    instance = call.instance
    assert (instance.name, instance.short_name, instance.os) == ("web1.example.com", "web1", "skerry+trixie")
    assert instance.secondary_nodes == ("node-2", "node-3")
    assert instance.disks[0] == InstanceDisk(
        "/dev/drbd0", "", 10240, "rw", "d-0", "system", "paravirtual", "block"
    )
    assert instance.nics[0].network == NicNetwork("office", "net-0", "", "192.0.2.0/24", "192.0.2.1")
    assert instance.nics[1] == InstanceNic("aa:00:00:12:34:57", "n-1", "backup", "", "routed", "100")
    assert (instance.serial_console, instance.fully_virtual) == (True, True)


@pytest.mark.parametrize(
    ("script", "environ"),
    [
        (Script.CREATE, CREATE),
        (Script.CREATE, without(INSTANCE_REINSTALL="1")),
        (Script.RENAME, without(OLD_INSTANCE_NAME="old.example.com")),
        (
            Script.EXPORT,
            without(EXPORT_INDEX="1", EXPORT_DEVICE="/dev/snap", EXPORT_DISK_PATH="/dev/snap", EXP_SIZE_FD="5"),
        ),
        (
            Script.IMPORT,
            without(IMPORT_INDEX="0", IMPORT_DEVICE="/dev/drbd0", IMPORT_DISK_PATH="/dev/drbd0"),
        ),
        (Script.CREATE, without("DISK_1_PATH", DISK_1_URI="rbd:pool/disk1")),
    ],
    ids=["create", "reinstall", "rename", "export", "import", "disk by uri"],
)
def test_what_is_read_is_written_again_to_the_letter(script: Script, environ: dict[str, str]) -> None:
    assert environment_of(read_call(script, environ)) == environ


def test_nothing_but_what_ganeti_sets_is_set() -> None:
    call = Call(Script.CREATE, Instance("a.example.com", "x", "kvm", (InstanceDisk("/dev/x"),)))

    assert set(environment_of(call)) == {
        *("OS_API_VERSION", "OS_NAME", "OS_VARIANT", "DEBUG_LEVEL", "PATH"),
        *("INSTANCE_NAME", "INSTANCE_OS", "INSTANCE_UUID", "INSTANCE_CTIME", "INSTANCE_MTIME"),
        *("INSTANCE_PRIMARY_NODE", "INSTANCE_SECONDARY_NODES", "HYPERVISOR", "DISK_COUNT", "NIC_COUNT"),
        *("DISK_0_PATH", "DISK_0_ACCESS", "DISK_0_BACKEND_TYPE"),
    }


def test_verify_is_told_only_of_the_definition_and_its_parameters() -> None:
    environ = core_environment("skerry+web", api_version=20, variant="web", parameters={"extra-pkgs": "vim"})

    assert environ == {
        "OS_API_VERSION": "20",
        "OS_NAME": "skerry",
        "OS_VARIANT": "web",
        "DEBUG_LEVEL": "0",
        "OSP_EXTRA_PKGS": "vim",
        "PATH": "/sbin:/bin:/usr/sbin:/usr/bin",
    }


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(BadInput) as caught:
        read_instance({})

    for name in ("INSTANCE_NAME", "HYPERVISOR", "DISK_COUNT", "OS_API_VERSION"):
        assert name in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INSTANCE_NAME", "web1;reboot"),
        ("INSTANCE_NAME", "../../etc/passwd"),
        ("INSTANCE_NAME", "web1\nroot::0:0::/:"),
        ("INSTANCE_NAME", "-web1"),
        ("INSTANCE_NAME", "a" * 64 + ".example.com"),
        ("OS_API_VERSION", "5"),
        ("OS_API_VERSION", "twenty"),
        ("DISK_COUNT", "0"),
        ("DISK_COUNT", "100000000"),
        ("DISK_COUNT", "-1"),
        ("DISK_0_PATH", "dev/drbd0"),
        ("DISK_0_PATH", ""),
        ("DISK_0_SIZE", "10G"),
        ("NIC_0_MAC", "aa:00"),
        ("NIC_0_IP", "192.0.2.300"),
        ("NIC_0_NETWORK_SUBNET", "192.0.2.0/33"),
        ("NIC_0_NETWORK_GATEWAY", "gw;reboot"),
        ("HYPERVISOR", "kvm\nx"),
        ("INSTANCE_HV_kernel_args", "a\nb"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(BadInput, match=name):
        read_call(Script.CREATE, {**CREATE, name: value})


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        (Script.RENAME, "OLD_INSTANCE_NAME"),
        (Script.EXPORT, "EXPORT_DEVICE"),
        (Script.IMPORT, "IMPORT_DEVICE"),
    ],
)
def test_each_script_needs_its_own_variables(script: Script, missing: str) -> None:
    with pytest.raises(BadInput, match=missing):
        read_call(script, CREATE)


@pytest.mark.parametrize("name", ["a", "web1", "web_1.example.com", "1.2.example.com", "xn--grn-joa.example.com"])
def test_names_that_ganeti_lets_pass_do(name: str) -> None:
    assert read_instance({**CREATE, "INSTANCE_NAME": name}).name == name


def test_the_older_name_of_an_exported_device_does() -> None:
    assert read_call(Script.EXPORT, without(EXPORT_DEVICE="/dev/snap")).device == "/dev/snap"


@pytest.mark.parametrize(
    ("changes", "real"),
    [
        ({}, True),
        ({"HYPERVISOR": "xen-hvm"}, True),
        ({"HYPERVISOR": "xen-pvm"}, False),
        ({"HYPERVISOR": "lxc"}, False),
        ({"INSTANCE_HV_kernel_path": "/boot/vmlinuz"}, False),
        ({"INSTANCE_HV_kernel_path": "None"}, True),
    ],
)
def test_whether_the_guest_brings_its_own_kernel(changes: dict[str, str], *, real: bool) -> None:
    assert read_instance({**CREATE, **changes}).fully_virtual is real
