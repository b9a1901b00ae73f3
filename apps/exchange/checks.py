"""Without keys no password could be stored: the product says so at the start, not at the first one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from apps.exchange.secrets import key_problems

HINT = (
    "Make a key with: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())', and keep it as you keep the database's backups. "
    "Several are separated by commas: the first encrypts, all decrypt."
)


@register(Tags.security)
def check_encryption_keys(**_kwargs: Any) -> list[CheckMessage]:
    """Keys that are missing are for developers alone; keys that are none are for nobody."""
    if settings.DEBUG and not settings.FIELD_ENCRYPTION_KEYS:
        return []
    return [Error(words, hint=HINT, id="optixsync.E002") for words in key_problems()]
