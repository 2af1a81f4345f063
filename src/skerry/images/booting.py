"""How QEMU starts what was built, to look at it: pure decisions, and the words of its command line.

What was built is not changed: what the guest writes goes into a temporary file (QEMU's snapshot mode), unless it
is to be kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from skerry.commands import Arg
from skerry.errors import BadInput, NotFound, Unavailable
from skerry.sizes import MIB

Firmware = Literal["bios", "uefi", "secure"]
Kind = Literal["disk", "cd", "efi", "network"]
_OVMF = Path("/usr/share/OVMF")
# Code and variables of OVMF, as Debian and Ubuntu name them; those with "ms" trust what Microsoft signed.
_FIRMWARE_FILES = {
    "uefi": ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    "secure": ("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd"),
}
_LOADERS: Mapping[Firmware, str] = {"bios": "boot.ipxe", "uefi": "grubx64.efi", "secure": "shimx64.efi"}
_DISKS = {".qcow2": "qcow2", ".raw": "raw", ".img": "raw"}
_LEAST_MEMORY = 64 * MIB
_PORTS = re.compile(r"(\d{1,5}):(\d{1,5})")


@dataclass(frozen=True)
class Bootable:
    """Something that was built and can be started."""

    kind: Kind
    paths: tuple[Path, ...]  # several for the disks of one machine


@dataclass(frozen=True)
class Trial:
    """The machine to start it on."""

    memory: int | None = None  # bytes; None: what the kind needs
    cpus: int = 1
    firmware: Firmware = "bios"
    accelerator: Literal["kvm", "tcg"] = "tcg"
    forwards: tuple[tuple[int, int], ...] = ()  # TCP: port of this machine's loopback, port of the guest
    seed: Path | None = None  # an ISO with a NoCloud seed
    window: bool = False  # show the screen in a window
    keep: bool = False  # write what the guest writes into the disks themselves


def what_boots(paths: Sequence[Path]) -> Bootable:
    """What these files are: disks of one machine, a CD, an EFI program, or the folder of a network set.

    Raises:
        NotFound: one is not there.
        BadInput: it is nothing that starts, or they do not belong together.
    """
    for path in paths:
        if not path.exists():
            raise NotFound(f"there is no {path}", hint="`skerry image build` makes images")
    kinds = {_kind_of(path) for path in paths}
    if len(kinds) > 1 or (kinds != {"disk"} and len(paths) > 1):
        raise BadInput(
            "only disks of one machine are started together", hint="name one ISO, EFI program or folder"
        )
    return Bootable(kinds.pop(), tuple(path.absolute() for path in paths))


def _kind_of(path: Path) -> Kind:
    if path.is_dir():
        if (path / "boot.ipxe").is_file():
            return "network"
        raise BadInput(f"{path} has no boot.ipxe, so it is no set for starting from the network")
    if path.suffix in _DISKS:
        return "disk"
    if path.suffix == ".iso":
        return "cd"
    if path.suffix == ".efi":
        return "efi"
    raise BadInput(
        f"{path} is nothing that starts",
        hint="disks end in .qcow2, .raw or .img, CDs in .iso, EFI programs in .efi",
    )


def parse_forward(text: str) -> tuple[int, int]:
    """`2222:22` as a pair of ports.

    Raises:
        BadInput: it is none.
    """
    match = _PORTS.fullmatch(text)
    ports = tuple(int(port) for port in match.groups()) if match else ()
    if len(ports) != 2 or not all(0 < port < 65536 for port in ports):
        raise BadInput(f"{text!r} is not a pair of ports such as 2222:22 (of this machine, of the guest)")
    return ports[0], ports[1]


def boot_argv(emulator: str, thing: Bootable, trial: Trial, scratch: Path) -> list[Arg]:
    """The command, with the serial console on the terminal; `scratch` is a folder for this one run.

    Raises:
        BadInput: it cannot start on such a machine.
    """
    memory = trial.memory or _memory_of(thing.kind)
    if memory < _LEAST_MEMORY:
        raise BadInput("nothing starts in less than 64M of memory")
    firmware = firmware_of(thing, trial)
    machine = f"q35,accel={trial.accelerator}" + (",smm=on" if firmware == "secure" else "")
    argv: list[Arg] = [emulator, "-machine", machine, "-cpu", "host" if trial.accelerator == "kvm" else "max"]
    argv += ["-smp", str(trial.cpus), "-m", f"{memory // MIB}M", "-nodefaults", "-no-reboot"]
    argv += ["-chardev", "stdio,id=terminal,mux=on,signal=off", "-serial", "chardev:terminal"]
    argv += ["-mon", "chardev=terminal", "-echr", "0x1d"]  # Ctrl-]
    argv += ["-device", "virtio-rng-pci", "-vga", "std"] + ([] if trial.window else ["-display", "none"])
    argv += _firmware_argv(firmware, scratch)
    argv += _medium_argv(thing, keep=trial.keep)
    if trial.seed:
        argv += ["-drive", f"file={_comma(trial.seed)},media=cdrom,readonly=on,format=raw"]
    argv += ["-netdev", ",".join(["user", "id=net", *_network_words(thing, trial)])]
    card = "virtio-net-pci,netdev=net" + (",bootindex=0" if thing.kind == "network" else "")
    if firmware == "secure":
        card += ",romfile="  # QEMU's is an iPXE whose TFTP the shim takes for damaged files
    return [*argv, "-device", card]


def firmware_of(thing: Bootable, trial: Trial) -> Firmware:
    """What the machine starts with: an EFI program has no use for a BIOS."""
    return "uefi" if thing.kind == "efi" and trial.firmware == "bios" else trial.firmware


def firmware_files(firmware: Firmware) -> tuple[Path, Path] | None:
    """The firmware's code, and the variables that a machine gets a copy of; None for BIOS.

    Raises:
        Unavailable: it is not installed.
    """
    if firmware == "bios":
        return None
    code, variables = (_OVMF / name for name in _FIRMWARE_FILES[firmware])
    if not code.exists() or not variables.exists():
        raise Unavailable(f"UEFI firmware is missing: {code}", hint="install the package ovmf")
    return code, variables


def _memory_of(kind: Kind) -> int:
    """A live system is in memory; what is fetched or unpacked there needs room twice."""
    return {"disk": 512, "cd": 1024, "network": 2048, "efi": 2048}[kind] * MIB


def _firmware_argv(firmware: Firmware, scratch: Path) -> list[Arg]:
    files = firmware_files(firmware)
    if files is None:
        return []
    code = f"if=pflash,format=raw,readonly=on,file={files[0]}"
    argv: list[Arg] = ["-drive", code, "-drive", f"if=pflash,format=raw,file={_comma(scratch / 'vars.fd')}"]
    return [*argv, "-global", "driver=cfi.pflash01,property=secure,value=on"] if firmware == "secure" else argv


def _medium_argv(thing: Bootable, *, keep: bool) -> list[Arg]:
    (first, *_) = thing.paths
    if thing.kind == "disk":
        snapshot = "off" if keep else "on"
        return [
            word
            for path in thing.paths
            for word in (
                "-drive",
                f"file={_comma(path)},if=virtio,format={_DISKS[path.suffix]},snapshot={snapshot},discard=unmap",
            )
        ]
    if thing.kind == "cd":
        return ["-drive", f"file={_comma(first)},media=cdrom,readonly=on,format=raw"]
    return ["-kernel", first] if thing.kind == "efi" else []


def _network_words(thing: Bootable, trial: Trial) -> list[str]:
    words = [f"hostfwd=tcp:127.0.0.1:{ours}-:{theirs}" for ours, theirs in trial.forwards]
    if thing.kind == "network":
        loader = _LOADERS[trial.firmware]
        if trial.firmware == "secure" and not (thing.paths[0] / loader).exists():
            raise BadInput(
                f"{thing.paths[0]} has no {loader}, so nothing in it starts with Secure Boot",
                hint="build it with the distribution's signed programs in %packages",
            )
        words += [f"tftp={_comma(thing.paths[0])}", f"bootfile={loader}"]
    return words


def _comma(path: Path) -> str:
    """A path as one value among QEMU's comma-separated ones."""
    return str(path).replace(",", ",,")
