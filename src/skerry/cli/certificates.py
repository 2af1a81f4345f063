"""Which server a person meant: the certificate that they saw at login, and its key.

Whoever shows the pinned certificate is trusted, and whoever shows another one with the same key: a server renews
its certificate and keeps the key. Where nothing is pinned the machine's own list of authorities decides.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass

from skerry.errors import BadInput, Unavailable

_SEQUENCE = 0x30
_KEY_AFTER = 5  # fields of a certificate before its key: serial, algorithm, issuer, validity, subject
_VERSION = 0xA0


class CannotReach(Unavailable):
    """The server does not answer, or not as Skerry does."""

    code = "cannot-reach"


class CertificateChanged(CannotReach):
    """The server shows another certificate than the one that was trusted."""

    code = "certificate-changed"


@dataclass(frozen=True)
class Pin:
    """What is remembered of a trusted certificate: its own digest and that of its key (SHA-256, hex)."""

    certificate: str
    key: str | None = None  # unknown where a person gave only a fingerprint

    def accepts(self, der: bytes) -> bool:
        """Whether this is the trusted certificate, or one with its key."""
        if _digest(der) == self.certificate:
            return True
        return self.key is not None and key_digest(der) == self.key


def pin_of(der: bytes) -> Pin:
    """Remember this certificate."""
    return Pin(_digest(der), key_digest(der))


def parse_fingerprint(text: str) -> str:
    """Lower-case hex of a SHA-256 fingerprint as people copy it (`AB:CD:…`).

    Raises:
        BadInput: it is not one.
    """
    digits = text.strip().removeprefix("SHA256:").replace(":", "").lower()
    if len(digits) != 64 or any(digit not in "0123456789abcdef" for digit in digits):
        raise BadInput(
            f"{text!r} is not a SHA-256 fingerprint", hint="it has 64 hex digits, with or without colons"
        )
    return digits


def shown_fingerprint(digest: str) -> str:
    """A digest as `skerry up` and browsers show it: `AB:CD:…`."""
    return bytes.fromhex(digest).hex(":").upper()


def _digest(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def key_digest(der: bytes) -> str | None:
    """Digest of the certificate's public key (RFC 7469), or None where the certificate makes no sense.

    Reads just enough DER for that: Certificate, in it TBSCertificate, in it the seventh field (the first, the
    version, may be left out).
    """
    try:
        body = _content(_content(der, _SEQUENCE), _SEQUENCE)
        if body[0] == _VERSION:
            body = body[_length(body) :]
        for _ in range(_KEY_AFTER):
            body = body[_length(body) :]
        return _digest(body[: _length(body)]) if body[0] == _SEQUENCE else None
    except (IndexError, ValueError):
        return None


def _content(data: bytes, tag: int) -> bytes:
    if data[0] != tag:
        raise ValueError("not what a certificate has here")
    header, length = _header(data)
    return data[header : header + length]


def _length(data: bytes) -> int:
    return sum(_header(data))


def _header(data: bytes) -> tuple[int, int]:
    """Length of tag and length, and the length they tell."""
    first = data[1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    return 2 + count, int.from_bytes(data[2 : 2 + count], "big")


def tls_context(pin: Pin | None) -> ssl.SSLContext:
    """TLS for a server whose certificate is pinned, or else must be signed by an authority of this machine."""
    if pin is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # the pin says more than a name
    context.verify_mode = ssl.CERT_NONE
    return context


def check_pin(pin: Pin | None, der: bytes | None, url: str) -> None:
    """Look at what the server showed, before anything is sent to it.

    Raises:
        CertificateChanged: it is not what was trusted.
    """
    if pin is None or (der is not None and pin.accepts(der)):
        return
    seen = shown_fingerprint(_digest(der)) if der else "none"
    raise CertificateChanged(
        f"{url} does not show the certificate that you trusted; somebody may listen in. Nothing was sent to it.\n"
        f"  trusted: {shown_fingerprint(pin.certificate)}\n  shown:   {seen}",
        hint="ask the server's owner for its fingerprint; if it is the one shown, trust it anew: "
        f"skerry login {url}",
    )
