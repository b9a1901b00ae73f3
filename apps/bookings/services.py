"""The one place where bookings are written: book, change, cancel, restore, rezone.

Each returns the booking as stored, writes a BookingChange, and sends `booking_changed` on commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.bookings.columns import columns, rezoned
from apps.bookings.errors import BadTime, NotAllowed, NotBookable
from apps.bookings.history import DETAILS, facts, record
from apps.bookings.holding import held, held_resource
from apps.bookings.models import Booking, BookingChange
from apps.bookings.rezoning import rezone
from apps.bookings.writing import overlap_named, write

if TYPE_CHECKING:
    from apps.bookings.walltime import Span
    from apps.resources.models import Resource
    from apps.tenants.models import User

__all__ = ["DETAILS", "book", "cancel", "change", "restore", "rezone"]


class Details(TypedDict, total=False):
    """What people may write beside title, resource and time."""

    person: str
    person_email: str
    notes: str


@transaction.atomic
def book(
    *, resource: Resource, span: Span, title: str, by: User | None, **details: Unpack[Details]
) -> Booking:
    """Take a resource for a length of time.

    Raises:
        NotBookable: the resource is inactive or archived.
        BadTime: the span is empty, or not in the resource's zone, or starts or ends at a time that
            the clock skips.
        Overlap: another booking of ours has a part of it.
    """
    resource = held_resource(resource)
    _refuse_unbookable(resource)
    booking = Booking(resource=resource, title=title, **details, **_times(span, resource))
    with overlap_named(booking), transaction.atomic():
        booking.save(force_insert=True)
    record(booking, BookingChange.Action.BOOKED, by, before={}, after=facts(booking))
    return booking


@transaction.atomic
def change(
    *,
    booking: Booking,
    revision: int,
    by: User | None,
    resource: Resource | None = None,
    span: Span | None = None,
    title: str | None = None,
    **details: Unpack[Details],
) -> Booking:
    """Change what is given, if `revision` is still the booking's.

    Moved to a resource in another zone without a new span, a timed booking keeps its instants and
    an all-day one its dates.

    Raises:
        StaleBooking: someone was quicker.
        NotAllowed: the booking is cancelled, or Exchange's.
        NotBookable, BadTime, Overlap: see book.
    """
    stored, resource = held(booking, revision, resource)
    if not stored.is_ours:
        raise NotAllowed(_("This booking was made in Exchange. Change it there."))
    if stored.is_cancelled:
        raise NotAllowed(_("This booking is cancelled. Restore it first, or make a new one."))
    moves = resource != stored.resource
    if moves:
        _refuse_unbookable(resource)
    values: dict[str, Any] = {"resource": resource, **details}
    if title is not None:
        values["title"] = title
    # The same span says nothing new: the instants stay, also where the clock shows a time twice.
    if span is not None and span != stored.span:
        values |= _times(span, resource)
    elif stored.time_zone != resource.time_zone:
        values |= rezoned(stored, resource.time_zone)
    # Another time is checked like any other, so that moving out of a clash ends it.
    if moves or values.get("starts_at", stored.starts_at) != stored.starts_at:
        values["clashing"] = False
    return write(stored, BookingChange.Action.CHANGED, by, values)


@transaction.atomic
def cancel(*, booking: Booking, revision: int, by: User | None, reason: str = "") -> Booking:
    """Give the time free; the booking stays in the list as cancelled.

    Raises:
        StaleBooking: someone was quicker.
        NotAllowed: it is cancelled already.
    """
    stored, _resource = held(booking, revision)
    if stored.is_cancelled:
        raise NotAllowed(_("This booking is cancelled already."))
    return write(
        stored,
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


@transaction.atomic
def restore(*, booking: Booking, revision: int, by: User | None) -> Booking:
    """Undo a cancellation by staff, if the time is still free.

    Raises:
        StaleBooking: someone was quicker.
        NotAllowed: it is not cancelled, or not ours, or over, or was cancelled in Exchange.
        NotBookable, Overlap: see book.
    """
    stored, resource = held(booking, revision)
    if not stored.is_cancelled:
        raise NotAllowed(_("This booking is not cancelled."))
    if not stored.is_ours or stored.cancelled_by != Booking.CancelledBy.STAFF:
        raise NotAllowed(_("This booking was cancelled in Exchange. Make a new one instead."))
    if stored.ends_at <= timezone.now():
        raise NotAllowed(_("This booking is over. Make a new one instead."))
    _refuse_unbookable(resource)
    return write(
        stored,
        BookingChange.Action.RESTORED,
        by,
        {
            "status": Booking.Status.CONFIRMED,
            "cancelled_at": None,
            "cancelled_by": "",
            "cancel_reason": "",
        },
    )


def _times(span: Span, resource: Resource) -> dict[str, Any]:
    """The columns that say when, for a span that was said in the resource's zone."""
    if span.time_zone != resource.time_zone:
        raise BadTime(
            _("%(resource)s keeps its time in %(zone)s now. Look at the time, and save again.")
            % {"resource": resource, "zone": resource.time_zone}
        )
    return columns(span)


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
