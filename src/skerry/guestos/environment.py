"""The environment of a definition's scripts, read for our own definition and written for any.

What comes may be hostile: names become file content and arguments, so each is looked at here, once, and all that
is wrong is told at once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from skerry.errors import BadInput
from skerry.guestos import kinds
from skerry.guestos.definition import API_VERSIONS, split_name
from skerry.guestos.instance import Call, Instance, InstanceDisk, InstanceNic, NicNetwork, Script

T = TypeVar("T")

PATH = "/sbin:/bin:/usr/sbin:/usr/bin"  # Ganeti's HOOKS_PATH, whatever the host has
PARAMETER = "OSP_"
_MOST_DEVICES = 64  # Ganeti itself allows 16 disks and 8 cards
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # Ganeti lets _ pass
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
_TRANSFER = {Script.IMPORT: "IMPORT", Script.EXPORT: "EXPORT"}
_OF_INSTANCE = ("uuid", "ctime", "mtime", "primary_node")
_OF_DISK = ("path", "uri", "access", "uuid", "name", "frontend_type", "backend_type")
_OF_NIC = ("mac", "uuid", "name", "ip", "mode", "link", "bridge", "frontend_type")
_OF_NETWORK = ("name", "uuid", "tags", "subnet", "gateway", "subnet6", "gateway6", "mac_prefix")
_ALWAYS_OF_NETWORK = frozenset({"name", "uuid", "tags"})


def parameter_variable(name: str) -> str:
    """The variable of an OS parameter."""
    return PARAMETER + name.upper().replace("-", "_")


# ---- writing


def core_environment(
    os: str, *, api_version: int, variant: str, parameters: Mapping[str, str], debug_level: int = 0
) -> dict[str, str]:
    """What every script is told, and all that `verify` is; `os` is with its variant."""
    return {
        "OS_API_VERSION": str(api_version),
        "OS_NAME": split_name(os)[0],
        "OS_VARIANT": variant,
        "DEBUG_LEVEL": str(debug_level),
        "PATH": PATH,
        **{parameter_variable(name): value for name, value in parameters.items()},
    }


def environment_of(call: Call) -> dict[str, str]:
    """The whole environment of a run, as Ganeti would make it; nothing else may be in it.

    `EXP_SIZE_FD` names a descriptor that the caller must let the script inherit.
    """
    instance = call.instance
    found = core_environment(
        instance.os,
        api_version=call.api_version,
        variant=call.variant,
        parameters=call.parameters,
        debug_level=call.debug_level,
    )
    found |= {"INSTANCE_NAME": instance.name, "INSTANCE_OS": instance.os, "HYPERVISOR": instance.hypervisor}
    found |= {f"INSTANCE_{name.upper()}": getattr(instance, name) for name in _OF_INSTANCE}
    found["INSTANCE_SECONDARY_NODES"] = " ".join(instance.secondary_nodes)
    found |= {f"INSTANCE_BE_{name}": value for name, value in instance.backend.items()}
    found |= {f"INSTANCE_HV_{name}": value for name, value in instance.hypervisor_parameters.items()}
    found |= {"DISK_COUNT": str(len(instance.disks)), "NIC_COUNT": str(len(instance.nics))}
    for number, disk in enumerate(instance.disks):
        found |= dict(_disk_variables(f"DISK_{number}_", disk))
    for number, nic in enumerate(instance.nics):
        found |= dict(_nic_variables(f"NIC_{number}_", nic))
    return found | dict(_script_variables(call))


def _disk_variables(prefix: str, disk: InstanceDisk) -> Iterator[tuple[str, str]]:
    yield from _some(prefix, disk, _OF_DISK)
    if disk.size_mib is not None:
        yield f"{prefix}SIZE", str(disk.size_mib)


def _nic_variables(prefix: str, nic: InstanceNic) -> Iterator[tuple[str, str]]:
    yield from _some(prefix, nic, _OF_NIC)
    if nic.network:
        yield from _some(f"{prefix}NETWORK_", nic.network, _OF_NETWORK, always=_ALWAYS_OF_NETWORK)


def _some(
    prefix: str, thing: object, names: tuple[str, ...], *, always: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """A variable per field; those that say nothing are not set at all."""
    for name in names:
        value = getattr(thing, name)
        if value or name in always:
            yield prefix + name.upper(), value


def _script_variables(call: Call) -> Iterator[tuple[str, str]]:
    if call.reinstall:
        yield "INSTANCE_REINSTALL", "1"
    if call.script is Script.RENAME:
        yield "OLD_INSTANCE_NAME", call.old_name
    if kind := _TRANSFER.get(call.script):
        yield f"{kind}_INDEX", str(call.index)
        if call.device:
            yield f"{kind}_DEVICE", call.device
            yield f"{kind}_DISK_PATH", call.device
        if call.uri:
            yield f"{kind}_DISK_URI", call.uri
    if call.size_fd is not None:
        yield "EXP_SIZE_FD", str(call.size_fd)


# ---- reading


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.mistakes: list[str] = []

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        """One line of text."""
        value = self.environ.get(name, default)
        if required and not value:
            self.mistakes.append(f"the variable {name} is missing")
        if any(letter < " " or letter == "\x7f" for letter in value):
            self.mistakes.append(f"{name}={value!r} has control characters")
            return default
        return value

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """A value that `parse` understands; absent and empty ones are the default."""
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as exc:
            self.mistakes.append(f"{name}={value!r}: {exc}")
            return default

    def below(self, prefix: str) -> dict[str, str]:
        """All variables that begin so, by the rest of their names."""
        return {
            name.removeprefix(prefix): self.text(name)
            for name in sorted(self.environ)
            if name.startswith(prefix) and name != prefix
        }

    def fields(self, prefix: str, names: tuple[str, ...]) -> dict[str, str]:
        """Some fields, by name."""
        return {name: self.text(prefix + name.upper()) for name in names}

    def refuse(self) -> None:
        """Tell all mistakes.

        Raises:
            BadInput: there are some.
        """
        if self.mistakes:
            raise BadInput(
                "\n".join(self.mistakes),
                hint="Ganeti sets them, as `skerry guest-os run` does: ganeti-os-interface(7)",
            )


def read_call(script: Script, environ: Mapping[str, str]) -> Call:
    """What this run is about.

    OS parameters are named in small letters, with `_` for `-`, because the variables do not tell them apart.

    Raises:
        BadInput: with every variable that is missing or malformed.
    """
    reader = _Reader(environ)
    instance = _instance(reader)
    kind = _TRANSFER.get(script, "")
    device = reader.text(f"{kind}_DISK_PATH") or reader.text(f"{kind}_DEVICE") if kind else ""
    uri = reader.text(f"{kind}_DISK_URI") if kind else ""
    if kind and not device and not uri:
        reader.mistakes.append(f"the variable {kind}_DEVICE is missing")
    call = Call(
        script,
        instance,
        reader.read("OS_API_VERSION", _api_version, 20),
        reader.text("OS_VARIANT"),
        read_parameters(environ),
        reader.read("DEBUG_LEVEL", _whole, 0),
        reinstall=reader.text("INSTANCE_REINSTALL") == "1",
        old_name=_host(reader, "OLD_INSTANCE_NAME", required=True) if script is Script.RENAME else "",
        index=reader.read(f"{kind}_INDEX", _whole, 0) if kind else 0,
        device=device,
        uri=uri,
        size_fd=reader.read("EXP_SIZE_FD", _whole_or_none, None) if script is Script.EXPORT else None,
    )
    reader.refuse()
    return call


def read_instance(environ: Mapping[str, str]) -> Instance:
    """The instance that an environment is about.

    Raises:
        BadInput: with every variable that is missing or malformed.
    """
    reader = _Reader(environ)
    instance = _instance(reader)
    reader.refuse()
    return instance


def read_parameters(environ: Mapping[str, str]) -> dict[str, str]:
    """The OS parameters; what they may be is `skerry.guestos.parameters`' to say."""
    return {
        name.removeprefix(PARAMETER).lower(): value
        for name, value in sorted(environ.items())
        if name.startswith(PARAMETER) and name != PARAMETER
    }


