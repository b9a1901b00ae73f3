"""What cannot be done to a booking, in words that a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from apps.bookings.models import Booking
    from apps.bookings.walltime import NonexistentWallTime, Span


class BookingError(Exception):
    """Refused, nothing was stored; the message says why and what to do."""


class Overlap(BookingError):
    """Another booking of ours has this time. `other` is None if it went away meanwhile."""

    def __init__(self, other: Booking | None, words: str = "") -> None:
        self.other = other
        super().__init__(words or _taken(other))


class StaleBooking(BookingError):
    """Someone changed the booking since it was read. `current` is how it is now."""

    def __init__(self, current: Booking) -> None:
        self.current = current
        super().__init__(
            _(
                "Someone changed this booking while you were editing it; nothing was saved. "
                "Compare both versions, and save again what shall hold."
            )
        )


class NotBookable(BookingError):
    """The resource takes no bookings."""


class NotAllowed(BookingError):
    """The booking is in a state, or of an origin, that forbids this."""


class BadTime(BookingError):
    """Start or end is no time that the clock shows, or they are in the wrong order.

    `gap` is what the clock skips, where that is the reason.
    """

    gap: NonexistentWallTime | None = None

    @classmethod
    def skipped(cls, gap: NonexistentWallTime) -> BadTime:
        refused = cls(
            _(
                "%(time)s does not exist on %(date)s: the clocks in %(zone)s go forward over it. "
                "The next time is %(next)s."
            )
            % {
                "time": time_format(gap.at, "H:i"),
                "date": date_format(gap.on, "j F Y"),
                "zone": gap.zone,
                "next": time_format(gap.next_valid, "H:i"),
            }
        )
        refused.gap = gap
        return refused


def _taken(other: Booking | None) -> str:
    if other is None:
        return _("Another booking took this time just now. Try again.")
    return _("“%(title)s” has %(resource)s %(when)s. Choose another time or resource.") % {
        "title": other.title,
        "resource": other.resource,
        "when": in_words(other.span),
    }


def in_words(span: Span) -> str:
    """The span as people say it, in its own zone."""
    first = date_format(span.starts_on, "j F Y")
    if span.all_day:
        last = date_format(span.last_day, "j F Y")
        if span.last_day == span.starts_on:
            return _("all day on %(day)s") % {"day": first}
        return _("from %(first)s to %(last)s, all day") % {"first": first, "last": last}
    start, end = (time_format(time, "H:i") for time in (span.starts_time, span.ends_time))
    if span.ends_on == span.starts_on:
        return _("on %(day)s from %(start)s to %(end)s") % {
            "day": first,
            "start": start,
            "end": end,
        }
    return _("from %(first)s, %(start)s to %(last)s, %(end)s") % {
        "first": first,
        "start": start,
        "last": date_format(span.ends_on, "j F Y"),
        "end": end,
    }


def briefly(span: Span) -> str:
    """The same, for a column of a table."""
    first, last = (date_format(day, "j M Y") for day in (span.starts_on, span.ends_on))
    if span.all_day:
        last = date_format(span.last_day, "j M Y")
        days = first if first == last else f"{first} – {last}"
        return _("%(days)s, all day") % {"days": days}
    start, end = (time_format(time, "H:i") for time in (span.starts_time, span.ends_time))
    if first == last:
        return f"{first}, {start}–{end}"
    return f"{first}, {start} – {last}, {end}"
