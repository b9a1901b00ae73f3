"""Secrets at rest: sealed with the first of FIELD_ENCRYPTION_KEYS, opened with any of them.

What is stored is Fernet's text (AES-CBC with HMAC), never the secret; what is opened is never kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils.translation import gettext as _

from apps.exchange.errors import AuthenticationFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SETTING = "FIELD_ENCRYPTION_KEYS"


class SecretUnreadable(AuthenticationFailed):
    """A stored secret cannot be opened: its connection stops, and the secret stays as it is."""

    kind = "secret"


class SealedField(models.TextField):  # type: ignore[type-arg]
    """A column that holds what `seal` gave; `manage.py rotate_keys` finds these columns by it."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **{"blank": True, "editable": False, **options})  # type: ignore[arg-type]

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """To the database it is a text, so that migrations depend on nothing of ours."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options


def seal(secret: str) -> str:
    """Encrypt a secret for its column; nothing stays nothing.

    Raises:
        ImproperlyConfigured: there are no keys, or one of them is none.
    """
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """The secret that was sealed.

    Raises:
        SecretUnreadable: none of the keys fits, or there are none.
    """
    if not sealed:
        return ""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except (InvalidToken, ImproperlyConfigured) as exc:
        raise SecretUnreadable(
            _("The stored password cannot be read with the keys in %(setting)s.")
            % {"setting": SETTING},
            fix=_(
                "Add the key that was in use when it was stored to %(setting)s again, after the "
                "first one, and restart; or type the password again, under Change."
            )
            % {"setting": SETTING},
        ) from exc


def sealed_anew(sealed: str) -> str:
    """The same secret, sealed with the key that is the first now.

    Raises:
        InvalidToken: none of the keys fits.
    """
    return _keys().rotate(sealed.encode()).decode()


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Every column of the project that holds sealed secrets."""
    from django.apps import apps  # noqa: PLC0415 -- models are loaded after this module

    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, SealedField):
                yield model, field.name


def key_problems() -> list[str]:
    """What is wrong with the keys, in words that do not tell them."""
    keys = settings.FIELD_ENCRYPTION_KEYS
    if not keys:
        return [f"{SETTING} is not set."]
    return [
        f"Entry {number} of {SETTING} is not a key."
        for number, key in enumerate(keys, start=1)
        if not _is_key(key)
    ]


def _is_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True


def _keys() -> MultiFernet:
    if problems := key_problems():
        raise ImproperlyConfigured(" ".join(problems))
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
