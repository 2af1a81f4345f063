"""A tar that an administrator prepared, taken as the root: what it leaves without effect, and how it is read.

Debian's own definition keeps its roots in the same folder, by the same names. So a tar may lie there that nobody
meant for an instance: what the instance itself asks for is never passed over in silence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from skerry.errors import BadImage, BadInput, CommandFailed
from skerry.guestos.content import Content, Store, has_package
from skerry.guestos.facts import RootFacts
from skerry.guestos.parameters import BY_NAME, Settings
from skerry.images.cache import full_disk_explained

_WISHES = ("EXTRA_PKGS", "COMPONENTS", "LOCALE")  # what would be missed in the guest
_REMOVE = "remove it, or let CACHE_DIR name another folder, so that packages are installed"
_UNPACK_S = 3600.0
_UNPACKERS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_HEAD = max(len(magic) for magic, _ in _UNPACKERS)


def without_effect(settings: Settings) -> tuple[str, ...]:
    """The settings that say something, and with which nothing is done beside a prepared tar."""
    says = {
        "EXTRA_PKGS": bool(settings.extra_pkgs),
        "COMPONENTS": settings.components not in {(), ("main",)},
        "LOCALE": has_package(settings.locale),
        "MIRROR": bool(settings.mirror),
    }
    return tuple(name for name, said in says.items() if said)


def check_wishes(tar: Path, settings: Settings, asked: Collection[str]) -> None:
    """Look whether a tar is in the way of what the instance's own parameters (`asked`, by name) are about.

    Raises:
        BadInput: it is; they are named.
    """
    lost = [BY_NAME[name].os_parameter for name in without_effect(settings) if name in _WISHES and name in asked]
    if lost:
        raise BadInput(
            f"OS parameter: {', '.join(lost)} can do nothing: {tar} is taken as the root, and no package is "
            "installed beside it",
            hint=f"{_REMOVE}; or leave out what the tar has anyway",
        )


def note(tar: Path, settings: Settings) -> str:
    """What the log says of a tar that is taken."""
    lost = without_effect(settings)
    ending = f", and {', '.join(lost)} can do nothing" if lost else ""
    return f"note: {tar} is taken as the root; no package is installed beside it{ending}"


def check_kernel(content: Content, settings: Settings, facts: RootFacts) -> None:
    """Look whether the guest has the kernel that the settings demand, where a tar is all that it can come from.

    Raises:
        BadInput: it has none.
    """
    demands = {"KERNEL": settings.kernel, "BOOT_LOADER": settings.boot_loader}
    names = [name for name, value in demands.items() if value == "yes"]
    if content.tar and names and not facts.kernel:
        raise BadInput(
            f"{'=yes, '.join(names)}=yes: {content.tar} is taken as the root, and it has no kernel",
            hint=f"{_REMOVE}; or set {' and '.join(f'{name}=no' for name in names)}",
        )


@asynccontextmanager
async def unpacked(tar: Path, store: Store) -> AsyncIterator[Path]:
    """A tar as the builder reads it, which is not compressed; `tar xf` takes both, and so do we.

    Raises:
        BadImage: it cannot be read, or is damaged.
        NoSpace, TimedOut, Unavailable: as the program that unpacks it.
    """
    program = _unpacker(tar)
    if not program:
        yield tar
        return
    async with store.cache.workspace() as workspace:
        plain = workspace.path / "prepared.tar"
        plain.touch(mode=0o600)  # it has hashes of passwords, and users of the node may enter the folder
        try:
            with full_disk_explained(store.cache.root), plain.open("wb") as file:
                await store.commands.run(
                    [program, "-dc", tar], stdout_to=file, timeout=_UNPACK_S, pass_fds=[workspace.lock]
                )
        except CommandFailed as exc:
            raise unreadable(tar, exc.message) from exc
        yield plain


def _unpacker(tar: Path) -> str:
    """The program for what a file begins with; none for a plain tar."""
    try:
        with tar.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as exc:
        raise unreadable(tar, exc.strerror or str(exc)) from exc
    return next((program for magic, program in _UNPACKERS if head.startswith(magic)), "")


def unreadable(tar: Path, why: str) -> BadImage:
    """The error for a tar that is none."""
    return BadImage(
        f"{tar} cannot be taken as the root: {why}", hint="write it anew, without --sparse; or remove it"
    )
