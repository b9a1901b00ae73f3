"""An event turned private: what was known of it before is erased, wherever it was written down."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from apps.bookings.models import BookingChange
from apps.sync.models import Conflict, SyncChange

# Facts that tell who, or what for.
TELLING = ("title", "person", "person_email", "notes", "subject")


def without_telling(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in TELLING}


def erase(booking_id: int) -> None:
    """Take title, person and earlier values out of every history. Run it in the flip's transaction."""
    for model in (BookingChange, SyncChange):
        for row in model.objects.filter(booking=booking_id):
            row.before, row.after = without_telling(row.before), without_telling(row.after)
            row.save(update_fields=["before", "after"])
    for conflict in Conflict.objects.filter(Q(booking=booking_id) | Q(other=booking_id)):
        conflict.ours = without_telling(conflict.ours)
        conflict.exchange = without_telling(conflict.exchange)
        conflict.save(update_fields=["ours", "exchange"])
