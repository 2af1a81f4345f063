"""How each word of kickstart is treated, as data; the reference page is made of it.

A word is honoured (it changes the image), ignored (it is about installing on a machine that is there, and means
nothing for an image; a remark tells of it) or refused (it asks for what an image cannot be; an error). Options of
a honoured word are each one of the three as well: those that are not named here are honoured.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Treatment(enum.StrEnum):
    """What becomes of a word."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True)
class Word:
    """One word: what it does, or why it does nothing, or why it cannot be done."""

    name: str
    treatment: Treatment
    says: str
    ignored: Mapping[str, str] = field(default_factory=dict)  # option: why
    refused: Mapping[str, str] = field(default_factory=dict)  # option: why


def _each(says: str, *options: str) -> dict[str, str]:
    return dict.fromkeys(options, says)


_NO_DEVICE = "an image has no devices that are there already"
_NO_KEY = "the image would have to carry the key that opens it"
_ENCRYPTION = _each(
    _NO_KEY,
    *(
        "--encrypted",
        "--passphrase",
        "--escrowcert",
        "--backuppassphrase",
        "--cipher",
        "--luks-version",
        "--pbkdf",
    ),
    *("--pbkdf-memory", "--pbkdf-time", "--pbkdf-iterations"),
)
_HARDWARE_KEY = {"--hw-passphrase": _NO_KEY}
_KEPT = _each(_NO_DEVICE, "--noformat", "--useexisting")
_RESIZED = {"--resize": _NO_DEVICE}
_MEMORY = "the memory of the machine is not known: give a --size"
_TRUST = "set up trust on the builder: a recipe cannot lower or bring it"
_FETCH = _each(_TRUST, "--noverifyssl", "--sslcacert", "--sslclientcert", "--sslclientkey")
_PROXY = {"--proxy": "the builder's own environment says which proxy it uses"}
_PART_IGNORED = {
    **_each("there are no primary and logical partitions in a GPT", "--asprimary", "--active"),
    **_each("the builder places partitions itself", "--start", "--end"),
}
_GRUB = "the loader is GRUB on a GPT, for BIOS and UEFI"
_LILO_IGNORED = _each(_GRUB, "--location", "--linear", "--nolinear", "--lba32", "--useLilo", "--upgrade")
_LOADER_IGNORED = {
    **_LILO_IGNORED,
    **_each(_GRUB, "--extlinux", "--sdboot", "--nombr", "--leavebootorder", "--disabled"),
    "--default": "the newest kernel is the default",
    "--hvargs": "there is no hypervisor under the kernel",
}
_LILO_REFUSED = _each(
    "a password of the menu cannot be set: lock the console of the machine instead", "--password", "--md5pass"
)
_LOADER_REFUSED = {**_LILO_REFUSED, "--iscrypted": _LILO_REFUSED["--password"]}


def _honoured(
    name: str, says: str, ignored: Mapping[str, str] | None = None, refused: Mapping[str, str] | None = None
) -> Word:
    return Word(name, Treatment.HONOURED, says, ignored or {}, refused or {})


