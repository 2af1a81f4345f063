"""The self-signed certificate that Skerry makes at its first start, and renews before it ends.

Its key stays the same when it is renewed, so that whoever pinned the key need not trust anew. Whoever has a real
certificate names its files in the settings instead.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skerry.errors import BadSettings

LIFETIME = dt.timedelta(days=825)  # the longest that any browser accepts
RENEW_BEFORE = dt.timedelta(days=60)


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate and its key, and the fingerprint that people compare."""

    file: Path
    key_file: Path
    fingerprint: str  # SHA-256 of the certificate, as AB:CD:…
    ends: dt.datetime
    own: bool  # made by us, not given in the settings

    def context(self) -> ssl.SSLContext:
        """What a server needs to speak TLS with it.

        Raises:
            BadSettings: certificate and key do not belong together, or cannot be read.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self.load_into(context)
        return context

    def load_into(self, context: ssl.SSLContext) -> None:
        """Make a running server use it for new connections.

        Raises:
            BadSettings: certificate and key do not belong together, or cannot be read.
        """
        try:
            context.load_cert_chain(self.file, self.key_file)
        except (OSError, ssl.SSLError) as exc:
            raise BadSettings(f"certificate {self.file} and key {self.key_file} cannot be used: {exc}") from exc


def given_certificate(file: Path, key_file: Path) -> Certificate:
    """The certificate that the settings name.

    Raises:
        BadSettings: it cannot be read.
    """
    return Certificate(file, key_file, *_look_at(_read(file)), own=False)


def ensure_certificate(folder: Path, names: Iterable[str], *, now: dt.datetime) -> Certificate:
    """The self-signed certificate in this folder, made or renewed if it is missing, ends soon, or lacks a name.

    Raises:
        BadSettings: the files are there but are no certificate and key.
    """
    file, key_file = folder / "certificate.pem", folder / "key.pem"
    wanted = sorted(set(names))
    if not (file.exists() and key_file.exists() and _still_good(_read(file), wanted, now)):
        key = _load_key(key_file) if key_file.exists() else ec.generate_private_key(ec.SECP256R1())
        folder.mkdir(parents=True, exist_ok=True)
        _write(key_file, _key_bytes(key), mode=0o600)
        _write(file, _make(key, wanted, now).public_bytes(serialization.Encoding.PEM), mode=0o644)
    return Certificate(file, key_file, *_look_at(_read(file)), own=True)


def _look_at(certificate: x509.Certificate) -> tuple[str, dt.datetime]:
    digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
    return digest.hex(":").upper(), certificate.not_valid_after_utc


def _still_good(certificate: x509.Certificate, names: Iterable[str], now: dt.datetime) -> bool:
    covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return certificate.not_valid_after_utc - now > RENEW_BEFORE and all(_name(name) in covered for name in names)


def _make(key: ec.EllipticCurvePrivateKey, names: list[str], now: dt.datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Skerry")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNING_ONLY, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )


_SIGNING_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _read(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except OSError as exc:
        raise BadSettings(f"the certificate {file} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise BadSettings(
            f"{file} is not a certificate in PEM form", hint="remove it to have a new one made"
        ) from exc


def _load_key(file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except OSError as exc:
        raise BadSettings(f"the key {file} cannot be read: {exc.strerror}") from exc
    except (ValueError, TypeError) as exc:
        raise BadSettings(f"{file} is not a key in PEM form", hint="remove it to have a new one made") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadSettings(f"{file} is not a key that Skerry made", hint="remove it to have a new one made")
    return key


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes, *, mode: int) -> None:
    """Replace the file in one step, never readable for more people than it should be."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.rename(file)