def _instance(reader: _Reader) -> Instance:
    name = _host(reader, "INSTANCE_NAME", required=True)
    reader.text("OS_API_VERSION", required=True)
    os_name = reader.text("INSTANCE_OS") or reader.text("OS_NAME")
    disks = tuple(_disk(reader, f"DISK_{number}_") for number in range(_count(reader, "DISK_COUNT")))
    nics = tuple(_nic(reader, f"NIC_{number}_") for number in range(_count(reader, "NIC_COUNT")))
    if not disks:
        reader.mistakes.append("the instance has no disk: DISK_COUNT is missing or 0")
    return Instance(
        name,
        os_name,
        reader.text("HYPERVISOR", required=True),
        disks,
        nics,
        secondary_nodes=tuple(reader.text("INSTANCE_SECONDARY_NODES").split()),
        backend=reader.below("INSTANCE_BE_"),
        hypervisor_parameters=reader.below("INSTANCE_HV_"),
        **reader.fields("INSTANCE_", _OF_INSTANCE),
    )


def _disk(reader: _Reader, prefix: str) -> InstanceDisk:
    fields = reader.fields(prefix, _OF_DISK)
    fields["access"] = fields["access"] or "rw"
    fields["backend_type"] = fields["backend_type"] or "block"
    if not fields["path"] and not fields["uri"]:
        reader.mistakes.append(f"the variable {prefix}PATH is missing")
    if fields["path"] and not fields["path"].startswith("/"):
        reader.mistakes.append(f"{prefix}PATH={fields['path']!r} is not an absolute path")
    return InstanceDisk(size_mib=reader.read(f"{prefix}SIZE", _whole_or_none, None), **fields)


