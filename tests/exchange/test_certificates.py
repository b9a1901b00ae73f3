"""Certificates of an authority: kept if they are some, refused if they are none, never a key."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.exchange.certificates import MOST, CertificatesUnusable, authorities

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def certificate() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "House CA")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=3650))
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def test_certificates_are_kept_and_nothing_beside_them() -> None:
    first, second = certificate(), certificate()

    kept = authorities(f"Issuer: House CA\r\n{first}\nsome words\n{second}")

    assert kept == first + second


def test_nothing_stays_nothing() -> None:
    assert authorities("  \n") == ""


@pytest.mark.parametrize(
    "text",
    ["House CA", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "ä"],
)
def test_what_is_no_certificate_is_refused_in_words(text: str) -> None:
    with pytest.raises(CertificatesUnusable, match="BEGIN CERTIFICATE"):
        authorities(text)


def test_private_key_is_refused_even_beside_a_certificate() -> None:
    key = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()

    with pytest.raises(CertificatesUnusable, match="private key"):
        authorities(certificate() + key)


def test_whole_bundles_of_a_system_are_refused() -> None:
    with pytest.raises(CertificatesUnusable, match="more than"):
        authorities(certificate() * (MOST + 1))
