"""Storing a booking that is held, with its history; an overlap is refused by name."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from psycopg.errors import ExclusionViolation

from apps.bookings.errors import Overlap
from apps.bookings.history import different, facts, record
from apps.bookings.models import Booking, BookingChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.tenants.models import User


def write(
    booking: Booking,
    action: BookingChange.Action,
    by: User | None,
    values: dict[str, Any],
    *,
    reason: str = "",
) -> Booking:
    """Store values in a booking that is held; nothing changed means nothing written."""
    before, resource_before = facts(booking), booking.resource_id
    if all(getattr(booking, name) == value for name, value in values.items()):
        return booking
    for name, value in values.items():
        setattr(booking, name, value)
    was, now = different(before, facts(booking))
    booking.revision += 1
    with overlap_named(booking), transaction.atomic():
        booking.save(update_fields=[*values, "revision", "updated_at"])
    record(booking, action, by, before=was, after=now, reason=reason, also=resource_before)
    return booking


@contextmanager
def overlap_named(booking: Booking) -> Iterator[None]:
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
        Booking.objects.guarded()
        .filter(resource=booking.resource_id)
        .overlapping(booking.starts_at, booking.ends_at)
        .exclude(pk=booking.pk)
        .select_related("resource")
        .first()
    )
