"""The one app registration of this installation, as the operator's settings tell it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from apps.exchange.errors import Misconfigured

# People are told so many days before the secret's end.
WARNED_BEFORE = (30, 7, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The application as Microsoft knows it. The secret is never shown."""

    client_id: str
    secret: str = field(repr=False)
    # "organizations", or the one tenant for which it is registered.
    tenant: str


def is_configured() -> bool:
    """Whether Microsoft 365 can be installed here at all."""
    return bool(settings.MICROSOFT_CLIENT_ID and settings.MICROSOFT_CLIENT_SECRET)


def registration() -> Registration:
    """The registration.

    Raises:
        Misconfigured: there is none.
    """
    if not is_configured():
        raise Misconfigured(
            _("This installation of OptixSync is not registered with Microsoft."),
            fix=_(
                "Whoever runs OptixSync registers it in Microsoft Entra, and sets "
                "MICROSOFT_CLIENT_ID and MICROSOFT_CLIENT_SECRET."
            ),
        )
    return Registration(
        client_id=settings.MICROSOFT_CLIENT_ID,
        secret=settings.MICROSOFT_CLIENT_SECRET,
        tenant=settings.MICROSOFT_TENANT,
    )


def secret_expires_on() -> dt.date | None:
    """The last day of the secret, where it was told; None also where it cannot be read."""
    try:
        return dt.date.fromisoformat(settings.MICROSOFT_SECRET_EXPIRES_ON)
    except ValueError:
        return None


def notified_at() -> str:
    """Where Microsoft can reach this installation: over https alone. Empty: nowhere.

    MICROSOFT_NOTIFICATION_URL is for a Microsoft on this machine, and for who is reached elsewhere.
    """
    if settings.MICROSOFT_NOTIFICATION_URL:
        return str(settings.MICROSOFT_NOTIFICATION_URL)
    return settings.PUBLIC_URL if settings.PUBLIC_URL.startswith("https://") else ""


def can_be_notified() -> bool:
    """Whether Microsoft can tell this installation of changes."""
    return bool(notified_at())
