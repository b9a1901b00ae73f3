"""A tenant's way into its Exchange. Health, back-off and stop live here first."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.exchange.secrets import SealedField, unseal
from apps.tenants.models import Tenant
from apps.tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from apps.exchange.ews.session import EwsSettings
    from apps.exchange.graph.session import GraphSettings

# Exchange Online ends Exchange Web Services for everybody on this day.
# https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/deprecation-of-ews-exchange-online
EWS_ENDS_ON = dt.date(2027, 4, 1)
# A check that told nothing for so long has ended without a word: its worker was killed.
CHECK_LASTS_AT_MOST = dt.timedelta(minutes=3)


class ExchangeConnectionQuerySet(TenantQuerySet["ExchangeConnection"]):
    def working(self, now: dt.datetime) -> Self:
        """Neither stopped nor told by the server to wait."""
        return self.filter(stopped_at=None).filter(Q(paused_until=None) | Q(paused_until__lte=now))

    def installed(self) -> Self:
        """Those that resources can be connected to."""
        return self.filter(state=ExchangeConnection.State.INSTALLED)

    def present(self) -> Self:
        """Those that pages show: installed, or still being installed."""
        return self.exclude(state=ExchangeConnection.State.UNINSTALLED)


class ExchangeConnection(models.Model):
    """An installed Exchange: which one, by which wire and account, and whether it may be talked to."""

    class Kind(models.TextChoices):
        # In the order in which they are offered.
        MICROSOFT_365 = "microsoft_365", "Microsoft 365"
        EXCHANGE_SERVER = "exchange_server", "Exchange Server"

    class Wire(models.TextChoices):
        GRAPH = "graph", "Microsoft Graph"
        EWS = "ews", "Exchange Web Services"

    class State(models.TextChoices):
        PENDING = "pending", _("Not installed yet")
        INSTALLED = "installed", _("Installed")
        # Our events are still being taken out of the mailboxes.
        UNINSTALLING = "uninstalling", _("Being uninstalled")
        UNINSTALLED = "uninstalled", _("Uninstalled")

    class SignIn(models.TextChoices):
        BASIC = "basic", "Basic"
        NTLM = "ntlm", "NTLM"

    class Access(models.TextChoices):
        IMPERSONATION = "impersonation", _("Impersonation")
        DELEGATE = "delegate", _("Delegate access")
        # Of Microsoft 365: an application permission, or a person's own rights.
        ORGANISATION = "organisation", _("Organisation-wide")
        ACCOUNT = "account", _("This account only")

    # What each kind may be installed with, in the order in which it is offered.
    ACCESS_OF = {
        Kind.MICROSOFT_365: (Access.ORGANISATION, Access.ACCOUNT),
        Kind.EXCHANGE_SERVER: (Access.IMPERSONATION, Access.DELEGATE),
    }

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="exchange_connections", verbose_name=_("tenant")
    )
    kind = models.CharField(
        _("installed as"), max_length=20, choices=Kind, default=Kind.EXCHANGE_SERVER
    )
    wire = models.CharField(_("wire"), max_length=5, choices=Wire)
    name = models.CharField(_("name"), max_length=100)
    state = models.CharField(
        _("state"), max_length=12, choices=State, default=State.INSTALLED, editable=False
    )

    # As it was typed; empty: it is found from the account's email.
    server = models.CharField(_("server"), max_length=500, blank=True)
    # Where the server answers, settled by the check.
    server_url = models.CharField(max_length=500, blank=True, editable=False)
    email = models.EmailField(_("account"), blank=True)
    # Empty: the account's email.
    username = models.CharField(_("user name"), max_length=320, blank=True)
    sealed_password = SealedField()
    # Settled by the check, from what the server offers to a request without a password.
    sign_in = models.CharField(
        _("sign-in"), max_length=5, choices=SignIn, blank=True, editable=False
    )
    access = models.CharField(
        _("access"), max_length=13, choices=Access, default=Access.IMPERSONATION
    )
    ca_pem = models.TextField(_("certificate authority"), blank=True)
    server_version = models.CharField(_("version"), max_length=100, blank=True, editable=False)

    # Of Microsoft 365. The organisation that was proved by a call: Entra's id of it, and its name.
    organisation_id = models.CharField(
        _("organisation’s id"), max_length=36, blank=True, editable=False
    )
    organisation_name = models.CharField(
        _("organisation"), max_length=256, blank=True, editable=False
    )
    # Who signed in: Microsoft's id of the account, which stays when its email (above) changes.
    account_id = models.CharField(max_length=64, blank=True, editable=False)
    account_name = models.CharField(_("account’s name"), max_length=256, blank=True, editable=False)
    # Of ACCOUNT alone; each refresh gives another one.
    sealed_refresh_token = SealedField()
    # When a token last came, so that it can be told how long the grant lasts unused.
    refreshed_at = models.DateTimeField(_("last token at"), null=True, editable=False)
    # As the last check found them, each by a call: {"name", "state": "granted" | "missing" |
    # "unknown", "words"}.
    permissions = models.JSONField(_("permissions"), default=list, blank=True, editable=False)

    # The mailbox that the check opens, to see that the rights are there.
    try_email = models.EmailField(_("mailbox to try"), blank=True)
    # Counts what was typed: a check of an earlier version tells nothing about this one.
    revision = models.PositiveIntegerField(default=0, editable=False)
    check_started_at = models.DateTimeField(null=True, editable=False)
    last_checked_at = models.DateTimeField(_("last check"), null=True, editable=False)
    # The stages as the check told them, in order; no secrets are in them.
    last_check = models.JSONField(default=list, blank=True, editable=False)

    # A refused sign-in stops every calendar of the connection, until a person acts.
    stopped_at = models.DateTimeField(_("stopped at"), null=True, editable=False)
    error_kind = models.CharField(max_length=20, blank=True, editable=False)
    cause = models.TextField(_("what happened"), blank=True, editable=False)
    fix = models.TextField(_("what to do"), blank=True, editable=False)
    # The server's own back-off.
    paused_until = models.DateTimeField(_("paused until"), null=True, editable=False)
    created_at = models.DateTimeField(_("installed at"), auto_now_add=True)
    uninstalled_at = models.DateTimeField(_("uninstalled at"), null=True, editable=False)

    objects = ExchangeConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("Exchange connection")
        verbose_name_plural = _("Exchange connections")
        ordering = ("created_at", "pk")
        constraints = (
            # So that a choice between two of them can be made.
            models.UniqueConstraint(
                "tenant",
                Lower("name"),
                condition=~Q(state="uninstalled"),
                name="connection_name_unique_in_tenant",
            ),
            models.CheckConstraint(
                condition=Q(state="uninstalled", uninstalled_at__isnull=False)
                | (~Q(state="uninstalled") & Q(uninstalled_at=None)),
                name="connection_uninstalled_at_a_time",
            ),
            # Nobody needs the password of what is gone.
            models.CheckConstraint(
                condition=~Q(state="uninstalled") | Q(sealed_password=""),
                name="connection_uninstalled_without_password",
            ),
            models.CheckConstraint(
                condition=~Q(state="uninstalled") | Q(sealed_refresh_token=""),
                name="connection_uninstalled_without_token",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="microsoft_365",
                    access__in=("organisation", "account"),
                    sealed_password="",
                )
                | Q(
                    kind="exchange_server",
                    wire="ews",
                    access__in=("impersonation", "delegate"),
                    sealed_refresh_token="",
                ),
                name="connection_access_of_its_kind",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        return self.paused_until is not None and self.paused_until > timezone.now()

    @property
    def is_pending(self) -> bool:
        return self.state == self.State.PENDING

    @property
    def has_password(self) -> bool:
        return bool(self.sealed_password)

    @property
    def is_microsoft(self) -> bool:
        return self.kind == self.Kind.MICROSOFT_365

    @property
    def is_settled(self) -> bool:
        """Whether it is known where requests go, and how they sign in."""
        return self.is_microsoft or bool(self.server_url and self.sign_in)

    @property
    def ends_on(self) -> dt.date | None:
        """The day on which Microsoft switches its wire off, where that is known."""
        return EWS_ENDS_ON if self.is_microsoft and self.wire == self.Wire.EWS else None

    @property
    def is_checking(self) -> bool:
        """Whether a check goes on: started, not ended, and not silent for too long."""
        if self.check_started_at is None or self._has_told():
            return False
        return timezone.now() - self.check_started_at < CHECK_LASTS_AT_MOST

    @property
    def is_check_lost(self) -> bool:
        """Whether the last check was started, and will never end."""
        return self.check_started_at is not None and not (self._has_told() or self.is_checking)

    @property
    def is_check_good(self) -> bool:
        return self._has_told() and bool(self.last_check) and all(s["ok"] for s in self.last_check)

    def _has_told(self) -> bool:
        started, ended = self.check_started_at, self.last_checked_at
        return ended is not None and (started is None or ended >= started)

    @property
    def shares_back_off(self) -> bool:
        """Whether a server's back-off means the whole connection, or one mailbox alone.

        With impersonation, and with an application permission, each mailbox has a budget of its
        own; a delegate, and a person who signed in, spend the account's.
        """
        return self.access in {self.Access.DELEGATE, self.Access.ACCOUNT}

    @property
    def settings(self) -> EwsSettings:
        """What the wire needs, with the password opened; keep it no longer than for one job.

        Raises:
            SecretUnreadable: the password cannot be opened with the keys that there are.
        """
        from apps.exchange.ews.session import EwsSettings  # noqa: PLC0415 -- only EWS needs it

        if self.is_microsoft:
            return EwsSettings(**self._microsoft_fields())
        return EwsSettings(**self.ews_fields(unseal(self.sealed_password)))

    @property
    def graph_settings(self) -> GraphSettings:
        """What the wire over Microsoft Graph needs."""
        from apps.exchange.graph.session import GraphSettings  # noqa: PLC0415 -- only Graph needs it
        from apps.exchange.identity import tokens_for  # noqa: PLC0415 -- it needs this model

        return GraphSettings(
            settings.MICROSOFT_GRAPH_URL,
            tokens_for(self, "graph"),
            access=self.access,
            key=str(self.uuid),
        )

    def _microsoft_fields(self) -> dict[str, Any]:
        from apps.exchange.ews import session  # noqa: PLC0415 -- as above
        from apps.exchange.identity import tokens_for  # noqa: PLC0415 -- it needs this model

        is_application = self.access == self.Access.ORGANISATION
        return {
            "server_url": settings.MICROSOFT_EWS_URL,
            "username": self.email,
            "password": "",
            "auth": session.BEARER_AUTH,
            # An application acts for each mailbox; a person has the rights of a delegate.
            "access": session.IMPERSONATION if is_application else session.DELEGATE,
            "tokens": tokens_for(self, "ews"),
            "app_id": settings.MICROSOFT_CLIENT_ID,
            "key": str(self.uuid),
        }

    def ews_fields(self, password: str) -> dict[str, Any]:
        return {
            "server_url": self.server_url,
            "username": self.username or self.email,
            "password": password,
            # Before the check has settled it, nothing but the check uses it.
            "auth": self.sign_in or self.SignIn.BASIC,
            "access": self.access,
            "ca_pem": self.ca_pem,
            # With other settings under the same key, the sessions that are open are closed.
            "key": str(self.uuid),
        }
