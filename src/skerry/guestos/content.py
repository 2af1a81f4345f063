"""What a guest gets that it shares with others: packages, and the file system that holds them.

Both come from the image builder and stay in its cache, named by everything that shapes them. What makes a guest
its own (`identity`) comes later, onto the guest's disk.

When everything is in the cache, nothing of the builder is even imported: `content_build` is, when it is not.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from skerry.commands import Commands
from skerry.errors import BadInput, Unavailable
from skerry.guestos.facts import RootFacts, load_root_facts
from skerry.guestos.instance import Instance
from skerry.guestos.parameters import Settings
from skerry.guestos.suites import distribution_of, has_kernels
from skerry.images.cache import Cache, Workspace, key_of
from skerry.images.toolbox import Tools
from skerry.progress import Progress

FORMAT = 1  # of the entries here; part of their keys
IMAGE, FACTS = "root.img", "guest.json"
BOOT, CORE, ESP = "boot.img", "core.img", "esp.img"  # parts of GRUB
COPIED = frozenset({"ext2", "ext3", "ext4"})  # that grow and change in user space, so that one image serves all
_DAY_S = 24 * 3600.0
_KERNELS = ("linux-image-", "linux-generic", "linux-virtual")
_ARCHITECTURES = ("amd64", "i386")  # of guests, on the machines that Skerry runs on


@dataclass(frozen=True)
class Content:
    """What decides about a guest's packages."""

    distribution: str
    suite: str
    architecture: str
    components: tuple[str, ...]
    packages: tuple[str, ...]
    mirror: str  # "": as the builder's settings and this machine say
    locale: str
    tar: Path | None = None  # a root that somebody prepared, in place of packages
    core: bool = True  # what a Debian has that somebody installs, beside what it cannot do without

    @property
    def title(self) -> str:
        """How a person calls it."""
        return str(self.tar) if self.tar else f"{self.distribution} {self.suite} ({self.architecture})"

    @property
    def key(self) -> str:
        """The name of all that stands on it."""
        return key_of("guest", FORMAT, asdict(self), stamp(self.tar) if self.tar else machine_stamps())


@dataclass(frozen=True)
class Store:
    """Where content is kept, and how long it is good."""

    cache: Cache
    commands: Commands  # of the builder
    progress: Progress
    keep: bool = True  # what is made now
    days: int | None = 14  # None: for ever

    @property
    def oldest(self) -> float:
        """What was made before this moment is made anew (seconds since 1970)."""
        return 0.0 if self.days is None else time.time() - self.days * _DAY_S


def content_of(settings: Settings, instance: Instance) -> Content:
    """What an instance gets.

    Raises:
        BadInput: there is no such architecture here, or no kernel for it.
    """
    architecture = settings.arch or "amd64"
    if architecture not in _ARCHITECTURES:
        raise BadInput(
            f"ARCH={architecture}: guests of this architecture cannot be installed here",
            hint=f"choose {' or '.join(_ARCHITECTURES)}",
        )
    distribution = distribution_of(settings.suite)
    packages = packages_of(settings, instance, distribution, architecture)
    tar = prepared_tar(settings, architecture, time.time())
    ours = set(packages).difference(settings.extra_pkgs)
    if (
        not tar
        and any(name.startswith(_KERNELS) for name in ours)
        and not has_kernels(settings.suite, architecture)
    ):
        raise BadInput(
            f"{distribution} {settings.suite} has no kernel for {architecture}",
            hint="set SUITE=bookworm, or ARCH=amd64; or KERNEL=no where the guest needs none",
        )
    return Content(
        distribution=distribution,
        suite=settings.suite,
        architecture=architecture,
        components=settings.components or ("main",),
        packages=packages,
        mirror=settings.mirror.rstrip("/"),
        locale=settings.locale,
        tar=tar,
    )


def packages_of(settings: Settings, instance: Instance, distribution: str, architecture: str) -> tuple[str, ...]:
    """The packages beside the minimal system; EXTRA_PKGS with a kernel decides which one."""
    found = [*settings.extra_pkgs]
    if wants_kernel(settings, instance) and not any(name.startswith(_KERNELS) for name in found):
        found.append(kernel_package(instance, distribution, architecture))
    if distribution == "ubuntu" and any(name.startswith(_KERNELS) for name in found):
        found.append("initramfs-tools")  # which Ubuntu's kernels only recommend
    if has_package(settings.locale):
        found.append("locales")
    return tuple(sorted(set(found)))


def has_package(locale: str) -> bool:
    """Whether a locale is not in the C library itself."""
    return locale.partition(".")[0] not in {"C", "POSIX"}


