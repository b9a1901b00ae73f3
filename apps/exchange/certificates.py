"""Certificates of an authority of one's own, as PEM: read, cleaned, and told apart from keys."""

from __future__ import annotations

import warnings

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

MOST = 20


class CertificatesUnusable(ValueError):
    """What was given cannot be trusted by; the message says why and what to do."""


def authorities(pem: str) -> str:
    """The certificates in this text, each as PEM, and nothing beside them; empty stays empty.

    Raises:
        CertificatesUnusable: no certificate, more than fit, or a private key, which is a secret.
    """
    if not pem.strip():
        return ""
    if "PRIVATE KEY" in pem:
        raise CertificatesUnusable(
            _(
                "There is a private key in this text. It was not stored. Paste the certificates "
                "alone, and keep the key where it was."
            )
        )
    try:
        with warnings.catch_warnings():
            # Old authorities break rules of form; what counts is that TLS can use them.
            warnings.simplefilter("ignore")
            found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as exc:
        raise CertificatesUnusable(
            _(
                "This is no certificate in PEM form. It begins with -----BEGIN CERTIFICATE-----; "
                "export it as “Base-64 encoded X.509”."
            )
        ) from exc
    if len(found) > MOST:
        raise CertificatesUnusable(
            _("There are more than %(most)s certificates. Only those of the authority are needed.")
            % {"most": MOST}
        )
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in found)
