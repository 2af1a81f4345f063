"""What makes a guest its own."""

from dataclasses import replace
from typing import Any

import pytest

from skerry.errors import BadInput
from skerry.guestos.edits import Edit
from skerry.guestos.facts import RootFacts, load_root_facts
from skerry.guestos.identity import Guest, identity_edits, kernel_arguments
from skerry.guestos.instance import Instance, InstanceDisk, InstanceNic, NicNetwork
from skerry.guestos.settings import settings_of

SHADOW = "daemon:*:1:0:99999:7:::\nroot:!*:20000:0:99999:7:::\n"
DEBIAN = frozenset({"/usr/sbin/ifup", "/usr/lib/systemd/systemd", "/etc/machine-id"})
CARD = InstanceNic("52:54:00:12:34:56")
NET = NicNetwork(
    "lan", subnet="192.0.2.0/24", gateway="192.0.2.1", subnet6="2001:db8::/64", gateway6="2001:db8::1"
)
UUID = "c7b9b5c2-2f0e-4a63-9e0c-5f1f8d1f9b11"


def root(names: frozenset[str] = DEBIAN, **more: Any) -> RootFacts:
    return RootFacts(names, {}, {"/etc/shadow": SHADOW}, 0, "", 0, **more)


def guest(
    *nics: InstanceNic, names: frozenset[str] = DEBIAN, hv: dict[str, str] | None = None, **given: Any
) -> Guest:
    instance = Instance(
        "web1.example.org", "skerry", "kvm", (InstanceDisk("/dev/x"),), nics, hypervisor_parameters=hv or {}
    )
    settings = replace(settings_of(), filesystem="ext4", **given)
    return Guest(instance, settings, root(names), UUID, ("192.0.2.53",))


def files(made: Guest) -> dict[str, Edit]:
    return {edit.path: edit for edit in identity_edits(made)}


def text(made: Guest, path: str) -> str:
    return (files(made)[path].content or b"").decode()


def test_it_is_named() -> None:
    made = guest()

    assert text(made, "/etc/hostname") == "web1.example.org\n"
    assert text(made, "/etc/mailname") == "web1.example.org\n"
    assert "127.0.1.1\tweb1.example.org web1\n" in text(made, "/etc/hosts")


def test_it_finds_its_root_by_uuid() -> None:
    assert f"UUID={UUID} / ext4 errors=remount-ro 0 1" in text(guest(), "/etc/fstab")


def test_no_two_guests_share_machine_id_or_random_seed() -> None:
    one, other = files(guest()), files(guest())

    for path in ("/etc/machine-id", "/var/lib/systemd/random-seed"):
        assert one[path].content != other[path].content
    assert one["/var/lib/systemd/random-seed"].mode == 0o600


def test_the_first_start_does_not_do_again_what_packages_did() -> None:
    installed = replace(guest(), root=replace(root(), sha256="of our tar"))

    assert {"/etc/.updated", "/var/.updated"} <= set(files(installed))
    assert not {"/etc/.updated", "/var/.updated"} & set(files(guest()))


def test_host_keys_of_a_prepared_root_are_removed() -> None:
    made = files(guest(names=DEBIAN | {"/etc/ssh/ssh_host_rsa_key"}))

    assert made["/etc/ssh/ssh_host_rsa_key"].content is None
    assert b"ssh-keygen -A" in (made["/etc/systemd/system/ssh.service.d/50-host-key.conf"].content or b"")


def test_root_is_locked_unless_a_hash_is_given() -> None:
    locked, opened = guest(), guest(root_password_hash="$6$abc$def")

    assert "root:*:20000:" in text(locked, "/etc/shadow")
    assert "root:$6$abc$def:20000:" in text(opened, "/etc/shadow")
    assert (files(opened)["/etc/shadow"].mode, files(opened)["/etc/shadow"].gid) == (0o640, 42)


def test_keys_let_root_in() -> None:
    made = files(guest(ssh_keys=("ssh-ed25519 AAAA me",)))

    assert made["/root/.ssh"].mode == 0o700
    assert made["/root/.ssh/authorized_keys"] == Edit(
        "/root/.ssh/authorized_keys", b"ssh-ed25519 AAAA me\n", 0o600
    )
    assert "/root/.ssh" not in files(guest())


