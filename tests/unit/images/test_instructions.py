"""The words of a recipe as instructions for the root. System tests carry them out in real roots."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from skerry.commands import Secret
from skerry.images.firewall_rules import firewalld_words, nftables_rules
from skerry.images.instructions import settings_script
from skerry.images.network_files import manager_files, networkd_files
from skerry.images.recipe import Packages
from skerry.images.words import Meaning, Source
from skerry.images.words.meaning import (
    Address,
    Certificate,
    Firewall,
    Group,
    Keyboard,
    Network,
    SshKey,
    TimeServer,
    User,
)

DEB = Meaning(Source("debian", "trixie"), Packages(), ())
RPM = Meaning(Source("fedora", "42", family="rpm"), Packages(), ())
FULL = {
    "hostname": "web1",
    "locale": "de_DE.UTF-8",
    "more_locales": ("cs_CZ.ISO-8859-2",),
    "keyboard": Keyboard("de-latin1", ("de (nodeadkeys)", "us"), ("grp:alt_shift_toggle",)),
    "timezone": "Europe/Berlin",
    "clock_is_utc": False,
    "time_servers": (TimeServer("a.example"), TimeServer("b.example", pool=True, nts=True)),
    "networks": (Network(),),
    "root_password": Secret("$6$a$b"),
    "root_ssh": True,
    "groups": (Group("web", 1005),),
    "users": (
        User("joe", 1001, 1001, "/srv/joe", "/bin/bash", "J. O'Doe", (Group("web", 1005),), Secret("$6$c$d")),
        User("ann", locked=True),
    ),
    "ssh_keys": (SshKey("joe", "ssh-ed25519 AAAAC3Nz joe's"),),
    "enabled": ("ssh",),
    "disabled": ("a.timer",),
    "graphical": True,
    "selinux": "enforcing",
    "firewall": Firewall(ports=("80:tcp",)),
    "certificates": (Certificate("ca.pem", b"it's \xff\n", "/etc/pki/x", anchor=True),),
}


@pytest.mark.parametrize("meaning", [DEB, RPM], ids=["deb", "rpm"])
def test_the_script_is_valid_with_few_words_and_with_all(meaning: Meaning) -> None:
    for each in (meaning, replace(meaning, **FULL)):  # type: ignore[arg-type]
        subprocess.run(["sh", "-n"], input=settings_script(each), check=True)


def run(script: str, root: Path, programs: str = "") -> str:
    """Carry out lines of the script with paths in `root`, and programs that say what they are told."""
    head = 'set -e\nput() { mkdir -p "$ROOT${1%/*}"; printf %s "$2" > "$ROOT$1"; }\n'
    head += 'have() { case " $PROGRAMS " in *" $1 "*) ;; *) return 1;; esac; }\n'
    head += 'fail() { echo "failed: $1"; exit 1; }\n'
    for name in ("useradd", "usermod", "groupadd"):
        head += f'{name}() {{ echo {name} "$@"; }}\n'
    result = subprocess.run(
        ["sh", "-c", head + script],
        env={"ROOT": str(root), "PROGRAMS": programs, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def lines_of(meaning: Meaning, *parts: str) -> str:
    """The script's lines that have one of these texts in them."""
    text = settings_script(meaning).decode(errors="surrogateescape")
    return "\n".join(line for line in text.splitlines() if any(part in line for part in parts))


def test_the_name_of_the_machine_is_in_its_files() -> None:
    text = settings_script(replace(DEB, hostname="web1")).decode()

    assert "echo web1 > /etc/hostname" in text
    assert "127.0.1.1\tweb1" in text


def test_root_is_locked_unless_the_recipe_says_otherwise() -> None:
    assert "passwd --lock root" in settings_script(DEB).decode()
    assert "passwd --lock root" not in settings_script(replace(DEB, root_password=Secret("$6$a$b"))).decode()


def test_locales_are_generated_where_a_program_does_it_and_checked() -> None:
    text = lines_of(replace(DEB, locale="de_DE.UTF-8"), "locale", "de_DE")

    assert "'de_DE.UTF-8 UTF-8' >> /etc/locale.gen" in text
    assert '*" de_DE.utf8 "*' in text
    assert "is locales in %packages?" in text
    assert "locale-gen" not in settings_script(DEB).decode()