def _nic(reader: _Reader, prefix: str) -> InstanceNic:
    fields = reader.fields(prefix, _OF_NIC)
    bridge = fields.pop("bridge")
    fields["link"] = fields["link"] or bridge
    fields["mode"] = fields["mode"] or "bridged"
    fields["mac"] = reader.read(f"{prefix}MAC", _mac, "")
    fields["ip"] = reader.read(f"{prefix}IP", kinds.address, "")
    network = None
    if reader.text(f"{prefix}NETWORK_NAME") or reader.text(f"{prefix}NETWORK_SUBNET"):
        of_network = reader.fields(f"{prefix}NETWORK_", _OF_NETWORK)
        for name in ("subnet", "subnet6"):
            of_network[name] = reader.read(f"{prefix}NETWORK_{name.upper()}", _subnet, "")
        for name in ("gateway", "gateway6"):
            of_network[name] = reader.read(f"{prefix}NETWORK_{name.upper()}", kinds.address, "")
        network = NicNetwork(**of_network)
    return InstanceNic(network=network, **fields)


def _host(reader: _Reader, variable: str, *, required: bool) -> str:
    value = reader.text(variable, required=required)
    if value and not _HOST_NAME.fullmatch(value):
        reader.mistakes.append(f"{variable}={value!r} is not a host name")
        return ""
    return value


def _count(reader: _Reader, variable: str) -> int:
    count = reader.read(variable, _whole, 0)
    if count > _MOST_DEVICES:
        reader.mistakes.append(f"{variable}={count} is more than {_MOST_DEVICES}")
        return 0
    return count


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError("not a whole number")
    return int(text)


def _whole_or_none(text: str) -> int | None:
    return _whole(text)


def _api_version(text: str) -> int:
    version = _whole(text)
    if version not in API_VERSIONS:
        spoken = ", ".join(map(str, sorted(API_VERSIONS)))
        raise ValueError(f"not a version that is spoken here: {spoken}")
    return version


def _mac(text: str) -> str:
    if not _MAC.fullmatch(text):
        raise ValueError("not a MAC address")
    return text


def _subnet(text: str) -> str:
    try:
        if "%" not in text:
            return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        pass
    raise ValueError("not a network such as 192.0.2.0/24")
