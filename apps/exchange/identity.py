"""Tokens of Microsoft: got, kept sealed, and renewed. Nothing is ever read from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.exchange.errors import ConnectionStopped
from apps.exchange.models import AccessToken, ExchangeConnection
from apps.exchange.secrets import seal

if TYPE_CHECKING:
    import datetime as dt


def store(
    connection: ExchangeConnection,
    *,
    access_token: str,
    refresh_token: str,
    expires_at: dt.datetime,
    audience: str,
    scope: str = "",
) -> None:
    """Keep what a token call gave: both tokens in one transaction, each sealed.

    An empty refresh token leaves the one that is there.

    Raises:
        ConnectionStopped: the connection is uninstalled meanwhile; nothing is kept.
    """
    now = timezone.now()
    with transaction.atomic():
        row = ExchangeConnection.objects.select_for_update().present().filter(pk=connection.pk)
        if not row.exists():
            raise ConnectionStopped(_("The connection is uninstalled."))
        values: dict[str, object] = {"refreshed_at": now}
        if refresh_token:
            values["sealed_refresh_token"] = seal(refresh_token)
        ExchangeConnection.objects.filter(pk=connection.pk).update(**values)
        AccessToken.objects.update_or_create(
            connection=connection,
            audience=audience,
            defaults={
                "sealed_token": seal(access_token),
                "expires_at": expires_at,
                "got_at": now,
                "scope": scope,
            },
        )
