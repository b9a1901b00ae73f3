"""The one place where bookings are written: book, change, cancel, restore, rezone.

Each returns the booking as stored, writes a BookingChange, and sends `booking_changed` on commit.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.errors import ExclusionViolation

from apps.bookings.errors import BadTime, NotAllowed, NotBookable, Overlap, StaleBooking
from apps.bookings.models import Booking, BookingChange
from apps.bookings.signals import booking_changed
from apps.bookings.walltime import NonexistentWallTime, Span
from apps.resources.models import Resource

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from apps.tenants.models import User

# What people write; everything else follows from it or from what is done.
DETAILS = ("title", "person", "person_email", "notes")


def book(*, resource: Resource, span: Span, title: str, by: User | None, **details: str) -> Booking:
    """Take a resource for a length of time.

    Raises:
        NotBookable: the resource is inactive or archived.
        BadTime: the span is empty, or starts or ends at a time that the clock skips.
        Overlap: another booking of ours has a part of it.
    """
    _refuse_unbookable(resource)
    booking = Booking(resource=resource, title=title, **details, **_times(span))
    with _overlap_named(booking), transaction.atomic():
        booking.save(force_insert=True)
        _record(booking, BookingChange.Action.BOOKED, by, before={}, after=_facts(booking))
    return booking


def change(
    *,
    booking: Booking,
    revision: int,
    by: User | None,
    resource: Resource | None = None,
    span: Span | None = None,
    **details: str,
) -> Booking:
    """Change what is given, if `revision` is still the booking's.

    Raises:
        NotAllowed: the booking is cancelled, or Exchange's.
        StaleBooking: someone was quicker.
        NotBookable, BadTime, Overlap: see book.
    """
    if not booking.is_ours:
        raise NotAllowed(_("This booking was made in Exchange. Change it there."))
    if booking.is_cancelled:
        raise NotAllowed(_("This booking is cancelled. Restore it first, or make a new one."))
    if resource is not None and resource != booking.resource:
        _refuse_unbookable(resource)
    return _write(
        booking,
        revision,
        BookingChange.Action.CHANGED,
        by,
        {
            **({"resource": resource} if resource else {}),
            **(_times(span) if span else {}),
            **details,
        },
    )


def cancel(*, booking: Booking, revision: int, by: User | None, reason: str = "") -> Booking:
    """Give the time free; the booking stays in the list as cancelled.

    Raises:
        NotAllowed: it is cancelled already.
        StaleBooking: someone was quicker.
    """
    if booking.is_cancelled:
        raise NotAllowed(_("This booking is cancelled already."))
    return _write(
        booking,
        revision,
        BookingChange.Action.CANCELLED,
        by,
        {
            "status": Booking.Status.CANCELLED,
            "cancelled_at": timezone.now(),
            "cancelled_by": Booking.CancelledBy.STAFF,
            "cancel_reason": reason,
            "clashing": False,
        },
        reason=reason,
    )


def restore(*, booking: Booking, revision: int, by: User | None) -> Booking:
    """Undo a cancellation by staff, if the time is still free.

    Raises:
        NotAllowed: it is not cancelled, or not ours, or over, or was cancelled in Exchange.
        NotBookable, StaleBooking, Overlap: see change.
    """
    if not booking.is_cancelled:
        raise NotAllowed(_("This booking is not cancelled."))
    if not booking.is_ours or booking.cancelled_by != Booking.CancelledBy.STAFF:
        raise NotAllowed(_("This booking was cancelled in Exchange. Make a new one instead."))
    if booking.ends_at <= timezone.now():
        raise NotAllowed(_("This booking is over. Make a new one instead."))
    _refuse_unbookable(booking.resource)
    return _write(
        booking,
        revision,
        BookingChange.Action.RESTORED,
        by,
        {
            "status": Booking.Status.CONFIRMED,
            "cancelled_at": None,
            "cancelled_by": "",
            "cancel_reason": "",
        },
    )


@transaction.atomic
def rezone(*, resource: Resource, time_zone: str, by: User | None) -> None:
    """Move a resource to another time zone.

    Timed bookings keep their instants and are shown anew; our all-day ones keep their dates.

    Raises:
        Overlap: two bookings would meet. Nothing is changed.
    """
    Resource.objects.filter(pk=resource.pk).update(time_zone=time_zone)
    resource.time_zone = time_zone
    with connection.cursor() as cursor:
        # Neighbours may meet on the way; what counts is where all of them end.
        cursor.execute("SET CONSTRAINTS booking_overlaps_no_other DEFERRED")
    moved = [
        _write(booking, booking.revision, BookingChange.Action.CHANGED, by, _rezoned(booking))
        for booking in Booking.objects.filter(resource=resource)
        .exclude(time_zone=time_zone)
        .select_related("resource__location__tenant")
    ]
    for booking in moved:
        if booking.all_day and (other := _in_the_way(booking)):
            raise Overlap(other)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS booking_overlaps_no_other IMMEDIATE")


def _rezoned(booking: Booking) -> dict[str, Any]:
    zone = booking.resource.time_zone
    if booking.all_day and booking.is_ours:
        return _times(Span.days(booking.starts_on, booking.span.last_day, zone))
    return _times(Span.between(booking.starts_at, booking.ends_at, zone))


def _write(
    booking: Booking,
    revision: int,
    action: BookingChange.Action,
    by: User | None,
    values: dict[str, Any],
    *,
    reason: str = "",
) -> Booking:
    """Store values if the revision still holds; nothing changed means nothing written."""
    before = _facts(booking)
    resource_before = booking.resource_id
    wanted = Booking.objects.select_related("resource__location__tenant").get(pk=booking.pk)
    if wanted.revision != revision:
        raise StaleBooking(wanted)
    for name, value in values.items():
        setattr(wanted, name, value)
    after = _facts(wanted)
    if after == before:
        return wanted
    with _overlap_named(wanted), transaction.atomic():
        written = Booking.objects.filter(pk=booking.pk, revision=revision).update(
            **values, revision=revision + 1, updated_at=timezone.now()
        )
        if not written:
            raise StaleBooking(Booking.objects.get(pk=booking.pk))
        wanted.revision = revision + 1
        _record(
            wanted,
            action,
            by,
            before={name: before[name] for name in before if before[name] != after[name]},
            after={name: after[name] for name in after if before[name] != after[name]},
            reason=reason,
            also=resource_before,
        )
    return wanted


def _record(
    booking: Booking,
    action: BookingChange.Action,
    by: User | None,
    *,
    before: dict[str, str],
    after: dict[str, str],
    reason: str = "",
    also: int | None = None,
) -> None:
    BookingChange.objects.create(
        booking=booking,
        action=action,
        by=by,
        revision=booking.revision,
        before=before,
        after=after,
        reason=reason,
    )
    resource_ids = sorted({booking.resource_id, also or booking.resource_id})
    transaction.on_commit(
        partial(
            booking_changed.send,
            sender=Booking,
            booking_id=booking.pk,
            resource_ids=resource_ids,
        )
    )


def _facts(booking: Booking) -> dict[str, str]:
    """What history tells of a booking, as text in a stable form."""
    return {
        **{name: getattr(booking, name) for name in DETAILS},
        "resource": booking.resource.name,
        "status": booking.status,
        "starts": _iso(booking.starts_on, booking.starts_time),
        "ends": _iso(booking.ends_on, booking.ends_time),
        "time_zone": booking.time_zone,
        "all_day": "yes" if booking.all_day else "no",
        "cancel_reason": booking.cancel_reason,
    }


def _iso(on: dt.date, at: dt.time) -> str:
    return f"{on.isoformat()} {at.isoformat('minutes')}"


def _times(span: Span) -> dict[str, Any]:
    """The columns that say when."""
    try:
        starts_at, ends_at = span.instants()
    except NonexistentWallTime as gap:
        raise BadTime.skipped(gap) from gap
    if ends_at <= starts_at:
        raise BadTime(_("A booking must end later than it starts."))
    return {
        "starts_at": starts_at,
        "ends_at": ends_at,
        "starts_on": span.starts_on,
        "starts_time": span.starts_time,
        "ends_on": span.ends_on,
        "ends_time": span.ends_time,
        "time_zone": span.time_zone,
        "all_day": span.all_day,
    }


def _refuse_unbookable(resource: Resource) -> None:
    if resource.is_archived:
        raise NotBookable(
            _("%(resource)s is archived. Restore it first, or choose another resource.")
            % {"resource": resource}
        )
    if not resource.is_active:
        raise NotBookable(
            _("%(resource)s takes no bookings at present. Switch it to active first.")
            % {"resource": resource}
        )


@contextmanager
def _overlap_named(booking: Booking) -> Iterator[None]:
    """Turn the database's refusal into one that names the other booking."""
    try:
        yield
    except IntegrityError as exc:
        if not isinstance(exc.__cause__, ExclusionViolation):
            raise
        raise Overlap(_in_the_way(booking)) from exc


def _in_the_way(booking: Booking) -> Booking | None:
    """The first booking that the exclusion constraint sets against this one."""
    if booking.is_cancelled or booking.clashing or not booking.is_ours:
        return None
    return (
        Booking.objects.filter(
            resource=booking.resource_id, origin=Booking.Origin.OPTIXSYNC, clashing=False
        )
        .blocking()
        .overlapping(booking.starts_at, booking.ends_at)
        .exclude(pk=booking.pk)
        .select_related("resource")
        .first()
    )
