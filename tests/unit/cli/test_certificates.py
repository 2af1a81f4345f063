"""Which certificates a pin accepts."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from skerry.api.certificate import ensure_certificate
from skerry.cli.certificates import (
    CertificateChanged,
    Pin,
    check_pin,
    key_digest,
    parse_fingerprint,
    pin_of,
    shown_fingerprint,
)
from skerry.errors import BadInput

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def certificate(key: Key, name: str = "cloud") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=1))
    )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["elliptic", "edwards", "rsa"],
)
def test_the_digest_is_that_of_the_certificates_key(key: Key) -> None:
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    assert key_digest(certificate(key)) == hashlib.sha256(public).hexdigest()


def test_a_pin_accepts_its_certificate_and_others_with_its_key_only() -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    first = certificate(key)
    pin = pin_of(first)

    assert pin.accepts(first)
    assert pin.accepts(certificate(key, "renamed"))
    assert not pin.accepts(certificate(other))


def test_a_bare_fingerprint_accepts_one_certificate_only() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    first = certificate(key)
    pin = Pin(hashlib.sha256(first).hexdigest())

    assert pin.accepts(first)
    assert not pin.accepts(certificate(key))


@pytest.mark.parametrize("nonsense", [b"", b"0", b"\x30\x84\xff\xff\xff\xff", b"\x30\x03\x02\x01\x00", b"PEM"])
def test_nonsense_has_no_key(nonsense: bytes) -> None:
    assert key_digest(nonsense) is None
    assert not Pin("00" * 32, None).accepts(nonsense)


def test_the_fingerprint_is_the_one_that_the_server_prints(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, ["localhost"], now=dt.datetime.now(dt.UTC))
    der = x509.load_pem_x509_certificate(made.file.read_bytes()).public_bytes(serialization.Encoding.DER)

    assert shown_fingerprint(pin_of(der).certificate) == made.fingerprint
    assert parse_fingerprint(made.fingerprint) == pin_of(der).certificate


@pytest.mark.parametrize("text", ["SHA256:" + "AB:" * 31 + "AB", "ab" * 32, " " + "aB" * 32 + "\n"])
def test_fingerprints_are_taken_as_people_copy_them(text: str) -> None:
    assert parse_fingerprint(text) == "ab" * 32


@pytest.mark.parametrize("text", ["", "ab" * 31, "xy" * 32, "ab" * 33])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_fingerprint(text)


def test_a_change_names_both_fingerprints_and_the_way_out() -> None:
    with pytest.raises(CertificateChanged) as caught:
        check_pin(Pin("ab" * 32), b"something else", "https://cloud:8443")

    assert shown_fingerprint("ab" * 32) in caught.value.message
    assert shown_fingerprint(hashlib.sha256(b"something else").hexdigest()) in caught.value.message
    assert caught.value.hint is not None
    assert "skerry login https://cloud:8443" in caught.value.hint
