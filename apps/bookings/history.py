"""What history tells of a booking, and who hears of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from apps.bookings.models import Booking, BookingChange
from apps.bookings.signals import booking_changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.tenants.models import User

# What people write; everything else follows from it or from what is done.
DETAILS = ("title", "person", "person_email", "notes")


def record(
    booking: Booking,
    action: BookingChange.Action,
    by: User | None,
    *,
    before: dict[str, str],
    after: dict[str, str],
    reason: str = "",
    also: int | None = None,
) -> None:
    entry(booking, action, by, before, after, reason).save(force_insert=True)
    announce([booking], {booking.resource_id, also or booking.resource_id})


def entry(
    booking: Booking,
    action: BookingChange.Action,
    by: User | None,
    before: dict[str, str],
    after: dict[str, str],
    reason: str = "",
) -> BookingChange:
    return BookingChange(
        booking=booking,
        action=action,
        by=by,
        revision=booking.revision,
        before=before,
        after=after,
        reason=reason,
    )


def announce(bookings: Sequence[Booking], resource_ids: set[int]) -> None:
    transaction.on_commit(
        partial(
            booking_changed.send,
            sender=Booking,
            booking_ids=[booking.pk for booking in bookings],
            resource_ids=sorted(resource_ids),
        )
    )


def facts(booking: Booking) -> dict[str, str]:
    """What history tells of a booking, as text in a stable form."""
    return {
        **{name: getattr(booking, name) for name in DETAILS},
        "resource": booking.resource.name,
        # Two locations may have a resource of the same name.
        "location": booking.resource.location.name,
        "when": str(booking.span),
        "time_zone": booking.time_zone,
        "status": booking.status,
        "cancel_reason": booking.cancel_reason,
    }


def different(
    before: dict[str, str], after: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    names = [name for name in after if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}
