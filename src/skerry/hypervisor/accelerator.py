"""How guests run on this machine: with its processor's help (KVM), or by emulation (TCG).

A /dev/kvm that can be opened proves nothing: on some machines guests then never run, on others each of their
instructions is emulated, far slower than QEMU does it. So a guest of 512 bytes is run under KVM: it counts to two
hundred million in protected mode, which takes a processor a tenth of a second, and ends QEMU with a status of its
own. Whatever else comes of it means emulation.
"""

from __future__ import annotations

import asyncio
import os
import platform
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

from skerry.commands import Arg, Commands
from skerry.errors import CommandFailed, TimedOut, Unavailable
from skerry.hypervisor.types import Accelerator

_LIMIT_S = 3.0  # a guest that runs takes half a second, most of it in the BIOS
_COUNT = 200_000_000
_DEBUG_PORT = 0xF4
_VALUE = 0x10
_RAN = _VALUE << 1 | 1  # QEMU's status after the guest wrote the value to the debug port
_KVM = Path("/dev/kvm")
EMULATORS = ("qemu-system-x86_64", "/usr/libexec/qemu-kvm", "qemu-kvm")
# QEMU before this version crashes guests with Linux 6.12 (Debian 13) under emulation about every second time.
_GOOD_EMULATION = (8, 0)


def boot_sector() -> bytes:
    """The guest: it goes to protected mode, counts, tells that it did, and halts."""
    at, protected, table, segments = 0x7C00, 0x20, 0x40, 0x48
    real_mode = (
        b"\xfa\x31\xc0\x8e\xd8"  # cli; xor ax, ax; mov ds, ax
        + struct.pack("<3sH", b"\x0f\x01\x16", at + table)  # lgdt [table]
        + b"\x0f\x20\xc0\x0c\x01\x0f\x22\xc0"  # mov eax, cr0; or al, 1; mov cr0, eax
        + struct.pack("<BHH", 0xEA, at + protected, 8)  # jmp 8:protected
    )
    count = struct.pack("<BI3s", 0xB9, _COUNT, b"\x49\x75\xfd")  # mov ecx, count; again: dec ecx; jnz again
    tell = bytes((0xB0, _VALUE, 0xE6, _DEBUG_PORT, 0xF4, 0xEB, 0xFD))  # mov al, value; out port, al; hlt for ever
    flat_code = b"\xff\xff\0\0\0\x9a\xcf\0"
    sector = bytearray(512)
    for offset, content in (
        (0, real_mode),
        (protected, count + tell),
        (table, struct.pack("<HI", 15, at + segments)),
        (segments + 8, flat_code),
        (510, b"\x55\xaa"),  # what the BIOS looks for
    ):
        sector[offset : offset + len(content)] = content
    return bytes(sector)


def probe_argv(emulator: str, disk: Path) -> list[Arg]:
    """A guest under KVM that does nothing but tell that it ran."""
    machine: Sequence[Arg] = ("-machine", "pc", "-accel", "kvm", "-cpu", "host", "-m", "32", "-boot", "menu=off")
    bare: Sequence[Arg] = ("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none")
    debug_exit = f"isa-debug-exit,iobase={_DEBUG_PORT:#x},iosize=1"
    return [emulator, *machine, *bare, "-device", debug_exit, "-drive", f"file={disk},format=raw,if=ide"]


class AcceleratorProbe:
    """Finds out once, and remembers."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._found: Accelerator | None = None
        self._lock = asyncio.Lock()

    async def result(self) -> Accelerator:
        """How guests run here, and how we know."""
        async with self._lock:
            if self._found is None:
                reason = _closed_reason() or await self._run_guest()
                self._found = Accelerator(kind="tcg", reason=reason) if reason else _WORKS
            return self._found

    async def _run_guest(self) -> str:
        """Why guests do not run under KVM; empty when they do."""
        with tempfile.TemporaryDirectory(prefix="skerry-kvm-") as folder:
            disk = Path(folder) / "guest.img"
            disk.write_bytes(boot_sector())
            for emulator in EMULATORS:
                try:
                    await self._commands.run(probe_argv(emulator, disk), timeout=_LIMIT_S, ok=(_RAN,))
                except TimedOut:
                    return f"/dev/kvm opens, but a guest for half a second was not done after {_LIMIT_S:g} s"
                except CommandFailed as exc:
                    return f"/dev/kvm opens, but guests do not run: {exc.message}"
                except Unavailable:
                    continue
                return ""
        return "no QEMU was found to try KVM with"


_WORKS = Accelerator(kind="kvm", reason="a guest ran under /dev/kvm")


def _closed_reason() -> str:
    """Why it is not worth trying; empty when it is."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        return f"KVM is not tried on {platform.machine()}"
    if not _KVM.exists():
        return "there is no /dev/kvm: the processor has no virtualisation, or it is switched off"
    if not os.access(_KVM, os.R_OK | os.W_OK):
        return "/dev/kvm is closed to this user: add the user to the group kvm"
    return ""


def emulation_warning(accelerator: Accelerator, qemu: tuple[int, int]) -> str | None:
    """What to warn of where this QEMU emulates; None where nothing is wrong."""
    if accelerator.kind == "kvm" or qemu >= _GOOD_EMULATION:
        return None
    version = ".".join(map(str, qemu))
    return (
        f"QEMU {version} emulates here, and crashes guests with Linux 6.12 or newer (such as Debian 13) about "
        "every second time: install QEMU 8 or newer (on Debian 12: from bookworm-backports)"
    )
