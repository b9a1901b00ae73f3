"""The move of a connection's calendars to another wire: what it is of, how far it came, and the way back."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.exchange.models import ExchangeConnection
from apps.tenants.models import User
from apps.tenants.querysets import TenantQuerySet

# The way back stays open for so long.
IDS_KEPT_FOR = dt.timedelta(days=30)


class MoveQuerySet(TenantQuerySet["Move"]):
    tenant_path = "source__tenant"


class Move(models.Model):
    """Calendars that go from one connection to another, one after the other, each as a whole."""

    class State(models.TextChoices):
        # Only reads; nothing is changed before a person has seen what it found.
        PREVIEWING = "previewing", _("Being looked at")
        PREVIEWED = "previewed", _("Looked at")
        MOVING = "moving", _("Being moved")
        ENDED = "ended", _("Ended")

    WORKING = (State.PREVIEWING, State.MOVING)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.ForeignKey(
        ExchangeConnection, models.CASCADE, related_name="moves_away", verbose_name=_("from")
    )
    target = models.ForeignKey(
        ExchangeConnection, models.CASCADE, related_name="moves_here", verbose_name=_("to")
    )
    # The one that this one takes back.
    undoes = models.ForeignKey(
        "self", models.CASCADE, null=True, related_name="undone_by", verbose_name=_("undoes")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREVIEWING)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("asked for at"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    # One worker has it until then; a killed one's work is taken up after that.
    worked_until = models.DateTimeField(default=timezone.now)

    objects = MoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("move")
        verbose_name_plural = _("moves")
        ordering = ("-created_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=~Q(source=models.F("target")), name="move_leads_elsewhere"
            ),
            # Two at once would take each other's calendars.
            models.UniqueConstraint(
                fields=("source",),
                condition=Q(state__in=("previewing", "previewed", "moving")),
                name="one_open_move_per_connection",
            ),
        )

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"

    @property
    def is_working(self) -> bool:
        return self.state in self.WORKING


class CalendarMoveQuerySet(TenantQuerySet["CalendarMove"]):
    tenant_path = "move__source__tenant"


class CalendarMove(models.Model):
    """One calendar in a move: what was found for its pairs, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        LOOKED_AT = "looked_at", _("Looked at")
        MOVED = "moved", _("Moved")
        # A person must look; the others go on.
        STOPPED = "stopped", _("Needs attention")
        # Disconnected, or moved otherwise, in between.
        LEFT_OUT = "left_out", _("No longer part of it")

    move = models.ForeignKey(Move, models.CASCADE, related_name="calendars")
    calendar = models.ForeignKey("sync.CalendarLink", models.CASCADE, related_name="moves")
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.WAITING)
    # Pairs by the way in which their events were found: by id, by UID, and not at all; and those
    # whose event was sent a moment ago.
    translated = models.PositiveIntegerField(_("by id"), default=0)
    matched = models.PositiveIntegerField(_("by UID"), default=0)
    missing = models.PositiveIntegerField(_("not found"), default=0)
    in_flight = models.PositiveIntegerField(_("being sent"), default=0)
    error_kind = models.CharField(max_length=20, blank=True)
    cause = models.TextField(_("what happened"), blank=True)
    fix = models.TextField(_("what to do"), blank=True)
    command = models.TextField(_("command"), blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(_("moved at"), null=True)
    # As it was before: on the way back the same calendar must open.
    old_mailbox_key = models.CharField(max_length=600, blank=True)
    old_folder_id = models.TextField(blank=True)

    objects = CalendarMoveQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar in a move")
        verbose_name_plural = _("calendars in a move")
        ordering = ("move", "pk")
        constraints = (
            models.UniqueConstraint(fields=("move", "calendar"), name="calendar_once_in_a_move"),
        )

    def __str__(self) -> str:
        return f"{self.calendar}"


class KeptIdQuerySet(TenantQuerySet["KeptId"]):
    tenant_path = "calendar__resource__location__tenant"

    def old(self, now: dt.datetime) -> KeptIdQuerySet:
        """Those that nobody needs any more."""
        return self.filter(kept_at__lt=now - IDS_KEPT_FOR)


class KeptId(models.Model):
    """What an item was called before its calendar moved, for the way back."""

    calendar = models.ForeignKey("sync.CalendarLink", models.CASCADE, related_name="kept_ids")
    # The connection over which the item has this id.
    connection = models.ForeignKey(ExchangeConnection, models.CASCADE, related_name="+")
    old_id = models.TextField()
    new_id = models.TextField()
    kept_at = models.DateTimeField(default=timezone.now)

    objects = KeptIdQuerySet.as_manager()

    class Meta:
        verbose_name = _("kept id")
        verbose_name_plural = _("kept ids")
        ordering = ("pk",)
        indexes = (
            models.Index(fields=("calendar", "connection"), name="kept_id_by_calendar"),
            models.Index(fields=("kept_at",), name="kept_id_by_age"),
        )

    def __str__(self) -> str:
        return str(self.pk)
