"""qemu-img: the heavy work on disk images.

The format is always told, never guessed. Every run is bound to our life (a killed agent leaves no qemu-img behind
that writes on), and to limits of memory and time, because the images come from outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skerry.commands import Arg, CommandRunner, Commands, Output
from skerry.errors import BadImage, CommandFailed, InUse, NoSpace, TimedOut
from skerry.progress import Progress
from skerry.sizes import GIB

_INFO_CPU_S = 30
_CHECK_CPU_S = 600
_COPY_CPU_S = 6 * 3600
_ADDRESS_SPACE = 4 * GIB  # of one qemu-img; it needs a small part of that for images of many TiB
_PERCENT = re.compile(r"\((\d+(?:\.\d+)?)/100%\)")
_CHECK_SOUND = (0, 3)  # 3: clusters that nobody uses; they cost space only, and the copy drops them
_CHECK_UNKNOWN = 63  # this format has no check
_CHECK_BAD = (1, 2)


def limited_argv(argv: Sequence[Arg], *, cpu_s: int) -> list[Arg]:
    """The command with limits, ended when the thread that started it ends."""
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("prlimit", f"--as={_ADDRESS_SPACE}", f"--cpu={cpu_s}", "--core=0", "--"),
        *argv,
    ]


def create_argv(path: Path, size: int, *, image_format: str = "qcow2") -> list[Arg]:
    """Make an empty image."""
    return ["qemu-img", "create", "-q", "-f", image_format, path, str(size)]


def thin_clone_argv(path: Path, size: int, *, backing: Path, backing_format: str) -> list[Arg]:
    """Make an image that stands on another one.

    `-u` leaves the backing image closed: fifty clones at once, and a locked backing image, do not matter.
    """
    return [
        *("qemu-img", "create", "-q", "-f", "qcow2", "-u"),
        *("-b", backing, "-F", backing_format, path, str(size)),
    ]


def convert_argv(source: Path, source_format: str, target: Path, target_format: str) -> list[Arg]:
    """Copy all that a guest would see; `-p` tells how far it is."""
    return ["qemu-img", "convert", "-p", "-f", source_format, "-O", target_format, source, target]


def copy_layer_argv(source: Path, target: Path, *, backing: Path, backing_format: str) -> list[Arg]:
    """Copy what an image holds itself; the copy stands on the same backing image.

    With `-B`, qemu-img leaves out what the source does not hold itself
    (https://www.qemu.org/docs/master/tools/qemu-img.html, "convert").
    """
    return [
        *("qemu-img", "convert", "-p", "-f", "qcow2", "-O", "qcow2"),
        *("-B", backing, "-F", backing_format, source, target),
    ]


def resize_argv(path: Path, image_format: str, size: int) -> list[Arg]:
    """Let a guest see a larger disk."""
    return ["qemu-img", "resize", "-q", "-f", image_format, path, str(size)]


class QemuImg:
    """Runs qemu-img, and says in our words what went wrong."""

    def __init__(self, commands: Commands | None = None) -> None:
        self._commands = commands or CommandRunner()

    async def create(self, path: Path, size: int, *, image_format: str = "qcow2") -> None:
        """Make an empty image."""
        await self._run(create_argv(path, size, image_format=image_format), path)

    async def thin_clone(self, path: Path, size: int, *, backing: Path, backing_format: str) -> None:
        """Make an image that stands on another one."""
        await self._run(thin_clone_argv(path, size, backing=backing, backing_format=backing_format), path)

    async def resize(self, path: Path, image_format: str, size: int) -> None:
        """Let a guest see a larger disk."""
        await self._run(resize_argv(path, image_format, size), path)

    async def convert(
        self,
        source: Path,
        source_format: str,
        target: Path,
        target_format: str,
        progress: Progress,
        *,
        known_as: str = "",
    ) -> None:
        """Copy all that a guest would see into a new image; `known_as` is what errors call the source."""
        argv = convert_argv(source, source_format, target, target_format)
        await self._copy(argv, source, progress, known_as)

    async def copy_layer(
        self, source: Path, target: Path, progress: Progress, *, backing: Path, backing_format: str
    ) -> None:
        """Copy what a qcow2 image holds itself into a new one on the same backing image."""
        argv = copy_layer_argv(source, target, backing=backing, backing_format=backing_format)
        await self._copy(argv, source, progress)

    async def _copy(self, argv: Sequence[Arg], source: Path, progress: Progress, known_as: str = "") -> None:
        def on_line(line: str) -> None:
            if match := _PERCENT.search(line):
                progress.update(float(match[1]) / 100)

        await self._run(argv, source, known_as=known_as, on_line=on_line)

    async def info(self, path: Path, image_format: str, *, known_as: str = "") -> dict[str, Any]:
        """What qemu-img reads from an image's headers; backing files are not opened.

        Raises:
            BadImage: it cannot be read as this format.
        """
        argv: list[Arg] = ["qemu-img", "info", "--output=json", "-U", "-f", image_format, path]
        try:
            output = await self._run(argv, path, known_as=known_as, cpu_s=_INFO_CPU_S)
            found = json.loads(output.stdout)
        except (CommandFailed, TimedOut) as exc:
            name = known_as or path.name
            raise BadImage(f"{name} cannot be read as {image_format}: {_words(exc, path, name)}") from exc
        except json.JSONDecodeError as exc:
            raise BadImage(f"{known_as or path.name} cannot be read as {image_format}") from exc
        assert isinstance(found, dict)
        return found

    async def check(self, path: Path, image_format: str, *, known_as: str = "") -> None:
        """Look whether an image is whole.

        Raises:
            BadImage: it is corrupt or truncated.
        """
        argv: list[Arg] = ["qemu-img", "check", "-q", "-f", image_format, path]
        accepted = (*_CHECK_SOUND, *_CHECK_BAD, _CHECK_UNKNOWN)
        first: list[str] = []

        def on_line(line: str) -> None:  # a corrupt image has a line for each cluster
            if line and not first:
                first.append(line)

        output = await self._run(argv, path, known_as=known_as, cpu_s=_CHECK_CPU_S, ok=accepted, on_line=on_line)
        if output.status in _CHECK_BAD:
            words = "".join(first) or "qemu-img check refuses it"
            raise BadImage(
                f"{known_as or path.name} is corrupt or truncated: {words}",
                hint="get the image again, and compare its checksum",
            )

    async def _run(
        self,
        argv: Sequence[Arg],
        path: Path,
        *,
        known_as: str = "",
        cpu_s: int = _COPY_CPU_S,
        ok: Sequence[int] = (0,),
        on_line: Any = None,  # noqa: ANN401 - handed on
    ) -> Output:
        # Many cores mean many malloc arenas, each of which reserves address space.
        env = {"MALLOC_ARENA_MAX": "2"}
        try:
            return await self._commands.run(
                limited_argv(argv, cpu_s=cpu_s), env=env, timeout=2 * cpu_s, ok=ok, on_line=on_line
            )
        except CommandFailed as exc:
            raise _translated(exc, path, known_as or path.name) from exc


def _words(error: CommandFailed | TimedOut, path: Path, name: str) -> str:
    """What qemu-img said, with the name that people know in place of the file's."""
    return (error.message.partition("qemu-img: ")[2] or error.message).replace(str(path), name)


def _translated(error: CommandFailed, path: Path, name: str) -> CommandFailed | NoSpace | InUse:
    if "No space left on device" in error.message or "Disk quota exceeded" in error.message:
        return NoSpace(
            f"no space left while {name} was written",
            hint="delete volumes that are not needed, or grow the storage",
        )
    if "Failed to get" in error.message and "lock" in error.message:
        return InUse(f"{name} is in use by a running machine", hint="stop the machine first")
    return CommandFailed(f"qemu-img: {_words(error, path, name)}", hint=error.hint)