_HONOURED = (
    _honoured(
        "url",
        "what to install: `debian:trixie`, `ubuntu:noble`, `fedora:42`, `centos-stream:10`, or the address of an "
        "RPM repository (`https:`, `http:`, `ftp:`, `file:`; also `--mirrorlist`, `--metalink`)",
        _PROXY,
        _FETCH,
    ),
    _honoured(
        "repo",
        "more packages, from a suite or an RPM repository; `--cost` (1000 is usual, less is preferred), "
        "`--includepkgs`, `--excludepkgs`; `--install` keeps an RPM repository in the image, suites always stay",
        {**_PROXY, "--ignoregroups": "dnf always reads groups"},
        _FETCH,
    ),
    _honoured("lang", "`LANG` of the system; it and those of `--addsupport` are generated where that is needed"),
    _honoured("keyboard", "layout of the console and of graphical sessions"),
    _honoured(
        "timezone",
        "the time zone; without `--utc` the hardware clock shows local time; `--ntpservers` and `--nontp` as "
        "`timesource`",
    ),
    _honoured(
        "timesource", "servers for chrony or systemd-timesyncd, or no setting of the clock (`--ntp-disable`)"
    ),
    _honoured(
        "rootpw",
        "root's password; a plain one is hashed; `--lock`, and no `rootpw` at all, lock root; `--allow-ssh`",
    ),
    _honoured(
        "user",
        "makes a user; a plain password is hashed; groups that are not there are made; the password of "
        "`--name=root` is that of `rootpw`",
    ),
    _honoured("group", "makes a group"),
    _honoured("sshkey", "a key that may log in as a user of the image"),
    _honoured(
        "network",
        "an interface by NetworkManager where that is installed (and systemd-networkd is not enabled), else by "
        "systemd-networkd; `--hostname` alone sets only the name",
        {
            **_each("it is about the installation", "--activate", "--no-activate", "--notksdevice"),
        },
        {
            **_each("wireless networks are left to the machine", "--essid", "--wepkey", "--wpakey"),
            **_each("teams are gone: use a bond", "--teamslaves", "--teamconfig"),
            "--ethtool": "write a .link file in a %post",
            "--bindto": "give the MAC address as --device instead",
        },
    ),
    _honoured("services", "systemd units that start, or do not"),
    _honoured("selinux", "the mode; the first boot labels all files, and starts again"),
    _honoured(
        "firewall",
        "rules for firewalld where it is installed, else for nftables, which needs `--port` for services that "
        "only firewalld knows",
        {"--high": "one firewall is enough", "--medium": "one firewall is enough"},
    ),
    _honoured(
        "bootloader",
        "`--append` are arguments of the kernel, `--timeout` seconds of the menu; with `console=ttyS0` the menu "
        "is on the serial port too; `--boot-drive`, or the first of `--driveorder`, is the disk to boot from",
        _LOADER_IGNORED,
        _LOADER_REFUSED,
    ),
    _honoured("lilo", "as `bootloader`", _LILO_IGNORED, _LILO_REFUSED),
    *(
        _honoured(
            name,
            "a partition; sizes in MiB; each `--ondisk` name is a disk of its own; boot loader partitions are "
            "made by themselves; what shall `--grow` comes last, and grows when it boots on a larger disk; "
            "`--mkfsoptions` are those that concern only the file system, and name no files or devices",
            _PART_IGNORED,
            {
                **_ENCRYPTION,
                **_HARDWARE_KEY,
                **_RESIZED,
                **_each(_NO_DEVICE, "--noformat", "--onpart", "--onbiosdisk"),
                "--hibernation": _MEMORY,
            },
        )
        for name in ("part", "partition")
    ),
    _honoured("volgroup", "a volume group", refused=_KEPT),
    _honoured(
        "logvol",
        "a logical volume",
        refused={
            **_ENCRYPTION,
            **_KEPT,
            **_RESIZED,
            "--hibernation": _MEMORY,
            **_each(
                "thin pools and caches need device mapper to be made",
                *("--thinpool", "--thin", "--poolname", "--chunksize", "--metadatasize", "--profile"),
                *("--cachesize", "--cachemode", "--cachepvs"),
            ),
        },
    ),
    _honoured(
        "raid",
        "a mirror (`--level=1`); a disk with another level cannot be written, so `image check` refuses it",
        refused={**_ENCRYPTION, **_KEPT},
    ),
    _honoured(
        "btrfs",
        "a btrfs on one partition, or a subvolume of it; over several partitions it cannot be written, so "
        "`image check` refuses it",
        refused=_KEPT,
    ),
    _honoured(
        "autopart",
        "one root, plain, in LVM or as btrfs (`--type`, `--nolvm`, `--fstype`); swap and /home depend on the "
        "machine and are not made",
        {
            **_each("neither is made anyway", "--nohome", "--noswap"),
            "--noboot": "a /boot is made only where the boot loader cannot read the root",
        },
        {**_ENCRYPTION, **_HARDWARE_KEY, "--hibernation": _MEMORY},
    ),
    _honoured("reqpart", "boot loader partitions, which are made anyway; `--add-boot`: and /boot"),
    _honoured("authselect", "runs authselect with these words in the root, for RPM"),
    _honoured(
        "xconfig",
        "`--startxonboot`: the graphical target is the default one",
        _each(
            "X finds its hardware itself",
            *("--card", "--depth", "--hsync", "--vsync", "--monitor", "--noprobe", "--resolution", "--server"),
            *("--videoram", "--driver", "--defaultdesktop"),
        ),
    ),
)