def test_a_missing_locale_names_the_package_of_its_family() -> None:
    assert "glibc-langpack-de" in settings_script(replace(RPM, locale="de_DE.UTF-8")).decode()


def test_layouts_go_to_the_console_and_to_x(tmp_path: Path) -> None:
    keyboard = Keyboard("de-latin1", ("de (nodeadkeys)", "us"), ("grp:alt_shift_toggle",))
    text = settings_script(replace(DEB, keyboard=keyboard)).decode()
    run(text[text.index("put /etc/vconsole.conf") : text.index("ln -sf /usr/share/zoneinfo")], tmp_path)

    assert (tmp_path / "etc/vconsole.conf").read_text().splitlines() == [
        "KEYMAP=de-latin1",
        "XKBLAYOUT=de,us",
        "XKBVARIANT=nodeadkeys,",
        "XKBOPTIONS=grp:alt_shift_toggle",
    ]
    assert 'XKBLAYOUT="de,us"' in (tmp_path / "etc/default/keyboard").read_text()


def test_a_clock_in_local_time_is_told_to_the_system() -> None:
    assert "LOCAL" in settings_script(replace(DEB, clock_is_utc=False)).decode()
    assert "adjtime" not in settings_script(DEB).decode()


def test_servers_of_time_go_to_chrony_or_timesyncd() -> None:
    text = settings_script(
        replace(DEB, time_servers=(TimeServer("a.example"), TimeServer("p", pool=True)))
    ).decode()

    assert "server a.example iburst\npool p iburst\n" in text
    assert "NTP=a.example p" in text


def test_nts_needs_chrony() -> None:
    meaning = replace(DEB, time_servers=(TimeServer("a.example", nts=True),))

    assert "needs chrony" in settings_script(meaning).decode()


def test_users_are_made_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    user = User("joe", 61001, 61002, "/srv/joe", "/bin/zsh", "J. O'Doe", (Group("web", 1005), Group("adm")))
    said = run(lines_of(replace(DEB, users=(user,)), "useradd", "groupadd"), tmp_path, "useradd")

    assert "groupadd --gid 61002 joe" in said
    assert "groupadd --gid 1005 web" in said
    assert "groupadd adm" not in said  # this system has one
    assert (
        "useradd --create-home --shell /bin/zsh --home /srv/joe --uid 61001 --gid 61002 --groups web,adm "
        "--comment J. O'Doe joe"
    ) in said


def test_users_that_packages_made_are_changed(tmp_path: Path) -> None:
    user = User("daemon", shell="/bin/sh", groups=(Group("adm"),))

    said = run(lines_of(replace(DEB, users=(user,)), "useradd", "groupadd"), tmp_path, "useradd")

    assert said == "usermod --shell /bin/sh --append --groups adm daemon\n"


def test_without_the_program_users_name_its_package(tmp_path: Path) -> None:
    for meaning, package in ((DEB, "passwd"), (RPM, "shadow-utils")):
        said = run(lines_of(replace(meaning, users=(User("joe"),)), "have useradd"), tmp_path)
        assert said == f"failed: users and groups need {package} in %packages\n"


def test_anchors_of_trust_go_where_the_family_looks(tmp_path: Path) -> None:
    anchor = Certificate("ca.pem", b"it's \xff\n", anchor=True)
    for meaning, path in (
        (DEB, "usr/local/share/ca-certificates/ca.pem.crt"),
        (RPM, "etc/pki/ca-trust/source/anchors/ca.pem"),
    ):
        script = settings_script(replace(meaning, certificates=(anchor,)))
        line = next(line for line in script.split(b"\n") if b"ca.pem" in line) + b"\n'\n"
        run(line.decode(errors="surrogateescape"), tmp_path)
        assert (tmp_path / path).read_bytes() == b"it's \xff\n"


# -- Networks --


def test_every_card_asks_dhcp_when_no_card_is_named() -> None:
    assert networkd_files([Network()]) == {
        "/etc/systemd/network/80-dhcp.network": "[Match]\nName=en* eth*\n\n[Network]\nDHCP=yes\n"
    }


