"""Errors that only a request over HTTP can have; the rest of the tree is `skerry.errors`."""

from __future__ import annotations

from skerry.errors import Denied, SkerryError


class Malformed(SkerryError):
    """The request cannot be read at all: not HTTP as we speak it, or not JSON."""

    code, http_status = "malformed", 400


class BadCsrfToken(Denied):
    """The session's CSRF token is missing from a request that changes something, or is another one's."""

    code = "bad-csrf-token"


class WrongOrigin(Denied):
    """The request was sent by a page of another site."""

    code = "wrong-origin"


class WrongMethod(SkerryError):
    """The path exists, this method on it does not."""

    code, http_status = "wrong-method", 405


class WrongHost(SkerryError):
    """The request came under a name that is not ours (a rebound DNS name, or a name nobody told us)."""

    code, http_status = "wrong-host", 421


class PreconditionRequired(SkerryError):
    """The change is only accepted together with the ETag of what it changes (If-Match)."""

    code, http_status = "precondition-required", 428
