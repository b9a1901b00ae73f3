"""A resource moves to another time zone, and its bookings with it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.bookings.columns import TIMES, rezoned
from apps.bookings.errors import Overlap, in_words
from apps.bookings.history import announce, different, entry, facts
from apps.bookings.holding import held_resource
from apps.bookings.models import Booking, BookingChange
from apps.resources.models import Resource

if TYPE_CHECKING:
    from apps.bookings.walltime import Span
    from apps.tenants.models import User

# Rows in one statement.
BATCH = 500


@transaction.atomic
def rezone(*, resource: Resource, time_zone: str, by: User | None) -> None:
    """Move a resource to another time zone.

    Timed bookings keep their instants and are shown anew; our all-day ones keep their dates.

    Raises:
        Overlap: two bookings would meet. Nothing is changed.
    """
    held = held_resource(resource)
    Resource.objects.filter(pk=held.pk).update(time_zone=time_zone)
    bookings = list(
        Booking.objects.filter(resource=held)
        .exclude(time_zone=time_zone)
        .select_related("resource__location__tenant")
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    before = {booking.pk: booking.span for booking in bookings}
    changes = [_move_to_zone(booking, time_zone, by) for booking in bookings]
    with connection.cursor() as cursor:
        # Neighbours may meet on the way; what counts is where all of them end.
        cursor.execute("SET CONSTRAINTS booking_overlaps_no_other DEFERRED")
        Booking.objects.bulk_update(bookings, [*TIMES, "revision", "updated_at"], batch_size=BATCH)
        _refuse_meeting(held, time_zone, before)
        cursor.execute("SET CONSTRAINTS booking_overlaps_no_other IMMEDIATE")
    BookingChange.objects.bulk_create(changes, batch_size=BATCH)
    for booking in bookings:
        announce([booking], {held.pk})
    resource.time_zone = time_zone


def _move_to_zone(booking: Booking, time_zone: str, by: User | None) -> BookingChange:
    before = facts(booking)
    for name, value in rezoned(booking, time_zone).items():
        setattr(booking, name, value)
    booking.revision += 1
    booking.updated_at = timezone.now()
    return entry(booking, BookingChange.Action.CHANGED, by, *different(before, facts(booking)))


def _refuse_meeting(resource: Resource, time_zone: str, before: dict[int, Span]) -> None:
    """Name two bookings that overlap now, by their times as people know them."""
    ordered = Booking.objects.guarded().filter(resource=resource).order_by("starts_at", "pk")
    for first, second in pairwise(ordered):
        if second.starts_at >= first.ends_at:
            continue
        raise Overlap(
            second,
            _(
                "In %(zone)s, “%(first)s” (%(first_when)s) and “%(second)s” (%(second_when)s) "
                "would meet. Move or cancel one of them first."
            )
            % {
                "zone": time_zone,
                "first": first.title,
                "first_when": in_words(before.get(first.pk, first.span)),
                "second": second.title,
                "second_when": in_words(before.get(second.pk, second.span)),
            },
        )
