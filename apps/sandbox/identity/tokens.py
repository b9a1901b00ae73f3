"""Tokens: RS256 JSON Web Tokens (RFC 7515, 7517, 7519) written by hand, and sealed text that only this sandbox opens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from functools import cache, lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Claims = dict[str, Any]


class BadToken(ValueError):
    """It is none of ours, or was changed on its way."""


@cache
def new_signing_key() -> str:
    """Make a key, in PEM. One a process is enough: making one takes long."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def new_sealing_key() -> str:
    """Make a key for sealed text."""
    return Fernet.generate_key().decode()


def sign(claims: Claims, pem: str) -> str:
    """Write a token."""
    head = {"typ": "JWT", "alg": "RS256", "kid": key_id(pem)}
    text = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
    signature = _key(pem).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{_encoded(signature)}"


def read(token: str, pem: str) -> Claims:
    """Read the claims of a token of ours, whatever they say. Raises BadToken."""
    text, _, signature = token.rpartition(".")
    try:
        head, body = (json.loads(_decoded(part)) for part in text.split("."))
        if head.get("alg") != "RS256" or not isinstance(body, dict):
            raise BadToken("The token is not signed by RS256.")
        _key(pem).public_key().verify(
            _decoded(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except (ValueError, AttributeError, binascii.Error, InvalidSignature) as error:
        raise BadToken("The token cannot be read.") from error
    return body


def seal(content: Claims, key: str) -> str:
    """Write what only the sandbox can read."""
    return "1." + Fernet(key).encrypt(json.dumps(content).encode()).decode().rstrip("=")


def unseal(text: str, key: str) -> Claims:
    """Read it again. Raises BadToken."""
    sealed = text.removeprefix("1.")
    try:
        found: Claims = json.loads(Fernet(key).decrypt(sealed + "=" * (-len(sealed) % 4)))
    except (InvalidToken, ValueError, TypeError) as error:
        raise BadToken("It was not sealed here.") from error
    return found


def key_id(pem: str) -> str:
    """Name a key."""
    return _encoded(hashlib.sha256(_numbers(pem)[0].encode()).digest())[:27]


def public_key(pem: str) -> Claims:
    """Show a key's public half, as `keys` lists it."""
    n, e = _numbers(pem)
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key_id(pem), "n": n, "e": e}


def challenge(verifier: str) -> str:
    """Make the PKCE challenge of a verifier: S256 (RFC 7636)."""
    return _encoded(hashlib.sha256(verifier.encode()).digest())


@lru_cache(maxsize=4)
def _key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadToken("The key is no RSA key.")
    return key


@lru_cache(maxsize=4)
def _numbers(pem: str) -> tuple[str, str]:
    public = _key(pem).public_key().public_numbers()
    length = (public.n.bit_length() + 7) // 8
    return _encoded(public.n.to_bytes(length, "big")), _encoded(public.e.to_bytes(3, "big"))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
