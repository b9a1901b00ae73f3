"""Who has which resource when, and what was done to it. Written by services alone."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import Deferrable, F, Func, Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.bookings.walltime import Span
from apps.resources.models import Resource
from apps.tenants.models import Tenant, User
from apps.tenants.querysets import TenantQuerySet
from apps.tenants.time_zones import validate_time_zone

if TYPE_CHECKING:
    import datetime as dt


class BookingQuerySet(TenantQuerySet["Booking"]):
    tenant_path = "resource__location__tenant"

    def overlapping(self, starts_at: dt.datetime, ends_at: dt.datetime) -> Self:
        """Those with a moment in [starts_at, ends_at)."""
        return self.filter(starts_at__lt=ends_at, ends_at__gt=starts_at)

    def blocking(self) -> Self:
        """Those that keep others from the resource."""
        return self.filter(status=Booking.Status.CONFIRMED)

    def guarded(self) -> Self:
        """Those of which the exclusion constraint lets no two overlap."""
        return self.blocking().filter(origin=Booking.Origin.OPTIXSYNC, clashing=False)

    def upcoming(self) -> Self:
        """Blocking, and not yet over."""
        return self.blocking().filter(ends_at__gt=timezone.now())


class Booking(models.Model):
    """A resource taken for a length of time.

    `starts_at` and `ends_at` are the instants; date, time and zone beside them are what the person
    who booked said, and what the instants follow from while the booking is ours.
    """

    class Status(models.TextChoices):
        CONFIRMED = "confirmed", _("Confirmed")
        # Still in Exchange, but shown as free there: it blocks nothing.
        RELEASED = "released", _("Released")
        CANCELLED = "cancelled", _("Cancelled")

    class Origin(models.TextChoices):
        OPTIXSYNC = "optixsync", "OptixSync"
        EXCHANGE = "exchange", "Exchange"

    class CancelledBy(models.TextChoices):
        STAFF = "staff", _("Staff")
        EXCHANGE = "exchange", "Exchange"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    resource = models.ForeignKey(
        Resource, models.PROTECT, related_name="bookings", verbose_name=_("resource")
    )
    title = models.CharField(_("title"), max_length=255)
    person = models.CharField(
        _("person"), max_length=150, blank=True, help_text=_("Who it is for.")
    )
    person_email = models.EmailField(_("email"), blank=True)
    notes = models.TextField(_("notes"), blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.CONFIRMED, editable=False
    )
    origin = models.CharField(
        _("origin"), max_length=10, choices=Origin, default=Origin.OPTIXSYNC, editable=False
    )

    starts_at = models.DateTimeField(_("starts at"), editable=False)
    ends_at = models.DateTimeField(_("ends at"), editable=False)
    starts_on = models.DateField(_("date"))
    starts_time = models.TimeField(_("from"))
    # Half-open: an all-day booking ends on the day after its last, at midnight.
    ends_on = models.DateField(_("end date"))
    ends_time = models.TimeField(_("to"))
    time_zone = models.CharField(max_length=64, editable=False, validators=[validate_time_zone])
    all_day = models.BooleanField(_("all day"), default=False)

    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, editable=False)
    cancelled_by = models.CharField(
        _("cancelled by"), max_length=10, choices=CancelledBy, blank=True, editable=False
    )
    cancel_reason = models.CharField(_("reason"), max_length=255, blank=True, editable=False)

    # Exchange had decided already that two of ours overlap: a person resolves it.
    clashing = models.BooleanField(_("clashing"), default=False, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = BookingQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        ordering = ("starts_at", "pk")
        indexes = (
            # The bookings of one resource in a range: availability, the engine's window.
            models.Index(fields=("resource", "starts_at"), name="booking_by_resource_and_start"),
            # The list, newest first, and the Dashboard's day.
            models.Index(fields=("starts_at",), name="booking_by_start"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="booking_ends_after_it_starts",
                violation_error_message=_("A booking must end later than it starts."),
            ),
            models.CheckConstraint(
                condition=(Q(status="cancelled", cancelled_at__isnull=False) & ~Q(cancelled_by=""))
                | (~Q(status="cancelled") & Q(cancelled_at=None, cancelled_by="")),
                name="booking_cancelled_by_someone_at_some_time",
            ),
            # Two ranges, because `=` on a number has no GiST operator without an extension.
            ExclusionConstraint(
                name="booking_overlaps_no_other",
                expressions=(
                    (
                        Func(F("resource_id"), F("resource_id"), Value("[]"), function="int8range"),
                        RangeOperators.OVERLAPS,
                    ),
                    (
                        Func(F("starts_at"), F("ends_at"), function="tstzrange"),
                        RangeOperators.OVERLAPS,
                    ),
                ),
                condition=Q(status="confirmed", origin="optixsync", clashing=False),
                # Deferred only by services.rezone, which moves many at once.
                deferrable=Deferrable.IMMEDIATE,
                violation_error_message=_("Another booking has this time."),
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def tenant(self) -> Tenant:
        return self.resource.location.tenant

    @property
    def span(self) -> Span:
        return Span(
            self.starts_on,
            self.starts_time,
            self.ends_on,
            self.ends_time,
            self.time_zone,
            self.all_day,
        )

    @property
    def is_ours(self) -> bool:
        return self.origin == self.Origin.OPTIXSYNC

    @property
    def is_cancelled(self) -> bool:
        return self.status == self.Status.CANCELLED


class BookingChangeQuerySet(TenantQuerySet["BookingChange"]):
    tenant_path = "booking__resource__location__tenant"


class BookingChange(models.Model):
    """One thing done to a booking: who, when, and each field before and after."""

    class Action(models.TextChoices):
        BOOKED = "booked", _("Booked")
        CHANGED = "changed", _("Changed")
        CANCELLED = "cancelled", _("Cancelled")
        RESTORED = "restored", _("Restored")

    booking = models.ForeignKey(Booking, models.CASCADE, related_name="changes")
    action = models.CharField(_("what"), max_length=10, choices=Action)
    # Empty when no person did it.
    by = models.ForeignKey(User, models.SET_NULL, null=True, verbose_name=_("who"))
    at = models.DateTimeField(_("when"), auto_now_add=True)
    revision = models.PositiveIntegerField()
    # Field name to value, as text: {"title": "Stand-up"}; only what differs.
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(_("reason"), max_length=255, blank=True)

    objects = BookingChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking change")
        verbose_name_plural = _("booking changes")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.booking_id}"
