"""What an image shall be: the answer to a recipe, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from skerry.commands import Secret
from skerry.images.layout import BIOS_BOOT_SIZE, ESP_SIZE, FileSystem, PartitionSpec, Role, Storage
from skerry.images.recipe import Packages, Script
from skerry.sizes import MIB

ROOT_SIZE = 2048 * MIB  # unless the recipe says otherwise
DEFAULT_DISK = "sda"
Family = Literal["deb", "rpm"]


@dataclass(frozen=True)
class Source:
    """A suite of a distribution, or the address of an RPM repository.

    Where a distribution is fetched from is the builder's own matter.
    """

    distribution: str = ""  # debian, fedora …; "" for an address
    suite: str = ""  # trixie, 42 …
    components: tuple[str, ...] = ("main",)  # of Debian and Ubuntu
    family: Family = "deb"
    address: str = ""  # http, https, ftp or file; $releasever and $basearch are dnf's to fill in
    address_kind: Literal["baseurl", "mirrorlist", "metalink"] = "baseurl"

    def __str__(self) -> str:
        return self.address or f"{self.distribution}:{self.suite}"


@dataclass(frozen=True)
class Repository:
    """More packages than the source has."""

    name: str
    source: Source
    cost: int | None = None  # of dnf: less is better, 1000 is usual
    include: tuple[str, ...] = ()  # only these packages, if any; globs
    exclude: tuple[str, ...] = ()
    install: bool = False  # the image itself uses it too


@dataclass(frozen=True)
class Keyboard:
    """Layouts on the console and in graphical sessions."""

    keymap: str = "us"  # of the console
    layouts: tuple[str, ...] = ("us",)  # of XKB: `de`, `cz (qwerty)`
    options: tuple[str, ...] = ()  # of XKB: `grp:alt_shift_toggle`


@dataclass(frozen=True)
class TimeServer:
    """A server, or a pool of them, that tells the time."""

    host: str
    pool: bool = False
    nts: bool = False


@dataclass(frozen=True)
class Group:
    """A group of users."""

    name: str
    gid: int | None = None


@dataclass(frozen=True)
class User:
    """A person or service; without a password only keys let it in."""

    name: str
    uid: int | None = None
    gid: int | None = None
    home: str = ""  # "": as the system does
    shell: str = ""
    gecos: str = ""
    groups: tuple[Group, ...] = ()
    password: Secret | None = None  # crypted
    locked: bool = False


@dataclass(frozen=True)
class SshKey:
    """A public key that may log in as a user."""

    user: str
    key: str


@dataclass(frozen=True)
class Firewall:
    """What may come in; answers to what the machine itself asked always may."""

    enabled: bool = True
    ports: tuple[str, ...] = ()  # 80:tcp, 1234-1240:udp
    services: tuple[str, ...] = ()  # ssh, http
    removed_services: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()  # interfaces


@dataclass(frozen=True)
class Address:
    """An address with the length of its network's prefix."""

    address: str
    prefix: int

    def __str__(self) -> str:
        return f"{self.address}/{self.prefix}"


@dataclass(frozen=True)
class Network:
    """One interface and how it gets its addresses."""

    device: str = ""  # name or MAC; "": every card
    kind: Literal["ethernet", "vlan", "bond", "bridge"] = "ethernet"
    dhcp4: bool = True
    dhcp6: bool = True
    accept_ra: bool = True
    addresses: tuple[Address, ...] = ()
    gateways: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    use_dns: bool = True  # from DHCP
    default_route: bool = True
    at_boot: bool = True
    mtu: int | None = None
    vendor_class: str = ""  # told to the DHCP server
    parent: str = ""  # of a VLAN
    vlan: int = 0
    members: tuple[str, ...] = ()  # of a bond or bridge
    options: tuple[tuple[str, str], ...] = ()  # of a bond or bridge, by the names of the kernel and iproute2


@dataclass(frozen=True)
class Certificate:
    """A file of certificates, or an anchor of trust."""

    name: str
    body: bytes
    folder: str = ""
    anchor: bool = False


def default_storage(size: int = ROOT_SIZE, label: str = "root", *, grow: bool = True) -> Storage:
    """One disk with boot loaders and a root, of `size` bytes."""
    root = PartitionSpec("root", Role.ROOT, DEFAULT_DISK, size, FileSystem("ext4", "/", label), grow=grow)
    return Storage((DEFAULT_DISK,), (*boot_partitions(DEFAULT_DISK), root))


def boot_partitions(disk: str) -> tuple[PartitionSpec, PartitionSpec]:
    """What a BIOS and what UEFI boot from."""
    return (
        PartitionSpec("bios", Role.BIOS, disk, BIOS_BOOT_SIZE),
        PartitionSpec("esp", Role.ESP, disk, ESP_SIZE, FileSystem("vfat", "", "ESP")),
    )


@dataclass(frozen=True)
class Meaning:
    """A recipe as what the image shall be."""

    source: Source
    packages: Packages
    scripts: tuple[Script, ...]
    repositories: tuple[Repository, ...] = ()
    locale: str = "C.UTF-8"
    more_locales: tuple[str, ...] = ()
    keyboard: Keyboard | None = None  # None: as the packages are
    timezone: str = "Etc/UTC"
    clock_is_utc: bool = True  # that of the hardware
    time_servers: tuple[TimeServer, ...] = ()
    set_time: bool = True  # from the network, if the packages can
    hostname: str = "localhost"
    networks: tuple[Network, ...] = ()
    root_password: Secret | None = None  # crypted; None locks root
    root_ssh: bool = False  # root may log in with the password over SSH
    groups: tuple[Group, ...] = ()
    users: tuple[User, ...] = ()
    ssh_keys: tuple[SshKey, ...] = ()
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    graphical: bool = False
    selinux: Literal["", "enforcing", "permissive", "disabled"] = ""  # "": as the packages are
    firewall: Firewall | None = None  # None: as the packages are
    authselect: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    kernel_arguments: str = ""
    loader_timeout_s: int = 1
    storage: Storage = field(default_factory=default_storage)

    @property
    def family(self) -> Family:
        """Which kind of packages it is made of."""
        return self.source.family

    @property
    def more_sources(self) -> tuple[Source, ...]:
        """The sources of all `repo` lines."""
        return tuple(each.source for each in self.repositories)
