"""Libvirt's errors become ours, with its own words."""

from __future__ import annotations

import libvirt

from skerry.errors import (
    BadDefinition,
    BadInput,
    Conflict,
    HostError,
    InUse,
    InvalidState,
    NameTaken,
    NoSpace,
    NotFound,
    SkerryError,
    TimedOut,
    Unavailable,
)

_KINDS: dict[int, type[SkerryError]] = {
    libvirt.VIR_ERR_NO_DOMAIN: NotFound,
    libvirt.VIR_ERR_NO_NETWORK: NotFound,
    libvirt.VIR_ERR_NO_STORAGE_POOL: NotFound,
    libvirt.VIR_ERR_NO_STORAGE_VOL: NotFound,
    libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT: NotFound,
    libvirt.VIR_ERR_DEVICE_MISSING: NotFound,
    libvirt.VIR_ERR_DOM_EXIST: NameTaken,
    libvirt.VIR_ERR_NETWORK_EXIST: NameTaken,
    libvirt.VIR_ERR_STORAGE_VOL_EXIST: NameTaken,
    libvirt.VIR_ERR_OPERATION_INVALID: InvalidState,
    libvirt.VIR_ERR_XML_ERROR: BadDefinition,
    libvirt.VIR_ERR_XML_DETAIL: BadDefinition,
    libvirt.VIR_ERR_XML_INVALID_SCHEMA: BadDefinition,
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED: BadDefinition,
    libvirt.VIR_ERR_OS_TYPE: BadDefinition,
    libvirt.VIR_ERR_INVALID_ARG: BadInput,
    libvirt.VIR_ERR_RESOURCE_BUSY: InUse,
    libvirt.VIR_ERR_OPERATION_TIMEOUT: TimedOut,
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE: Unavailable,
    libvirt.VIR_ERR_AGENT_UNSYNCED: Unavailable,
    libvirt.VIR_ERR_NO_CONNECT: Unavailable,
    libvirt.VIR_ERR_AUTH_FAILED: Unavailable,
    libvirt.VIR_ERR_AUTH_CANCELLED: Unavailable,
    libvirt.VIR_ERR_AUTH_UNAVAILABLE: Unavailable,
}
# Libvirt has one code for very different things; its words, untranslated, tell them apart.
_WORDS: tuple[tuple[str, type[SkerryError]], ...] = (
    ("no space left on device", NoSpace),
    ("disk quota exceeded", NoSpace),
    ("already exists with uuid", NameTaken),
    ("already defined with uuid", NameTaken),
    ("is already active", InvalidState),
    ("already exists", NameTaken),
    ('failed to get "write" lock', InUse),
    ("cannot acquire state change lock", Conflict),
    ("guest agent is not", Unavailable),
)
_HINTS: dict[type[SkerryError], str] = {
    NoSpace: "delete what is not needed, or grow the storage",
    InUse: "stop the machine that uses it, or detach it there",
    BadDefinition: "the words are libvirt's; https://libvirt.org/formatdomain.html explains the elements",
}


def fault(error: libvirt.libvirtError) -> SkerryError:
    """Our error for one of libvirt's."""
    message = (error.get_error_message() or str(error)).strip()
    kind = _KINDS.get(error.get_error_code())
    if kind is None or kind is InvalidState:
        lowered = message.lower()
        kind = next((found for words, found in _WORDS if words in lowered), kind)
    if kind is None:
        kind = HostError
    return kind(message, hint=_HINTS.get(kind))


def is_missing(error: libvirt.libvirtError) -> bool:
    """Whether the thing that was asked for does not exist (any more)."""
    return isinstance(fault(error), NotFound)


def unreachable(uri: str, error: libvirt.libvirtError) -> Unavailable:
    """Our error for a connection that could not be made."""
    message = (error.get_error_message() or str(error)).strip()
    hint = "see that libvirtd runs: `systemctl status libvirtd`, or let `skerry up` start it"
    if "permission denied" in message.lower() or (isinstance(error, libvirt.libvirtError) and _is_auth(error)):
        hint = "only root and members of the group libvirt may use this libvirt; qemu:///session is for everybody"
    return Unavailable(f"libvirt at {uri} cannot be reached: {message}", hint=hint)


def _is_auth(error: libvirt.libvirtError) -> bool:
    return error.get_error_code() in {
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_CANCELLED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
    }
