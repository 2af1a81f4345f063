"""What makes a guest its own: names, identifiers, network, console and who may enter, as a list of edits.

The list is pure; two things carry it out: debugfs on an ext file system that nobody mounts, and plain system calls
on a folder, which never go through a link (`apply_to_ext`, `apply_to_folder`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from skerry.errors import BadInput
from skerry.guestos import facts as known
from skerry.guestos.edits import Edit
from skerry.guestos.facts import RootFacts
from skerry.guestos.instance import Instance
from skerry.guestos.nics import interface_edits, is_static
from skerry.guestos.parameters import Settings

_SHADOW_GROUP = 42  # Debian's and Ubuntu's, base-passwd(8)
_SEED_BYTES = 512  # of systemd's random seed
_HOST_KEY_UNIT = "/etc/systemd/system/ssh.service.d/50-host-key.conf"
_HOST_KEY_TEXT = "[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n"


@dataclass(frozen=True)
class Guest:
    """A guest whose files are to be its own."""

    instance: Instance
    settings: Settings
    root: RootFacts
    uuid: str  # of its root file system
    node_name_servers: tuple[str, ...] = ()  # for guests with static addresses, if no setting names others

    @property
    def lacks_name_servers(self) -> bool:
        """Whether it finds nobody by name: no card asks DHCP, and neither settings nor node name a server."""
        if self.settings.name_servers or self.node_name_servers:
            return False
        return is_static(self.instance, self.settings)


def identity_edits(guest: Guest) -> tuple[Edit, ...]:
    """All edits of a new guest; chance is in them, so no two lists are equal.

    Raises:
        BadInput: a static address is wanted, and the cluster knows none.
    """
    parts = (_names, _fstab, _machine_id, _keys_of_host, _root_user, _clock, _console, _cloud, _up_to_date)
    edits = [edit for part in parts for edit in part(guest)]
    edits += interface_edits(guest.instance, guest.settings, guest.root, guest.node_name_servers)
    return tuple(edits)


def _names(guest: Guest) -> Iterator[Edit]:
    name = guest.instance.name
    yield Edit("/etc/hostname", f"{name}\n".encode())
    yield Edit("/etc/mailname", f"{name}\n".encode())
    yield Edit("/etc/hosts", hosts_text(guest.instance).encode())


def hosts_text(instance: Instance) -> str:
    """The guest finds itself also without a network; by its address where the cluster knows one."""
    names = " ".join(dict.fromkeys((instance.name, instance.short_name)))
    own = next((nic.ip for nic in instance.nics if nic.ip), "127.0.1.1")
    return (
        f"127.0.0.1\tlocalhost\n{own}\t{names}\n\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
    )


def _fstab(guest: Guest) -> Iterator[Edit]:
    kind = guest.settings.filesystem
    ext = kind.startswith("ext")
    options = "errors=remount-ro" if ext else "defaults"
    line = f"UUID={guest.uuid} / {kind} {options} 0 {1 if ext else 0}\n"
    yield Edit("/etc/fstab", f"# file system, place, type, options, dump, pass\n{line}".encode())


def _machine_id(guest: Guest) -> Iterator[Edit]:
    identifier = f"{secrets.token_hex(16)}\n".encode()
    yield Edit("/etc/machine-id", identifier, 0o444)
    if known.DBUS_ID in guest.root.names and known.DBUS_ID not in guest.root.links:
        yield Edit(known.DBUS_ID, identifier)
    if guest.root.has(known.SYSTEMD):
        yield Edit("/var/lib/systemd/random-seed", secrets.token_bytes(_SEED_BYTES), 0o600)


def _keys_of_host(guest: Guest) -> Iterator[Edit]:
    """Keys of a prepared root are nobody's; the guest makes its own when it starts first."""
    shared = sorted(name for name in guest.root.names if name.startswith(known.HOST_KEYS))
    yield from (Edit(name) for name in shared)
    if shared and guest.root.has(known.SYSTEMD):
        yield Edit(_HOST_KEY_UNIT, _HOST_KEY_TEXT.encode())


def _root_user(guest: Guest) -> Iterator[Edit]:
    settings = guest.settings
    if settings.ssh_keys:
        yield Edit("/root/.ssh", folder=True, mode=0o700)
        yield Edit("/root/.ssh/authorized_keys", "".join(f"{key}\n" for key in settings.ssh_keys).encode(), 0o600)
    shadow = guest.root.texts.get(known.SHADOW)
    if shadow is None:
        if settings.root_password_hash:
            raise BadInput("ROOT_PASSWORD_HASH: the guest has no /etc/shadow to put it into")
        return
    # `*` fits no password, and unlike `!` does not keep sshd from taking a key.
    changed = with_password(shadow, "root", settings.root_password_hash or "*")
    yield Edit(known.SHADOW, changed.encode(errors="surrogateescape"), 0o640, gid=_SHADOW_GROUP)


def with_password(shadow: str, user: str, crypted: str) -> str:
    """A shadow(5) file with another password of one user."""
    lines = [line.split(":") for line in shadow.splitlines()]
    if not any(fields[0] == user for fields in lines):
        lines.append([user, "", "", "0", "99999", "7", "", "", ""])
    return "".join(
        ":".join([fields[0], crypted, *fields[2:]] if fields[0] == user else fields) + "\n" for fields in lines
    )


def _clock(guest: Guest) -> Iterator[Edit]:
    zone = guest.settings.timezone or "Etc/UTC"
    yield Edit("/etc/localtime", link=f"/usr/share/zoneinfo/{zone}")
    yield Edit("/etc/timezone", f"{zone}\n".encode())


def _console(guest: Guest) -> Iterator[Edit]:
    """A login on the serial line, also when the kernel was not told of it; Xen's own consoles systemd finds."""
    if guest.instance.serial_console and guest.root.has(known.SYSTEMD):
        unit = "/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service"
        yield Edit(unit, link="/usr/lib/systemd/system/serial-getty@.service")


def _cloud(guest: Guest) -> Iterator[Edit]:
    """Cloud-init, where it is installed, learns the guest's name from its disk, and leaves the network alone."""
    if not guest.root.has(known.CLOUD_INIT):
        return
    identifier = guest.instance.uuid or secrets.token_hex(8)
    seed = "/var/lib/cloud/seed/nocloud"
    told = f"instance-id: {identifier}\nlocal-hostname: {guest.instance.name}\n"
    yield Edit(f"{seed}/meta-data", told.encode())
    yield Edit(f"{seed}/user-data", b"#cloud-config\n{}\n")
    text = "datasource_list: [NoCloud, None]\nnetwork: {config: disabled}\n"
    yield Edit("/etc/cloud/cloud.cfg.d/90-skerry.cfg", text.encode())


def _up_to_date(guest: Guest) -> Iterator[Edit]:
    """What packages prepared the first start need not prepare again: systemd-update-done.service(8)."""
    if guest.root.has(known.SYSTEMD) and guest.root.sha256:  # who knows what an administrator's has
        yield from (Edit(f"{folder}/.updated", b"") for folder in ("/etc", "/var"))


def kernel_arguments(instance: Instance, settings: Settings, uuid: str) -> str:
    """What the boot loader tells the kernel."""
    words = [f"root=UUID={uuid}", "ro"]
    if instance.serial_console or instance.hypervisor == "xen-hvm":
        speed = instance.hypervisor_parameters.get("serial_speed", "")
        words += ["console=tty0", f"console=ttyS0,{speed if speed.isdigit() else 115200}"]
    return " ".join([*words, *settings.kernel_args.split()])
