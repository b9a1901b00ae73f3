"""A sign-in with Microsoft that goes on: begun here, at Microsoft now, and back within minutes."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.exchange.models.connection import ExchangeConnection
from apps.exchange.secrets import SealedField
from apps.tenants.models import Tenant
from apps.tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from apps.tenants.models import User

LASTS = dt.timedelta(minutes=15)


class SignInAttemptQuerySet(TenantQuerySet["SignInAttempt"]):
    def alive(self, now: dt.datetime) -> Self:
        """Neither ended nor too old."""
        return self.filter(used_at=None, created_at__gt=now - LASTS)

    def over(self, now: dt.datetime) -> Self:
        """Ended, or too old to be gone on with."""
        return self.filter(Q(used_at__isnull=False) | Q(created_at__lte=now - LASTS))

    def of(self, user: User, session_key: str | None) -> Self:
        """Those that this person began in this very browser."""
        return self.filter(user=user, session_key=session_key) if session_key else self.none()

    def step_on(
        self, attempt_id: object, *, at: SignInAttempt.Step, to: SignInAttempt.Step
    ) -> SignInAttempt | None:
        """The attempt, moved from one step to another; a second one who asks the same gets None.

        To ENDED: the row is marked as used and its tokens are erased; what is returned still has
        them, for the caller to keep where they belong.
        """
        try:
            wanted = uuid.UUID(str(attempt_id))
        except ValueError:
            return None
        now = timezone.now()
        with transaction.atomic():
            row = (
                self.alive(now).select_for_update(of=("self",)).filter(uuid=wanted, step=at).first()
            )
            if row is None:
                return None
            values: dict[str, object] = {"step": to}
            if to == SignInAttempt.Step.ENDED:
                values |= {"used_at": now, "sealed_access_token": "", "sealed_refresh_token": ""}
            SignInAttempt.objects.filter(pk=row.pk).update(**values)
        row.step = to
        return row


class SignInAttempt(models.Model):
    """Who began to sign in with Microsoft, what for, and how far it came. Each step is made once."""

    class Purpose(models.TextChoices):
        INSTALL = "install", _("Install")
        ANOTHER_ACCOUNT = "another", _("Use a different account")
        GRANT_AGAIN = "again", _("Grant again")

    class Step(models.TextChoices):
        # At Microsoft: the person chooses an account.
        SIGN_IN = "sign_in", _("Signing in")
        # At Microsoft: an administrator consents for the organisation.
        CONSENT = "consent", _("Waiting for consent")
        # Here: whether the organisation or the account shall really be another one.
        QUESTION = "question", _("Waiting for an answer")
        ENDED = "ended", _("Ended")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="sign_in_attempts", verbose_name=_("tenant")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person")
    )
    # A link that is sent to somebody else leads nowhere.
    session_key = models.CharField(max_length=40, editable=False)
    purpose = models.CharField(_("purpose"), max_length=7, choices=Purpose)
    access = models.CharField(
        _("access"), max_length=13, choices=ExchangeConnection.Access, editable=False
    )
    wire = models.CharField(
        _("wire"),
        max_length=5,
        choices=ExchangeConnection.Wire,
        default=ExchangeConnection.Wire.GRAPH,
        editable=False,
    )
    # What is changed; none while the first account signs in.
    connection = models.ForeignKey(
        ExchangeConnection,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="sign_in_attempts",
        verbose_name=_("connection"),
    )
    step = models.CharField(
        _("step"), max_length=8, choices=Step, default=Step.SIGN_IN, editable=False
    )
    # The mailbox that the check shall open.
    try_email = models.EmailField(_("mailbox to try"), blank=True, editable=False)
    # What an answer to the question for consent must carry; each is made anew, and used once.
    consent_state = models.CharField(max_length=64, blank=True, editable=False)
    # Whether the organisation had granted it before anybody was asked.
    is_granted = models.BooleanField(default=False, editable=False)
    # What Microsoft refused last, as the words need it; nothing of its own text.
    refusal = models.JSONField(default=dict, blank=True, editable=False)

    # What the sign-in gave, while it waits for consent or for an answer.
    sealed_access_token = SealedField()
    sealed_refresh_token = SealedField()
    token_expires_at = models.DateTimeField(null=True, editable=False)
    scope = models.TextField(blank=True, editable=False)
    organisation_id = models.CharField(max_length=36, blank=True, editable=False)
    organisation_name = models.CharField(max_length=256, blank=True, editable=False)
    account_id = models.CharField(max_length=64, blank=True, editable=False)
    account_name = models.CharField(max_length=256, blank=True, editable=False)
    email = models.CharField(max_length=320, blank=True, editable=False)

    created_at = models.DateTimeField(_("begun at"), default=timezone.now, editable=False)
    used_at = models.DateTimeField(_("ended at"), null=True, editable=False)

    objects = SignInAttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-in with Microsoft")
        verbose_name_plural = _("sign-ins with Microsoft")
        ordering = ("-created_at", "-pk")
        indexes = (
            # Those that are over are removed each hour.
            models.Index(fields=("created_at",), name="sign_in_attempt_created"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(step="ended", used_at__isnull=False)
                | (~Q(step="ended") & Q(used_at=None)),
                name="sign_in_attempt_ended_at_a_time",
            ),
            # Nobody needs the tokens of what has ended.
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(sealed_access_token="", sealed_refresh_token=""),
                name="sign_in_attempt_ended_without_tokens",
            ),
            models.CheckConstraint(
                condition=Q(access__in=("organisation", "account")),
                name="sign_in_attempt_access_of_microsoft",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.get_step_display()}"

    @property
    def is_alive(self) -> bool:
        return self.used_at is None and self.created_at > timezone.now() - LASTS
