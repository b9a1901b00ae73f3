"""An event turned private: what was known of it before is erased, wherever it was written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q

from apps.bookings import from_exchange
from apps.bookings.models import BookingChange
from apps.sync.mapping import title
from apps.sync.models import Conflict, EventLink, SyncChange

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.db.models import QuerySet

    from apps.sync.models import RemoteEvent
    from apps.sync.session import Session

# Facts that tell who, or what for.
TELLING = ("title", "person", "person_email", "notes", "subject")


def without_telling(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in TELLING}


def hide(session: Session, rows: Collection[RemoteEvent]) -> None:
    """Keep no more of these events than their rows tell now. Run it in the transaction of the rows.

    Their bookings are called what the rows say, also where the table does nothing else with them;
    and what was told before, of them or in a conflict with them, is taken out of every history.
    """
    if not rows:
        return
    by_key = {(row.item_id, row.original_start): row for row in rows}
    by_uid = {(row.uid, row.original_start): row for row in rows if row.uid}
    items, uids = {row.item_id for row in rows}, {row.uid for row in rows if row.uid}
    links = EventLink.objects.filter(Q(item_id__in=items) | Q(uid__in=uids))
    for link in links.filter(calendar=session.calendar).select_related("booking"):
        row = by_key.get((link.item_id, link.original_start)) or by_uid.get(
            (link.uid, link.original_start)
        )
        if row is None:
            continue
        if link.booking.is_ours:
            # Its words are our own; what Exchange said in their place is not.
            _erase(SyncChange.objects.filter(booking=link.booking_id), ("subject",))
        else:
            from_exchange.rename(
                booking=link.booking,
                title=title(row.subject, row.organizer),
                person=row.organizer,
                person_email=row.organizer_email,
            )
            erase(link.booking_id)
    for conflict in Conflict.objects.filter(calendar=session.calendar, item_id__in=items):
        if (conflict.item_id, conflict.original_start) in by_key:
            conflict.exchange = without_telling(conflict.exchange)
            conflict.save(update_fields=["exchange"])


def erase(booking_id: int) -> None:
    """Take title, person and earlier values of a booking of Exchange's out of every history."""
    _erase(BookingChange.objects.filter(booking=booking_id), TELLING)
    _erase(SyncChange.objects.filter(booking=booking_id), TELLING)
    for conflict in Conflict.objects.filter(booking=booking_id):
        conflict.ours = without_telling(conflict.ours)
        conflict.save(update_fields=["ours"])


def _erase(rows: QuerySet[Any], names: Collection[str]) -> None:
    for row in rows:
        before, after = (
            {name: value for name, value in facts.items() if name not in names}
            for facts in (row.before, row.after)
        )
        if (before, after) != (row.before, row.after):
            row.before, row.after = before, after
            row.save(update_fields=["before", "after"])
