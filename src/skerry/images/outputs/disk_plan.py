"""What is decided about a disk before anything is written: who is where, and how it is found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from skerry.errors import BadInput
from skerry.images.kernels import Kernel
from skerry.images.layout import FileSystem, Layout, Mount
from skerry.images.outputs import grub
from skerry.images.outputs.devices import below, find_array, find_volume
from skerry.images.outputs.filesystems.registry import find_writer
from skerry.images.outputs.fstab import fstab, repart_files
from skerry.images.outputs.grub import BootFolder
from skerry.images.outputs.trees import Contents, Place, inside, place_of
from skerry.images.recipe import BadRecipe
from skerry.images.words import Meaning

ESP = "/boot/efi"  # where it is mounted, if it is
OVERLAY_INITRD = "skerry-overlay.img"  # below /boot


@dataclass(frozen=True)
class OwnFiles:
    """What the root must hold and only the disk knows, by absolute path."""

    files: Mapping[str, bytes]
    links: Mapping[str, str]


@dataclass(frozen=True)
class Overlay:
    """What starts a root that cannot be written."""

    kernel: Kernel
    initrd: bytes


@dataclass(frozen=True)
class DiskPlan:
    """The disks of one image."""

    meaning: Meaning
    layout: Layout
    identity: Callable[[str], str]

    @cached_property
    def uuids(self) -> Mapping[str, str]:
        """The UUID of each file system, by its device and as fstab has it."""
        return {
            device: find_writer(content.type).uuid(self.identity(f"fs {device}"))
            for device, content in self.layout.contents.items()
            if isinstance(content, FileSystem)
        }

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where the files of the root go.

        Raises:
            BadInput: two file systems want the same place, or a subvolume has a name that cannot be.
        """
        found: dict[str, Place] = {}
        for mount in self.layout.mounts():
            if not mount.mountpoint:
                continue
            if ".." in mount.subvolume.split("/"):
                raise BadInput(f"{mount.subvolume!r} cannot be the name of a subvolume")
            if mount.mountpoint in found:
                raise BadInput(
                    f"{mount.mountpoint} is on {found[mount.mountpoint].device} and on {mount.device}",
                    hint="leave one of the two out",
                )
            found[mount.mountpoint] = Place(mount.mountpoint, mount.device, mount.subvolume)
        if "/" not in found:
            raise BadInput("the disk has no root", hint="add `part / --size=2048`")
        return tuple(found.values())

    @property
    def root(self) -> Mount:
        """What is mounted at /."""
        return self.layout.root

    @property
    def overlaid(self) -> bool:
        """Whether the root cannot be written, so that changes are laid over it in memory."""
        return self.root.file_system.type == "erofs"

    @cached_property
    def own_boot(self) -> bool:
        """Whether /boot is a file system of its own."""
        return place_of("/boot", self.places).mountpoint == "/boot"

    @cached_property
    def boot(self) -> BootFolder:
        """Where GRUB finds its menu and the kernels.

        Raises:
            BadInput: GRUB cannot read it.
        """
        place = place_of("/boot", self.places)
        content = self.layout.contents[place.device]
        assert isinstance(content, FileSystem)
        module = find_writer(content.type).grub
        if module is None:
            raise BadInput(
                f"GRUB cannot read kernels from {content.type}", hint="add `part /boot --fstype=ext4 --size=512`"
            )
        modules = {module}
        devices = below(self.layout, place.device)
        if any(find_volume(self.layout, each) for each in devices):
            modules.add("lvm")
        if any(find_array(self.layout, each) for each in devices):
            modules |= {"mdraid1x", "diskfilter"}
        return BootFolder(self.uuids[place.device], inside("/boot", place), tuple(sorted(modules)))

    @property
    def arguments(self) -> str:
        """The kernel's."""
        root = self.root
        words = [f"root={self._root_device()}", "ro"]
        if root.subvolume:
            words.append(f"rootflags=subvol={root.subvolume}")
        return " ".join([*words, *self.meaning.kernel_arguments.split()])

    def _root_device(self) -> str:
        """As initial RAM disks know it: volumes by their name, because they are started for it."""
        if volume := find_volume(self.layout, self.root.device):
            group, _, name = volume[1].name.partition("/")
            return f"/dev/mapper/{group.replace('-', '--')}-{name.replace('-', '--')}"
        return f"UUID={self.uuids[self.root.device]}"

    def own_files(self, contents: Contents, overlay: Overlay | None = None) -> OwnFiles:
        """The files of ours in the root.

        Raises:
            BadRecipe: the root has no kernel.
        """
        files: dict[str, bytes] = {}
        links: dict[str, str] = {}
        title = str(self.meaning.source)
        if overlay:
            entries = [self._overlay_entry(title, overlay)]
            files[f"/boot/{OVERLAY_INITRD}"] = overlay.initrd
        else:
            if self.own_boot:
                files, links = grub.link_files(contents.links)
            entries = grub.menu_entries(contents.names, title, self.boot, own_boot=self.own_boot)
        menu = grub.menu(entries, self.arguments, self.meaning.loader_timeout_s)
        files["/etc/fstab"] = fstab(self.layout, self.uuids).encode()
        files["/boot/grub/grub.cfg"] = menu.encode()
        return OwnFiles(files | repart_files(self.layout), links)

    def _overlay_entry(self, title: str, overlay: Overlay) -> grub.MenuEntry:
        """The one kernel of a root that cannot be written, with our initial RAM disk."""
        if not overlay.kernel.image.startswith("/boot/"):
            raise BadRecipe(
                f"the disk could not boot: its kernel is {overlay.kernel.image}, which is not in /boot",
                hint="copy it to /boot in a %post",
            )
        kernel = self.boot.inside(overlay.kernel.image.removeprefix("/boot/"))
        return grub.MenuEntry(title, kernel, (self.boot.inside(OVERLAY_INITRD),))
