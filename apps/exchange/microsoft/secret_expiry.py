"""The end of the client secret is told by mail 30, 7 and 1 days before it, each once."""

from __future__ import annotations

import logging
import smtplib
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.exchange.microsoft.registration import (
    WARNED_BEFORE,
    is_configured,
    secret_expires_on,
)
from apps.exchange.models import ExchangeConnection, SecretWarning
from apps.tenants.models import Membership, Role, User

if TYPE_CHECKING:
    import datetime as dt

logger = logging.getLogger(__name__)


def warn() -> int:
    """Mail those whom it concerns, where a threshold was passed that was not told yet; how many."""
    ends = secret_expires_on() if is_configured() else None
    if ends is None:
        return 0
    days = (ends - timezone.localdate()).days
    passed = [before for before in WARNED_BEFORE if 0 <= days <= before]
    if not passed:
        return 0
    # The last one alone: who sets the date late is not told three times in a day.
    _warning, is_new = SecretWarning.objects.get_or_create(expires_on=ends, days_before=min(passed))
    if not is_new:
        return 0
    return sum(_mail(email, is_operator, ends, days) for email, is_operator in _people().items())


def _people() -> dict[str, bool]:
    """Emails, and whether it is somebody who can mend it: superusers, and owners with a connection."""
    connected = ExchangeConnection.objects.present().filter(
        kind=ExchangeConnection.Kind.MICROSOFT_365
    )
    owners = Membership.objects.filter(
        role=Role.OWNER, user__is_active=True, tenant__in=connected.values("tenant")
    )
    operators = User.objects.filter(is_superuser=True, is_active=True)
    return {
        **dict.fromkeys(owners.values_list("user__email", flat=True), False),
        **dict.fromkeys(operators.values_list("email", flat=True), True),
    }


def _mail(email: str, is_operator: bool, ends: dt.date, days: int) -> int:  # noqa: FBT001
    words = {
        "day": date_format(ends),
        "days": days,
        "is_operator": is_operator,
        "link": f"{settings.PUBLIC_URL}{reverse('admin:index')}",
    }
    try:
        return send_mail(
            _("The client secret of Microsoft 365 expires soon"),
            render_to_string("exchange/secret_expires.txt", words),
            settings.DEFAULT_FROM_EMAIL,
            [email],
        )
    except (smtplib.SMTPException, OSError):
        # The others are to be told all the same.
        logger.exception("A warning of the secret's end could not be sent")
        return 0
