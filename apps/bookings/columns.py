"""From a span to the columns that say when. Stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.bookings.errors import BadTime
from apps.bookings.walltime import NonexistentWallTime, Span

if TYPE_CHECKING:
    from apps.bookings.models import Booking

TIMES = (
    "starts_at",
    "ends_at",
    "starts_on",
    "starts_time",
    "ends_on",
    "ends_time",
    "time_zone",
    "all_day",
)


def columns(span: Span) -> dict[str, Any]:
    """Every column that says when.

    Raises:
        BadTime: the span is empty, or starts or ends at a time that the clock skips.
    """
    try:
        starts_at, ends_at = span.instants()
    except NonexistentWallTime as gap:
        raise BadTime.skipped(gap) from gap
    except OverflowError as exc:
        raise BadTime(_("This date is too far away. Choose another.")) from exc
    if ends_at <= starts_at:
        raise BadTime(_("A booking must end later than it starts."))
    return {**told(span), "starts_at": starts_at, "ends_at": ends_at}


def told(span: Span) -> dict[str, Any]:
    """The columns that hold what the person said."""
    return {
        "starts_on": span.starts_on,
        "starts_time": span.starts_time,
        "ends_on": span.ends_on,
        "ends_time": span.ends_time,
        "time_zone": span.time_zone,
        "all_day": span.all_day,
    }


def rezoned(booking: Booking, zone: str) -> dict[str, Any]:
    """The columns that say when, as told in another zone."""
    if booking.all_day and booking.is_ours:
        return columns(Span.days(booking.starts_on, booking.span.last_day, zone))
    # Not by way of the clock, which can show one time for two instants.
    span = Span.between(booking.starts_at, booking.ends_at, zone)
    return {
        **told(span),
        "starts_at": booking.starts_at,
        "ends_at": booking.ends_at,
    }
