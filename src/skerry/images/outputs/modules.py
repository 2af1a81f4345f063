"""Which kernel modules a small initial RAM disk needs, from the lists that depmod wrote.

A set of modules is asked for by folders and names below `kernel/`; whatever those depend on comes along. The lists
(modules.dep, modules.alias) are then written anew for the chosen ones, so that modprobe looks for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

# Folders end with a slash. What a kernel does not have is not missed: some have it built in.
ROOT_MODULES = (
    *("fs/squashfs/", "fs/erofs/", "fs/overlayfs/", "drivers/block/loop", "drivers/virtio/", "drivers/hv/"),
    *("crypto/crc32", "arch/x86/crypto/crc32", "lib/libcrc32c"),
)
MEDIUM_MODULES = (
    *("fs/isofs/", "fs/fat/", "fs/exfat/", "fs/ext4/", "fs/nls/nls_ascii", "fs/nls/nls_cp437"),
    *("fs/nls/nls_iso8859-1", "fs/nls/nls_utf8", "drivers/cdrom/", "drivers/ata/", "drivers/block/virtio_blk"),
    *("drivers/block/xen-blkfront", "drivers/nvme/host/nvme", "drivers/nvme/host/nvme-core", "drivers/mmc/core/"),
    *("drivers/mmc/host/", "drivers/scsi/sd_mod", "drivers/scsi/sr_mod", "drivers/scsi/virtio_scsi"),
    *("drivers/scsi/hv_storvsc", "drivers/scsi/vmw_pvscsi", "drivers/scsi/megaraid/", "drivers/scsi/mpi3mr/"),
    *("drivers/scsi/mpt3sas/", "drivers/scsi/smartpqi/", "drivers/scsi/hpsa", "drivers/message/fusion/"),
    *("drivers/usb/host/", "drivers/usb/storage/", "drivers/usb/core/", "drivers/usb/common/"),
    *("drivers/hid/hid", "drivers/hid/hid-generic", "drivers/hid/usbhid/"),
)
NETWORK_MODULES = (
    *("drivers/net/ethernet/", "drivers/net/phy/", "drivers/net/mdio/", "drivers/net/virtio_net"),
    *("drivers/net/hyperv/", "drivers/net/vmxnet3/", "drivers/net/xen-netfront", "net/packet/af_packet"),
)
# Cards that no machine starts from, with megabytes of firmware or drivers.
NEVER = ("drivers/net/ethernet/mellanox/mlxsw/", "drivers/net/ethernet/netronome/", "drivers/mmc/host/sdhci-of")
_SUFFIX = re.compile(r"\.ko(\.(xz|zst|gz))?$")


@dataclass(frozen=True)
class ModuleLists:
    """What depmod knows: modules by their path below the version's folder, with compression's suffix."""

    dependencies: Mapping[str, tuple[str, ...]]
    aliases: tuple[tuple[str, str], ...]  # pattern, name of the module
    softdeps: Mapping[str, tuple[str, ...]]  # names that shall be loaded first

    def chosen(self, wanted: Sequence[str]) -> list[str]:
        """The wanted modules that there are, and all that they need; sorted."""
        first = [path for path in self.dependencies if _is_wanted(plain(path), wanted)]
        by_name = {module_name(path): path for path in self.dependencies}
        found: set[str] = set()
        while first:
            path = first.pop()
            if path in found:
                continue
            found.add(path)
            first += self.dependencies.get(path, ())
            soft = self.softdeps.get(module_name(path), ())
            first += [by_name[name] for name in map(_normal, soft) if name in by_name]
        return sorted(found)

    def dep_file(self, chosen: Sequence[str]) -> str:
        """modules.dep of the chosen ones, as they are without compression."""
        return "".join(
            f"{plain(path)}:{''.join(' ' + plain(each) for each in self.dependencies[path])}\n" for path in chosen
        )

    def alias_file(self, chosen: Sequence[str]) -> str:
        """modules.alias of the chosen ones."""
        names = {module_name(path) for path in chosen}
        return "".join(f"alias {pattern} {name}\n" for pattern, name in self.aliases if _normal(name) in names)


def parse_lists(dep: str, alias: str, softdep: str) -> ModuleLists:
    """Read modules.dep, modules.alias and modules.softdep."""
    dependencies = {}
    for line in dep.splitlines():
        path, _, needs = line.partition(":")
        dependencies[path] = tuple(needs.split())
    aliases = [line.split()[1:] for line in alias.splitlines() if line.startswith("alias ")]
    softdeps: dict[str, tuple[str, ...]] = {}
    for line in softdep.splitlines():
        if match := re.fullmatch(r"softdep (\S+) pre: (.*?)( post:.*)?", line):
            softdeps[_normal(match[1])] = (*softdeps.get(_normal(match[1]), ()), *match[2].split())
    return ModuleLists(dependencies, tuple((words[0], words[1]) for words in aliases if len(words) == 2), softdeps)


def plain(path: str) -> str:
    """The path without the suffix of its compression."""
    return _SUFFIX.sub(".ko", path)


def module_name(path: str) -> str:
    """The name of a module as the kernel has it."""
    return _normal(PurePosixPath(plain(path)).name.removesuffix(".ko"))


def firmware_names(module: bytes) -> list[str]:
    """The firmware files that an uncompressed module may load: `firmware=NAME` in its section .modinfo."""
    return sorted({name.decode() for name in re.findall(rb"\0firmware=([\x21-\x7e]+)(?=\0)", module)})


def _is_wanted(path: str, wanted: Iterable[str]) -> bool:
    inside = path.removeprefix("kernel/")
    if inside.startswith(NEVER):
        return False
    return any(inside.startswith(each) if _is_prefix(each) else inside == f"{each}.ko" for each in wanted)


def _is_prefix(wanted: str) -> bool:
    return wanted.endswith(("/", "crc32"))


def _normal(name: str) -> str:
    return name.replace("-", "_")
