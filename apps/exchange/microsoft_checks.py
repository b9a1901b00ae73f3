"""Settings of Microsoft 365 that cannot work, or soon will not, are told at the start, in words."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 -- Django's
from django.utils import timezone

from apps.exchange.microsoft import registration

PERSONAL = ("common", "consumers")
REGISTER = "docs/microsoft-365.md walks through the registration of the application."


@register(Tags.security)
def check_registration(**_kwargs: Any) -> list[CheckMessage]:
    """A client id and its secret belong together; without both, Microsoft 365 is not offered."""
    given = {
        "MICROSOFT_CLIENT_ID": settings.MICROSOFT_CLIENT_ID,
        "MICROSOFT_CLIENT_SECRET": settings.MICROSOFT_CLIENT_SECRET,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) != 1:
        return []
    present = next(name for name in given if name not in missing)
    return [
        Error(f"{present} is set, and {missing[0]} is not.", hint=REGISTER, id="optixsync.E004")
    ]


@register(Tags.security)
def check_tenant(**_kwargs: Any) -> list[CheckMessage]:
    """Where personal accounts may sign in, no organisation can consent, and there are no rooms."""
    if settings.MICROSOFT_TENANT.lower() not in PERSONAL:
        return []
    return [
        Error(
            f"MICROSOFT_TENANT is {settings.MICROSOFT_TENANT}, which is for personal accounts too.",
            hint="Set it to organizations, or to the id of the one organisation.",
            id="optixsync.E006",
        )
    ]


@register(Tags.security)
def check_secret_expiry(**_kwargs: Any) -> list[CheckMessage]:
    """With an expired secret every calendar of Microsoft 365 stops: it is told a month before."""
    typed = settings.MICROSOFT_SECRET_EXPIRES_ON
    if not typed:
        return []
    ends = registration.secret_expires_on()
    if ends is None:
        return [
            Error(
                "MICROSOFT_SECRET_EXPIRES_ON cannot be read as a date.",
                hint="Give year, month and day, like 2027-06-30, or leave it empty.",
                id="optixsync.E005",
            )
        ]
    days = (ends - timezone.localdate()).days
    if not registration.is_configured() or days >= registration.WARNED_BEFORE[0]:
        return []
    words = "has expired" if days < 0 else f"expires in {days} days"
    return [
        Warning(
            f"The client secret of the app registration {words} ({ends}).",
            hint="Make a new one in Microsoft Entra, under Certificates & secrets, and set "
            "MICROSOFT_CLIENT_SECRET to its Value and MICROSOFT_SECRET_EXPIRES_ON to its end.",
            id="optixsync.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_notifications(**_kwargs: Any) -> list[CheckMessage]:
    """Microsoft sends its notifications to https alone; without them calendars are polled."""
    if not registration.is_configured() or registration.can_be_notified():
        return []
    return [
        Warning(
            "PUBLIC_URL does not begin with https://, so Microsoft cannot tell of changes.",
            hint="Calendars are polled instead. With a public https address they follow at once.",
            id="optixsync.W002",
        )
    ]