_INSTALLER = "it is about the installer's own screen"
_HARDWARE = "it is about the hardware of the machine that is installed"
_DISKS = "the disks of an image are new and empty"
_IGNORED: Mapping[str, tuple[str, ...]] = {
    _INSTALLER: (
        *("autostep", "cmdline", "graphical", "interactive", "logging", "mediacheck", "mouse", "monitor", "rdp"),
        *("rescue", "sshpw", "text", "updates", "vnc"),
    ),
    _HARDWARE: (
        *("device", "deviceprobe", "dmraid", "driverdisk", "fcoe", "hmc", "iscsi", "iscsiname", "multipath"),
        *("nvdimm", "unsupported_hardware", "zfcp", "zipl"),
    ),
    _DISKS: ("clearpart", "ignoredisk", "zerombr"),
    "the packages come from `url`": ("cdrom", "install"),
    "nothing is shut down after a build": ("halt", "poweroff", "reboot", "shutdown"),
    "passwords are in /etc/shadow, hashed, as always": ("auth", "authconfig"),
    "there is no graphical session unless packages bring one": ("skipx",),
    "the loader is GRUB": ("lilocheck",),
    "languages are chosen by `lang` and `%packages --inst-langs`": ("langsupport",),
    "an image asks nobody": ("eula", "firstboot"),
    "it is a note for a subscription service": ("key", "syspurpose"),
}
_REFUSED: Mapping[str, tuple[str, ...]] = {
    "an image is made of packages: say which with `url`": (
        *("bootc", "harddrive", "liveimg", "method", "nfs", "ostreecontainer", "ostreesetup"),
    ),
    "an image is made anew; nothing is there to upgrade": ("upgrade",),
    _NO_DEVICE: ("mount",),
    "it needs device mapper to be made": ("snapshot", "stratisfs", "stratispool"),
    "a machine joins a domain, or a subscription, when it runs; an image must not carry that": ("realm", "rhsm"),
    "streams of packages are gone from Fedora, and Debian has none": ("module",),
}


def _words() -> dict[str, Word]:
    found = {word.name: word for word in _HONOURED}
    for treatment, table in ((Treatment.IGNORED, _IGNORED), (Treatment.REFUSED, _REFUSED)):
        found |= {name: Word(name, treatment, says) for says, names in table.items() for name in names}
    return dict(sorted(found.items()))


WORDS: Mapping[str, Word] = _words()

SECTIONS: Mapping[str, Word] = {
    "%packages": Word(
        "%packages",
        Treatment.HONOURED,
        "names, `-names` that must not come in, even as a dependency; for RPM also patterns such as `vim-*`, "
        "`@groups` (`--nodefaults`: only what is mandatory, `--optional`: all of it), `@^environment`, `-@groups`"
        "; `--nocore`, `--exclude-weakdeps`, `--excludedocs` (licences stay), `--inst-langs=`; several add up",
        {
            "--nobase": "there is no such group any more",
            **_each("dependencies are always resolved", "--resolvedeps"),
        },
        {"--ignoredeps": "dependencies are always resolved"},
    ),
    "%post": Word(
        "%post",
        Treatment.HONOURED,
        "runs in the new root, in order; with `--nochroot` outside of it, with `INSTALL_ROOT` set; "
        "`--interpreter`, `--log`; without `--erroronfail` a failure is only told",
    ),
    "%pre": Word(
        "%pre",
        Treatment.HONOURED,
        "runs before the packages, outside of any root; with `--erroronfail` it can say no; what it writes is "
        "gone, so it cannot make files for `%include`",
    ),
    "%certificate": Word("%certificate", Treatment.HONOURED, "a file of certificates, or an anchor of trust"),
    **{
        name: Word(name, Treatment.IGNORED, says)
        for says, names in {
            "it is for a real installation, and is not run": ("%pre-install", "%onerror", "%traceback"),
            "it is for a part of the installer": ("%addon", "%anaconda"),
        }.items()
        for name in names
    },
}

# Options of %packages that only one family can honour; apt passes over the first ones without harm.
PACKAGES_RPM_ONLY_HARMLESS = frozenset({"--timeout", "--retries"})
PACKAGES_RPM_ONLY: Mapping[str, str] = {
    "--ignoremissing": "apt has no way to pass over packages that are missing",
    "--ignorebroken": "apt has no way to pass over packages that conflict",
    "--multilib": "apt chooses architectures by `name:arch`",
    "--default": "there is no default set of packages",
}
