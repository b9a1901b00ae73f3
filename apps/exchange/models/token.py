"""Access tokens: short-lived, each for one API, and opaque to us. Nothing is read from them."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.exchange.models.connection import ExchangeConnection
from apps.exchange.secrets import SealedField
from apps.tenants.querysets import TenantQuerySet

# A token is renewed so long before its end: clocks differ, and a request takes its time.
RENEWED_BEFORE = dt.timedelta(minutes=5)


class AccessTokenQuerySet(TenantQuerySet["AccessToken"]):
    tenant_path = "connection__tenant"


class AccessToken(models.Model):
    """The token with which a connection's requests reach one API of Microsoft."""

    class Audience(models.TextChoices):
        """A token is for one API alone; the values are those of the wires."""

        GRAPH = "graph", "Microsoft Graph"
        EWS = "ews", "Exchange Web Services"

    connection = models.ForeignKey(
        ExchangeConnection,
        models.CASCADE,
        related_name="access_tokens",
        verbose_name=_("connection"),
    )
    audience = models.CharField(_("for"), max_length=5, choices=Audience)
    sealed_token = SealedField()
    # By our clock: when it came, and the seconds that it was given.
    expires_at = models.DateTimeField(_("expires at"))
    got_at = models.DateTimeField(_("got at"))
    # As the answer named it: what was granted of what was asked for; empty where it said nothing.
    scope = models.TextField(_("granted"), blank=True, editable=False)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        ordering = ("connection", "audience")
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "audience"), name="token_one_an_audience"
            ),
            models.CheckConstraint(condition=~models.Q(sealed_token=""), name="token_is_there"),
        )

    def __str__(self) -> str:
        return str(self.get_audience_display())

    @property
    def renew_at(self) -> dt.datetime:
        """Some minutes before the end; half-way, where its life is shorter than that."""
        life = self.expires_at - self.got_at
        return self.expires_at - min(RENEWED_BEFORE, max(life, dt.timedelta()) / 2)
