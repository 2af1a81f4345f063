"""The self-signed certificate: made once, renewed in time, never left half-made."""

from __future__ import annotations

import datetime as dt
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from skerry.api.certificate import LIFETIME, RENEW_BEFORE, ensure_certificate, given_certificate
from skerry.errors import BadSettings

NOW = dt.datetime(2026, 3, 14, tzinfo=dt.UTC)
NAMES = ("localhost", "rack1-a", "127.0.0.1", "::1", "bücher.example")


def key_of(file: Path) -> bytes:
    """The public key of a certificate."""
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_it_names_the_machine_and_its_addresses(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, now=NOW)

    names = x509.load_pem_x509_certificate(made.file.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert set(names.value.get_values_for_type(x509.DNSName)) == {"localhost", "rack1-a", "xn--bcher-kva.example"}
    assert {str(address) for address in names.value.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    assert made.ends == NOW + LIFETIME
    assert made.own


def test_only_its_owner_reads_the_key(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, now=NOW)

    assert stat.S_IMODE(made.key_file.stat().st_mode) == 0o600


def test_it_stays_until_it_has_to_be_renewed(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, now=NOW)

    assert ensure_certificate(tmp_path, NAMES, now=NOW + LIFETIME - RENEW_BEFORE - dt.timedelta(days=1)) == made


def test_it_is_renewed_before_it_ends_and_keeps_its_key(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, now=NOW)
    key = key_of(made.file)

    renewed = ensure_certificate(tmp_path, NAMES, now=NOW + LIFETIME - RENEW_BEFORE + dt.timedelta(days=1))

    assert renewed.fingerprint != made.fingerprint
    assert renewed.ends > made.ends
    assert key_of(renewed.file) == key


def test_a_new_name_renews_it(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, now=NOW)

    assert ensure_certificate(tmp_path, (*NAMES, "cloud.example.org"), now=NOW) != made
    again = ensure_certificate(tmp_path, NAMES, now=NOW)
    assert again == ensure_certificate(tmp_path, NAMES, now=NOW)


def test_a_lost_certificate_is_made_anew_for_the_same_key(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, now=NOW)
    key = key_of(made.file)
    made.file.unlink()
    (tmp_path / "certificate.new").write_text("half")

    assert key_of(ensure_certificate(tmp_path, NAMES, now=NOW).file) == key


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem"])
def test_what_is_no_certificate_is_named(tmp_path: Path, name: str) -> None:
    ensure_certificate(tmp_path, NAMES, now=NOW)
    (tmp_path / name).write_text("nonsense")
    if name == "key.pem":
        (tmp_path / "certificate.pem").unlink()

    with pytest.raises(BadSettings, match=name):
        ensure_certificate(tmp_path, NAMES, now=NOW)


def test_browsers_and_python_take_it_for_what_it_is(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, NAMES, now=dt.datetime.now(dt.UTC))
    client = ssl.create_default_context(cafile=made.file)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="rack1-a"),
        made.context().wrap_bio(to_server, to_client, server_side=True),
    )

    done = set()
    while len(done) < 2:
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            done.add(end)

    assert ends[0].version() == "TLSv1.3"


def test_a_given_certificate_that_does_not_fit_its_key_is_refused(tmp_path: Path) -> None:
    one = ensure_certificate(tmp_path / "one", NAMES, now=NOW)
    two = ensure_certificate(tmp_path / "two", NAMES, now=NOW)

    given = given_certificate(one.file, two.key_file)

    assert not given.own
    with pytest.raises(BadSettings, match="cannot be used"):
        given.context()
    with pytest.raises(BadSettings, match="cannot be read"):
        given_certificate(tmp_path / "none.pem", two.key_file)
