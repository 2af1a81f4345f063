"""Every error that Skerry means to show a person or a program.

    SkerryError                     internal-error          500
      BadInput                      bad-input               422
        BadImage                    bad-image               422
        BadDefinition               bad-definition          422
        BadSettings                 bad-settings            422
      Unauthenticated               unauthenticated         401
      Denied                        denied                  403
      NotFound                      not-found               404
      Conflict                      conflict                409
        NameTaken                   name-taken              409
        InUse                       in-use                  409
        InvalidState                invalid-state           409
        Cancelled                   cancelled               409
      Changed                       changed                 412
      TooLarge                      too-large               413
      TooManyTries                  too-many-tries          429
      CommandFailed                 command-failed          500
      HostError                     host-error              502
      Unavailable                   unavailable             503
      TimedOut                      timed-out               504
      NoSpace                       no-space                507

`code` is stable and meant for programs; the message names the thing that failed; `hint` says what to do next.
Adapters turn foreign errors (OSError, libvirtError, database errors) into these where they call, so that the
rest of the code sees only this tree.
"""

from __future__ import annotations

from typing import ClassVar


class SkerryError(Exception):
    """Base of all errors that are shown to people, with a stable code."""

    code: ClassVar[str] = "internal-error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class BadInput(SkerryError):
    """What was asked for cannot be meant: a value is missing, malformed or out of range."""

    code, http_status = "bad-input", 422


class BadImage(BadInput):
    """A disk image is corrupt, truncated, of an unknown format, or refers to files it may not use."""

    code = "bad-image"


class BadDefinition(BadInput):
    """A machine definition is not well-formed, or not one that the hypervisor accepts."""

    code = "bad-definition"


class BadSettings(BadInput):
    """One or more settings are wrong; the message lists all of them."""

    code = "bad-settings"


class Unauthenticated(SkerryError):
    """Nobody is signed in, or what was shown to sign in is not right."""

    code, http_status = "unauthenticated", 401


class Denied(SkerryError):
    """The person is known, and may not do this."""

    code, http_status = "denied", 403


class NotFound(SkerryError):
    """There is no such thing, or the person may not see it."""

    code, http_status = "not-found", 404


class Conflict(SkerryError):
    """The request makes sense, but not with things as they are now."""

    code, http_status = "conflict", 409


class NameTaken(Conflict):
    """Something else already has this name."""

    code = "name-taken"


class InUse(Conflict):
    """The thing is needed by another one."""

    code = "in-use"


class InvalidState(Conflict):
    """The action is not valid in the state that the thing is in, or will be in after its queue."""

    code = "invalid-state"


class Cancelled(Conflict):
    """A person cancelled the task."""

    code = "cancelled"


class Changed(SkerryError):
    """The thing changed since it was read (If-Match)."""

    code, http_status = "changed", 412


class TooLarge(SkerryError):
    """More bytes than this place takes."""

    code, http_status = "too-large", 413


class TooManyTries(SkerryError):
    """Slow down."""

    code, http_status = "too-many-tries", 429
    retry_after_s: float = 1.0


class CommandFailed(SkerryError):
    """A program ended with a status that its caller does not accept."""

    code = "command-failed"


class HostError(SkerryError):
    """The hypervisor refused or failed; the message carries its own words."""

    code, http_status = "host-error", 502


class Unavailable(SkerryError):
    """A neighbour (libvirt, database, host) cannot be reached now; trying again later may work."""

    code, http_status = "unavailable", 503


class TimedOut(SkerryError):
    """Something took longer than its deadline."""

    code, http_status = "timed-out", 504


class NoSpace(SkerryError):
    """A disk or pool is full."""

    code, http_status = "no-space", 507


def every_error() -> list[type[SkerryError]]:
    """All classes of the tree, the base first."""
    found: list[type[SkerryError]] = []
    queue: list[type[SkerryError]] = [SkerryError]
    while queue:
        cls = queue.pop(0)
        found.append(cls)
        queue.extend(cls.__subclasses__())
    return found