def wants_kernel(settings: Settings, instance: Instance) -> bool:
    """Whether the guest shall have a kernel of its own."""
    return settings.kernel == "yes" or (settings.kernel == "auto" and instance.fully_virtual)


def kernel_package(instance: Instance, distribution: str, architecture: str) -> str:
    """The smallest kernel that knows the instance's devices: Debian's cloud kernel has few but virtio's."""
    if distribution == "ubuntu":
        return "linux-image-virtual"
    if architecture == "i386":
        return "linux-image-686"
    disk, nic = (instance.hypervisor_parameters.get(name, "") for name in ("disk_type", "nic_type"))
    virtio = instance.hypervisor == "kvm" and disk == "paravirtual" and nic in {"", "paravirtual"}
    return "linux-image-cloud-amd64" if virtio else "linux-image-amd64"


def prepared_tar(settings: Settings, architecture: str, now: float) -> Path | None:
    """The tar that an administrator put where the old scripts kept theirs, if it is young enough to count."""
    tar = settings.cache_dir / f"cache-{settings.suite}-{architecture}.tar"
    try:
        age_s = now - tar.stat().st_mtime
    except OSError:
        return None
    limit = settings.clean_cache_days
    return tar if limit is None or age_s <= limit * _DAY_S else None


def stamp(path: Path) -> list[object]:
    """What changes when a file does; nothing of what is in it is read."""
    try:
        found = path.stat()
    except OSError:
        return []
    return [str(path), found.st_size, found.st_mtime_ns]


def machine_stamps() -> list[object]:
    """What of this machine decides where packages come from, and which program installs them."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    files += [Path("/etc/skerry/build.toml"), Path(shutil.which("mmdebstrap") or "/usr/bin/mmdebstrap")]
    variables = sorted((name, value) for name, value in os.environ.items() if name.startswith("SKERRY_"))
    return [*(stamp(each) for each in files), variables]


@asynccontextmanager
async def guest_image(content: Content, kind: str, store: Store) -> AsyncIterator[tuple[Path, RootFacts]]:
    """A file with a file system of the kind that holds the content, as small as can be; and what is in it.

    Raises:
        BadInput: the packages cannot be installed.
        CommandFailed, NoSpace, TimedOut, Unavailable: as the builder.
    """
    key, ours = key_of(content.key, kind), False

    async def make(workspace: Workspace, folder: Path) -> None:
        from skerry.guestos.content_build import make_image  # noqa: PLC0415 - only on a miss

        nonlocal ours
        await make_image(content, kind, store, workspace, folder)
        ours = True

    if (made := store.cache.made("guest", key)) and made < store.oldest:
        await store.cache.forget("guest", key)
    had = store.cache.has("guest", key)
    try:
        async with store.cache.use("guest", key, make) as entry:
            if ours:  # each change of a prepared tar gives another, and nothing else makes room for it
                await store.cache.trim()
            yield entry / IMAGE, load_root_facts((entry / FACTS).read_text())
    finally:
        if not store.keep and not had:
            await store.cache.forget("guest", key)


@asynccontextmanager
async def image_tools(facts: RootFacts, store: Store) -> AsyncIterator[Tools]:
    """The programs that an image was written with."""
    if store.cache.has("tools", facts.tools):
        async with store.cache.use("tools", facts.tools, _gone) as root:
            yield Tools(root, store.commands)
        return
    from skerry.guestos.content_build import open_tools  # noqa: PLC0415 - only when the cache lost them

    async with open_tools([], store) as (found, _):
        yield found


async def _gone(_: Workspace, folder: Path) -> None:
    raise Unavailable(f"what was in {folder.parent} was deleted while it was in use", hint="install again")


@dataclass(frozen=True)
class BootArea:
    """What decides about GRUB's parts."""

    style: str
    kind: str  # file system of the root
    root: int  # number of its partition
    core: int  # sector of GRUB's core; 0: nothing for a BIOS
    esp: int  # bytes; 0: nothing for UEFI


@asynccontextmanager
async def boot_files(area: BootArea, store: Store) -> AsyncIterator[Path]:
    """A folder with GRUB's parts: BOOT and CORE for a BIOS, ESP for UEFI."""

    async def make(workspace: Workspace, folder: Path) -> None:
        from skerry.guestos.content_build import make_boot  # noqa: PLC0415 - only on a miss

        await make_boot(area, store, workspace, folder)

    async with store.cache.use("guest-boot", key_of("boot", FORMAT, asdict(area)), make) as folder:
        yield folder
