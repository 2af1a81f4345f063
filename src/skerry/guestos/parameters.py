"""Every setting of our definition, in one table; `skerry.guestos.settings` makes `Settings` of it.

The names are those of the settings file of ganeti-instance-debootstrap and mean what they meant there; those that
it did not have are marked. The file, the files of variants, the OS parameters of an instance, `parameters.list`
and the reference page all follow from this table. Later ones win: default, file, variant, OS parameter.

What a setting does on the node, rather than in the guest, is no OS parameter: whoever may create instances could
otherwise choose which programs run there as root.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from skerry.guestos import kinds

PartitionStyle = Literal["none", "msdos", "gpt"]
Choice = Literal["auto", "yes", "no"]
SECTOR = 512  # bytes; the unit of PARTITION_ALIGNMENT


@dataclass(frozen=True)
class Parameter:
    """A row of the table."""

    name: str  # as in the file
    field: str  # of `Settings`
    parse: Callable[[str], Any]  # raises ValueError with what is expected
    help: str
    default: str  # as one would write it in the file
    os_parameter: str = ""  # what an instance calls it; "": only the node may set it
    choices: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()  # other names in the file
    empty: bool = True  # whether an empty value is one, rather than none
    secret: bool = False
    classic: bool = True  # whether ganeti-instance-debootstrap has it


@dataclass(frozen=True)
class Settings:
    """What to install and how; the fields are those of `PARAMETERS`."""

    proxy: str
    mirror: str  # "": the builder's own choice
    arch: str  # "": the node's
    suite: str
    extra_pkgs: tuple[str, ...]
    components: tuple[str, ...]  # (): main
    customize_dir: Path
    variants_dir: Path
    generate_cache: bool
    clean_cache_days: int | None  # None: never
    partition_style: PartitionStyle
    partition_alignment: int  # sectors
    filesystem: str
    kernel: Choice
    boot_loader: Choice
    firmware: Literal["auto", "bios", "uefi", "both"]
    kernel_args: str
    network: Literal["auto", "dhcp", "static", "none"]
    name_servers: tuple[str, ...]
    root_password_hash: str  # "": locked
    ssh_keys: tuple[str, ...]
    locale: str
    timezone: str
    mount: bool
    cache_dir: Path
    export_format: Literal["zstd", "gzip", "none", "raw"]


FILESYSTEMS = ("ext4", "ext3", "ext2", "xfs", "btrfs")
_AUTO = ("auto", "yes", "no")
_FIRMWARE = ("auto", "bios", "uefi", "both")
_NETWORK = ("auto", "dhcp", "static", "none")
_EXPORTS = ("zstd", "gzip", "none", "raw")
_STYLES = ("none", "msdos", "gpt")

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "PROXY",
        "proxy",
        kinds.matching(kinds.URL, "an http or https address"),
        "HTTP proxy that packages are fetched through",
        "",
        "proxy",
    ),
    Parameter(
        "MIRROR",
        "mirror",
        kinds.matching(kinds.URL, "an http or https address"),
        "mirror to install from, if not the default one of the distribution",
        "",
        "mirror",
    ),
    Parameter(
        "ARCH",
        "arch",
        kinds.optional(kinds.architecture),
        "architecture of the guest; empty is the node's",
        "",
        "arch",
        choices=("amd64", "i386"),
    ),
    Parameter(
        "SUITE",
        "suite",
        kinds.matching(kinds.WORD, "a suite such as trixie or noble"),
        "release of Debian or Ubuntu to install",
        "trixie",
        "suite",
        empty=False,
    ),
    Parameter(
        "EXTRA_PKGS",
        "extra_pkgs",
        kinds.list_of(kinds.PACKAGE, "a package name"),
        "packages to install beside the minimal system, with blanks or commas between them",
        "",
        "extra_pkgs",
        spellings=("EXTRAPKGS",),
    ),
    Parameter(
        "COMPONENTS",
        "components",
        kinds.list_of(kinds.WORD, "a component such as main"),
        "components of the archive, with blanks or commas between them; empty is main",
        "",
        "components",
    ),
    Parameter(
        "CUSTOMIZE_DIR",
        "customize_dir",
        kinds.folder,
        "folder of hooks, programs that customize the guest",
        "",
        empty=False,
    ),
    Parameter(
        "VARIANTS_DIR",
        "variants_dir",
        kinds.folder,
        "folder with a file of settings per variant, such as trixie.conf",
        "",
        empty=False,
    ),
    Parameter(
        "GENERATE_CACHE",
        "generate_cache",
        kinds.only_yes,
        "`yes` keeps what was installed for the next instance; with anything else only what is there is used",
        "yes",
        empty=False,
    ),
    Parameter(
        "CLEAN_CACHE",
        "clean_cache_days",
        kinds.days,
        "days after which what is cached is installed anew; empty is never",
        "14",
    ),
    Parameter(
        "PARTITION_STYLE",
        "partition_style",
        kinds.choice(*_STYLES),
        "`none` formats the disk itself, `msdos` and `gpt` put one partition for the system on it",
        "msdos",
        "partition_style",
        choices=_STYLES,
        empty=False,
    ),
    Parameter(
        "PARTITION_ALIGNMENT",
        "partition_alignment",
        kinds.whole(1, 2**21, "sectors"),
        "sectors of 512 bytes in front of the first partition, and what partitions are aligned to",
        "2048",
        "partition_alignment",
        empty=False,
    ),
    Parameter(
        "FILESYSTEM",
        "filesystem",
        kinds.choice(*FILESYSTEMS),
        "file system of the root",
        "ext4",
        "filesystem",
        choices=FILESYSTEMS,
        empty=False,
    ),
    Parameter(
        "KERNEL",
        "kernel",
        kinds.choice(*_AUTO),
        "whether a kernel is installed; `auto` does where the hypervisor starts the guest as a real machine",
        "auto",
        "kernel",
        choices=_AUTO,
        empty=False,
        classic=False,
    ),
    Parameter(
        "BOOT_LOADER",
        "boot_loader",
        kinds.choice(*_AUTO),
        "whether GRUB is installed; `auto` does where there is a kernel and a partition table",
        "auto",
        "boot_loader",
        choices=_AUTO,
        empty=False,
        classic=False,
    ),
    Parameter(
        "FIRMWARE",
        "firmware",
        kinds.choice(*_FIRMWARE),
        "which firmware the boot loader is for; `auto` is both on gpt and bios on msdos",
        "auto",
        "firmware",
        choices=_FIRMWARE,
        empty=False,
        classic=False,
    ),
    Parameter(
        "KERNEL_ARGS",
        "kernel_args",
        kinds.matching(kinds.KERNEL_WORDS, "words of a kernel command line, without quotes"),
        "more words for the guest's kernel",
        "",
        "kernel_args",
        classic=False,
    ),
    Parameter(
        "NETWORK",
        "network",
        kinds.choice(*_NETWORK),
        "`static` writes the addresses that the cluster knows, `auto` does where it knows them and asks DHCP "
        "elsewhere, `none` leaves only the loopback",
        "auto",
        "network",
        choices=_NETWORK,
        empty=False,
        classic=False,
    ),
    Parameter(
        "NAME_SERVERS",
        "name_servers",
        kinds.addresses,
        "addresses of name servers for guests with static addresses; empty is those of the node",
        "",
        "name_servers",
        classic=False,
    ),
    Parameter(
        "ROOT_PASSWORD_HASH",
        "root_password_hash",
        kinds.matching(kinds.HASH, "a hash as `openssl passwd -6` or `mkpasswd` prints it, never the password"),
        "root's password, as a hash; without it root has none that works",
        "",
        "root_password_hash",
        secret=True,
        classic=False,
    ),
    Parameter(
        "SSH_KEYS",
        "ssh_keys",
        kinds.keys,
        "public keys that root may sign in with, one a line",
        "",
        "ssh_keys",
        classic=False,
    ),
    Parameter(
        "LOCALE",
        "locale",
        kinds.matching(kinds.LOCALE, "a locale such as de_DE.UTF-8"),
        "language and formats of the guest",
        "C.UTF-8",
        "locale",
        empty=False,
        classic=False,
    ),
    Parameter(
        "TIMEZONE",
        "timezone",
        kinds.zone,
        "time zone of the guest",
        "Etc/UTC",
        "timezone",
        empty=False,
        classic=False,
    ),
    Parameter(
        "MOUNT",
        "mount",
        kinds.yes_or_no,
        "`yes` mounts the guest's file system on the node, as the old scripts did, for hooks that need it",
        "no",
        choices=("no", "yes"),
        empty=False,
        classic=False,
    ),
    Parameter(
        "CACHE_DIR",
        "cache_dir",
        kinds.folder,
        "folder with tars that installs begin with, `cache-SUITE-ARCH.tar`, for those who seed theirs",
        "",
        empty=False,
        classic=False,
    ),
    Parameter(
        "EXPORT_FORMAT",
        "export_format",
        kinds.choice(*_EXPORTS),
        "how `export` writes a disk: as a framed stream, compressed so, or `raw`, the bytes as they are",
        "zstd",
        "export_format",
        choices=_EXPORTS,
        empty=False,
        classic=False,
    ),
)
BY_NAME: Mapping[str, Parameter] = {spelling: row for row in PARAMETERS for spelling in (row.name, *row.spellings)}
BY_OS_PARAMETER: Mapping[str, Parameter] = {row.os_parameter: row for row in PARAMETERS if row.os_parameter}
