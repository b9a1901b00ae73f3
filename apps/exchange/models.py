"""A tenant's way into its Exchange. Health, back-off and stop live here first."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.tenants.models import Tenant
from apps.tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    import datetime as dt


class ExchangeConnectionQuerySet(TenantQuerySet["ExchangeConnection"]):
    def working(self, now: dt.datetime) -> Self:
        """Neither stopped nor told by the server to wait."""
        return self.filter(stopped_at=None).filter(Q(paused_until=None) | Q(paused_until__lte=now))


class ExchangeConnection(models.Model):
    """An installed Exchange: which wire, and whether it may be talked to."""

    class Wire(models.TextChoices):
        GRAPH = "graph", "Microsoft Graph"
        EWS = "ews", "Exchange Web Services"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="exchange_connections", verbose_name=_("tenant")
    )
    wire = models.CharField(_("wire"), max_length=5, choices=Wire)
    name = models.CharField(_("name"), max_length=100)
    # A refused sign-in stops every calendar of the connection, until a person acts.
    stopped_at = models.DateTimeField(_("stopped at"), null=True, editable=False)
    error_kind = models.CharField(max_length=20, blank=True, editable=False)
    cause = models.TextField(_("what happened"), blank=True, editable=False)
    fix = models.TextField(_("what to do"), blank=True, editable=False)
    # The server's own back-off.
    paused_until = models.DateTimeField(_("paused until"), null=True, editable=False)
    created_at = models.DateTimeField(_("installed at"), auto_now_add=True)

    objects = ExchangeConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("Exchange connection")
        verbose_name_plural = _("Exchange connections")
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()
