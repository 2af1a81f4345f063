"""What a host is: asked of libvirt, and of the machine that we run on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import libvirt
from lxml import etree

from skerry.hypervisor.accelerator import emulation_warning
from skerry.hypervisor.networks import missing_default
from skerry.hypervisor.types import Accelerator, HostFacts
from skerry.hypervisor.xml import parse

_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True)
class Support:
    """What new machines can have here."""

    uefi: bool
    tpm: bool


def host_facts(connection: libvirt.virConnect, name: str, accelerator: Accelerator) -> HostFacts:
    """The host at a glance; `name` is what it is called here."""
    capabilities = parse(connection.getCapabilities())
    architecture = capabilities.findtext("host/cpu/arch") or os.uname().machine
    support = supported(connection, architecture, accelerator)
    warnings = (emulation_warning(accelerator, _pair(connection.getVersion())), missing_default(connection))
    return HostFacts(
        name=name,
        uuid=_host_uuid(capabilities),
        architecture=architecture,
        cpu_model=_cpu_model(capabilities),
        cpus=connection.getInfo()[2],
        memory=total_memory(),
        free_memory=free_memory(),
        kernel=os.uname().release,
        os=_os_name(),
        libvirt_version=_version(connection.getLibVersion()),
        qemu_version=_version(connection.getVersion()),
        libvirt_uri=connection.getURI(),
        accelerator=accelerator,
        uefi=support.uefi,
        tpm=support.tpm,
        warnings=tuple(filter(None, warnings)),
    )


def supported(connection: libvirt.virConnect, architecture: str, accelerator: Accelerator) -> Support:
    """Whether firmware for UEFI and the TPM emulator are installed, as libvirt finds them."""
    kind = "kvm" if accelerator.kind == "kvm" else "qemu"
    machine = "q35" if architecture == "x86_64" else None
    try:
        root = parse(connection.getDomainCapabilities(None, architecture, machine, kind, 0))
    except libvirt.libvirtError:
        return Support(uefi=False, tpm=False)
    return Support(
        uefi="efi" in _values(root.find("os/enum[@name='firmware']")),
        tpm="emulator" in _values(root.find("devices/tpm/enum[@name='backendModel']")),
    )


def total_memory() -> int:
    """Bytes of memory that the host has. Libvirt counts what it had at boot, without what was plugged in since."""
    return _memory("MemTotal")


def free_memory() -> int:
    """Bytes that new machines could have: what is free, and what the kernel would give back."""
    return _memory("MemAvailable")


def _memory(name: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _values(enum: etree._Element | None) -> set[str]:
    return set() if enum is None else {value.text or "" for value in enum.findall("value")}


def _pair(number: int) -> tuple[int, int]:
    return number // 1_000_000, number // 1000 % 1000


def _version(number: int) -> str:
    major, minor = _pair(number)
    return f"{major}.{minor}.{number % 1000}"


def _host_uuid(capabilities: etree._Element) -> UUID:
    """The machine's own id: without firmware tables, libvirt makes up another one at each of its starts."""
    try:
        return UUID(_MACHINE_ID.read_text().strip())
    except (OSError, ValueError):
        return UUID(capabilities.findtext("host/uuid") or "00000000-0000-0000-0000-000000000000")


def _cpu_model(capabilities: etree._Element) -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return capabilities.findtext("host/cpu/model") or "unknown"


def _os_name() -> str:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return "Linux"
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("PRETTY_NAME", "Linux").strip('"')
