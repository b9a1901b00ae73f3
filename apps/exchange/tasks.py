"""What the workers run for connections. No secret is ever in a task's arguments."""

from __future__ import annotations

import logging

from django.utils import timezone

from apps.exchange import services
from apps.exchange.microsoft import secret_expiry
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.tenants.installation import may_send

logger = logging.getLogger(__name__)

# Those who are told, and Microsoft, belong to the original.
COPY = "skipped: this is a copy"


def check(connection_id: int, revision: int) -> str:
    """Walk the stages of a connection as it was when the check was asked for."""
    rows = ExchangeConnection.objects.present().filter(pk=connection_id, revision=revision)
    connection = rows.first()
    if connection is None:
        return "skipped: the connection was changed or uninstalled meanwhile"
    try:
        stages = services.check(connection)
    except Exception:
        # The page must not wait for ever; what it was stands in the log.
        logger.exception("The check of Exchange connection %s broke off", connection.uuid)
        services.break_off_check(connection)
        return "broke off"
    return "good" if all(stage.ok for stage in stages) else f"failed: {stages[-1].name}"


def warn_of_secret() -> str:
    """Some times a day: tell people of the client secret's end, each threshold once."""
    if not may_send():
        return COPY
    return f"told {secret_expiry.warn()}"


def forget_sign_ins() -> str:
    """Each hour: remove the sign-ins that are over, with whatever they still hold."""
    deleted, _rows = SignInAttempt.objects.over(timezone.now()).delete()
    return f"removed {deleted}"


def probe_stopped() -> str:
    """Some times an hour: look whether those that Microsoft refused work again, each once an hour."""
    if not may_send():
        return COPY
    return f"probes {services.probe_stopped(timezone.now())}"
