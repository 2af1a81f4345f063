"""The hooks that come with Skerry."""

import re
import subprocess
from pathlib import Path

import pytest

from skerry.errors import BadInput, NameTaken, NotFound
from skerry.guestos.hook_library import library, write_hooks


def test_every_hook_says_what_it_does_and_is_a_shell_script_that_run_parts_takes() -> None:
    assert {hook.name for hook in library()} >= {
        *("grub", "interfaces", "hosts", "ssh-keys", "passwords", "timezone", "cloud-init")
    }
    for hook in library():
        assert hook.help.endswith("."), hook.name
        assert re.fullmatch(r"[A-Za-z0-9_-]+", hook.name)
        subprocess.run(["sh", "-n"], input=hook.text, text=True, check=True)


def test_hooks_are_written_to_be_run(tmp_path: Path) -> None:
    (written,) = write_hooks(["hosts"], tmp_path)

    assert written == tmp_path / "hosts"
    assert written.stat().st_mode & 0o777 == 0o755


def test_a_hook_of_somebody_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("mine")

    with pytest.raises(NameTaken):
        write_hooks(["interfaces", "hosts"], tmp_path)

    assert (tmp_path / "hosts").read_text() == "mine"
    assert not (tmp_path / "interfaces").exists()


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'interface'"):
        write_hooks(["interface"], tmp_path)
    with pytest.raises(NotFound, match="nowhere"):
        write_hooks(["hosts"], tmp_path / "nowhere")


def run_hook(name: str, target: Path, **variables: str) -> None:
    (hook,) = (hook for hook in library() if hook.name == name)
    environment = {
        "PATH": "/usr/bin:/bin",
        "TARGET": str(target),
        "INSTANCE_NAME": "web1.example.org",
        **variables,
    }
    subprocess.run(["sh", "-c", hook.text], env=environment, check=True)


def test_hosts_names_the_guest(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()

    run_hook("hosts", tmp_path, NIC_0_IP="192.0.2.7")

    assert "192.0.2.7\tweb1.example.org web1\n" in (tmp_path / "etc/hosts").read_text()


def test_interfaces_has_every_card(tmp_path: Path) -> None:
    cards = {
        "NIC_COUNT": "2",
        "NIC_0_MAC": "52:54:00:12:34:56",
        "NIC_1_MAC": "52:54:00:12:34:57",
        "NIC_1_IP": "192.0.2.7",
        "NIC_1_NETWORK_SUBNET": "192.0.2.0/24",
        "NIC_1_NETWORK_GATEWAY": "192.0.2.1",
    }

    run_hook("interfaces", tmp_path, **cards)

    text = (tmp_path / "etc/network/interfaces").read_text()
    assert "allow-hotplug eth0\niface eth0 inet dhcp\n" in text
    assert "iface eth1 inet static\n    address 192.0.2.7/24\n    gateway 192.0.2.1\n" in text
    assert "MACAddress=52:54:00:12:34:57" in (tmp_path / "etc/systemd/network/10-eth1.link").read_text()


@pytest.mark.parametrize(
    ("ip", "stanza"),
    [
        ("192.0.2.7", "iface eth0 inet static\n    address 192.0.2.7/24\n    gateway 192.0.2.1\n"),
        ("2001:db8::5", "iface eth0 inet6 static\n    address 2001:db8::5/64\n    gateway 2001:db8::1\n"),
    ],
)
def test_of_a_network_with_both_protocols_interfaces_takes_what_the_address_belongs_to(
    ip: str, stanza: str, tmp_path: Path
) -> None:
    network = {
        "NIC_0_NETWORK_SUBNET": "192.0.2.0/24",
        "NIC_0_NETWORK_GATEWAY": "192.0.2.1",
        "NIC_0_NETWORK_SUBNET6": "2001:db8::/64",
        "NIC_0_NETWORK_GATEWAY6": "2001:db8::1",
    }

    run_hook("interfaces", tmp_path, NIC_COUNT="1", NIC_0_IP=ip, **network)

    assert (tmp_path / "etc/network/interfaces").read_text().endswith(f"\nauto eth0\n{stanza}")