def test_a_card_asks_dhcp_unless_the_cluster_knows_its_address() -> None:
    static = replace(CARD, ip="192.0.2.7", network=NET)

    made = guest(CARD, static)

    assert text(made, "/etc/network/interfaces") == (
        "auto lo\niface lo inet loopback\n\n"
        "allow-hotplug eth0\niface eth0 inet dhcp\n\n"
        "auto eth1\niface eth1 inet static\n    address 192.0.2.7/24\n    gateway 192.0.2.1\n"
    )
    assert "MACAddress=52:54:00:12:34:56" in text(made, "/etc/systemd/network/10-eth0.link")
    assert text(made, "/etc/resolv.conf") == "nameserver 192.0.2.53\n"


def test_an_address_of_the_new_protocol() -> None:
    made = guest(replace(CARD, ip="2001:db8::7", network=NET))

    assert "iface eth0 inet6 static\n    address 2001:db8::7/64\n    gateway 2001:db8::1\n" in text(
        made, "/etc/network/interfaces"
    )


def test_static_addresses_that_nobody_knows_are_refused() -> None:
    with pytest.raises(BadInput, match="card 0"):
        identity_edits(guest(CARD, network="static"))


def test_without_a_network_only_the_loopback_is_up() -> None:
    assert "eth0" not in text(guest(CARD, network="none"), "/etc/network/interfaces")


def test_resolved_is_told_what_ifupdown_does_not_tell_it() -> None:
    static = replace(CARD, ip="192.0.2.7", network=NET)

    made = guest(static, names=DEBIAN | {"/usr/lib/systemd/systemd-resolved"})

    assert text(made, "/etc/systemd/resolved.conf.d/50-skerry.conf") == "[Resolve]\nDNS=192.0.2.53\n"
    assert "/etc/resolv.conf" not in files(made)


def test_a_guest_without_ifupdown_gets_files_of_networkd() -> None:
    names = frozenset({"/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-networkd"})

    made = files(guest(replace(CARD, ip="192.0.2.7", network=NET), names=names))

    (network,) = [edit for path, edit in made.items() if path.endswith(".network")]
    assert b"Address=192.0.2.7/24" in (network.content or b"")
    assert b"DNS=192.0.2.53" in (network.content or b"")
    assert "/etc/network/interfaces" not in made


def test_a_serial_console_has_a_login_and_the_kernel_knows_it() -> None:
    made = guest(hv={"serial_console": "True", "serial_speed": "38400"})

    assert any("serial-getty@ttyS0" in path for path in files(made))
    assert "console=ttyS0,38400" in kernel_arguments(made.instance, made.settings, UUID)
    assert "ttyS0" not in kernel_arguments(guest().instance, made.settings, UUID)


def test_the_clock_is_in_its_zone() -> None:
    assert files(guest(timezone="Europe/Berlin"))["/etc/localtime"].link == "/usr/share/zoneinfo/Europe/Berlin"


def test_cloud_init_learns_the_name_and_leaves_the_network_alone() -> None:
    made = guest(names=DEBIAN | {"/usr/bin/cloud-init"})

    assert "local-hostname: web1.example.org" in text(made, "/var/lib/cloud/seed/nocloud/meta-data")
    assert "config: disabled" in text(made, "/etc/cloud/cloud.cfg.d/90-skerry.cfg")


STATIC = replace(CARD, ip="192.0.2.7", network=NET)


@pytest.mark.parametrize(
    ("cards", "known", "settings", "lacks"),
    [
        ([STATIC], (), {}, True),
        ([STATIC], ("192.0.2.53",), {}, False),
        ([STATIC], (), {"name_servers": ("192.0.2.53",)}, False),
        ([STATIC, CARD], (), {}, False),
        ([CARD], (), {}, False),
        ([STATIC], (), {"network": "dhcp"}, False),
        ([STATIC], (), {"network": "none"}, False),
        ([], (), {}, False),
    ],
    ids=["static", "the node's", "settings", "one asks DHCP", "DHCP", "told to ask", "no network", "no card"],
)
def test_a_guest_that_has_nobody_to_ask_for_names_is_known(
    cards: list[InstanceNic], known: tuple[str, ...], settings: dict[str, Any], *, lacks: bool
) -> None:
    made = replace(guest(*cards, **settings), node_name_servers=known)

    assert made.lacks_name_servers is lacks


def test_facts_survive_the_cache() -> None:
    assert load_root_facts(root().dump()) == root()
