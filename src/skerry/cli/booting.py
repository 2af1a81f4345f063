"""Starts what was built on this machine, with QEMU on the terminal."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from skerry.cli import building
from skerry.commands import CommandRunner, run_on_terminal
from skerry.errors import BadInput, NotFound, Unavailable
from skerry.hypervisor.accelerator import EMULATORS, AcceleratorProbe
from skerry.hypervisor.seed import write_seed
from skerry.images.booting import Trial, boot_argv, firmware_files, firmware_of, what_boots
from skerry.images.build import Order


@dataclass(frozen=True)
class Seed:
    """What the guest's cloud-init is given."""

    user_data: Path | None
    ssh_keys: tuple[Path, ...]


def boot_here(images: Sequence[Path], order: Order | None, trial: Trial, seed: Seed) -> int:
    """Run the machine until it ends; returns QEMU's status. The recipe of an order is built first, as a disk.

    Raises:
        NotFound, BadInput, Unavailable: as `what_boots` and `boot_argv` say.
    """
    emulator = next((path for name in EMULATORS if (path := shutil.which(name))), None)
    if emulator is None:
        raise Unavailable("QEMU is not installed", hint="install the package qemu-system-x86")
    commands = CommandRunner()
    with tempfile.TemporaryDirectory(prefix="skerry-boot-") as folder:
        scratch = Path(folder)
        if order:
            images = [scratch / "disk.qcow2"]
            building.build_file(replace(order, outputs=("qcow2",)), images[0])
        thing = what_boots(images)
        if files := firmware_files(firmware_of(thing, trial)):
            shutil.copyfile(files[1], scratch / "vars.fd")
        found = asyncio.run(AcceleratorProbe(commands).result())
        trial = replace(trial, accelerator=found.kind, seed=asyncio.run(_seed(seed, scratch, commands)))
        # The machine ends with us, however we end.
        words = ["setpriv", "--pdeathsig", "TERM", "--", *boot_argv(emulator, thing, trial, scratch)]
        return run_on_terminal(words)


async def _seed(seed: Seed, scratch: Path, commands: CommandRunner) -> Path | None:
    """The CD for cloud-init, where anything was given."""
    if seed.user_data is None and not seed.ssh_keys:
        return None
    path = scratch / "seed.iso"
    await write_seed(
        path,
        instance_id=f"trial-{secrets.token_hex(4)}",
        hostname="trial",
        user_data=_text(seed.user_data) if seed.user_data else None,
        ssh_keys=[_text(key) for key in seed.ssh_keys],
        commands=commands,
    )
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not text in UTF-8") from None