def test_a_fixed_address_has_its_gateway_and_servers() -> None:
    card = Network(
        "52:54:00:00:00:01",
        dhcp4=False,
        dhcp6=False,
        accept_ra=False,
        addresses=(Address("10.0.0.5", 24),),
        gateways=("10.0.0.1",),
        name_servers=("10.0.0.2",),
        search=("example.org",),
        mtu=9000,
        at_boot=False,
    )

    (text,) = networkd_files([card]).values()
    assert text == (
        "[Match]\nMACAddress=52:54:00:00:00:01\n\n[Link]\nMTUBytes=9000\nActivationPolicy=manual\n"
        "RequiredForOnline=no\n\n[Network]\nIPv6AcceptRA=no\nLinkLocalAddressing=no\nAddress=10.0.0.5/24\n"
        "Gateway=10.0.0.1\nDNS=10.0.0.2\nDomains=example.org\n"
    )
    (text,) = manager_files([card]).values()
    assert "mac-address=52:54:00:00:00:01\nmtu=9000\n" in text
    assert "method=manual\naddress1=10.0.0.5/24\ngateway=10.0.0.1\ndns=10.0.0.2;\n" in text
    assert "[ipv6]\nmethod=disabled\n" in text
    assert "autoconnect=false" in text


def test_a_gateway_without_an_address_is_not_told_to_networkmanager_which_would_refuse_it() -> None:
    made = manager_files([Network("eth0", gateways=("10.0.0.254", "fe80::1"))])

    assert "gateway=" not in "".join(made.values())


def test_parts_of_bonds_bridges_and_vlans_know_what_they_are_parts_of() -> None:
    networks = [
        Network(
            "bond0", "bond", members=("em1", "em2"), options=(("mode", "1"), ("primary", "em1"), ("miimon", "100"))
        ),
        Network("br0", "bridge", members=("em3",), options=(("stp", "yes"),)),
        Network("bond0.7", "vlan", parent="bond0", vlan=7),
    ]

    files = {path.rpartition("/")[2]: text for path, text in networkd_files(networks).items()}

    assert files["60-em1.network"].endswith("Bond=bond0\nPrimarySlave=yes\n")
    assert files["60-em2.network"].endswith("Bond=bond0\n")
    assert files["60-em3.network"].endswith("Bridge=br0\n")
    assert files["70-bond0.netdev"] == (
        "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\n"
    )
    assert files["70-bond0.network"].endswith("VLAN=bond0.7\n")
    assert files["70-bond0.7.netdev"] == "[NetDev]\nName=bond0.7\nKind=vlan\n\n[VLAN]\nId=7\n"
    assert files["70-br0.netdev"].endswith("[Bridge]\nSTP=yes\n")
    made = manager_files(networks)
    assert (
        "master=bond0\nslave-type=bond\n" in made["/etc/NetworkManager/system-connections/bond0-em1.nmconnection"]
    )
    assert "[bridge]\nstp=true\n" in made["/etc/NetworkManager/system-connections/br0.nmconnection"]


# -- Firewalls --


def test_only_what_is_asked_for_comes_in() -> None:
    rules = nftables_rules(
        Firewall(ports=("8080:tcp", "80-90:tcp", "85:tcp", "5000-5010:udp"), services=("http",))
    )

    assert "policy drop" in rules
    assert "tcp dport { 22, 80-90, 8080 } accept" in rules
    assert "udp dport { 546, 5000-5010 } accept" in rules


def test_ssh_can_be_closed_and_interfaces_trusted() -> None:
    rules = nftables_rules(Firewall(removed_services=("ssh", "dhcpv6-client"), trusted=("eth1",)))

    assert "dport" not in rules
    assert 'iifname "eth1" accept' in rules


def test_firewalld_is_told_in_its_own_words() -> None:
    wall = Firewall(ports=("80:tcp",), services=("http",), removed_services=("ssh",), trusted=("eth1",))

    assert firewalld_words(wall) == [
        *("--enabled", "--service=http", "--remove-service=ssh", "--port=80:tcp", "--trust=eth1"),
    ]
    assert firewalld_words(Firewall(enabled=False)) == ["--disabled"]
