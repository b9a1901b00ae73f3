"""What a plan left open, as rows: conflicts that it found, losses that it holds back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.bookings.models import Booking
from apps.sync.facts import ConflictKind
from apps.sync.load import key_of
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent

if TYPE_CHECKING:
    from apps.sync.facts import ConflictKey
    from apps.sync.operations import Found, Plan
    from apps.sync.session import Session


@transaction.atomic
def remember(plan: Plan, session: Session) -> None:
    """Open what is new, close what is no longer found, keep the rest as it is."""
    session.lease.renew()
    _conflicts(plan, session)
    _held(plan, session)
    calendar = session.calendar
    if calendar.sends_held != plan.sends_held:
        calendar.sends_held = plan.sends_held
        CalendarLink.objects.filter(pk=calendar.pk).update(sends_held=plan.sends_held)


def _conflicts(plan: Plan, session: Session) -> None:
    rows = {key_of(row): row for row in Conflict.objects.open().filter(calendar=session.calendar)}
    found = {conflict.key: conflict for conflict in plan.conflicts}
    for key, conflict in found.items():
        row = rows.get(key)
        if row is None:
            _open(conflict, session).save(force_insert=True)
        elif row.versions != conflict.versions:
            # One side moved on: what was decided was about other versions.
            fresh = _open(conflict, session)
            row.ours, row.exchange, row.versions = fresh.ours, fresh.exchange, fresh.versions
            row.decision, row.decided_by, row.decided_at = "", None, None
            row.save()
    # A decision stays with its conflict as long as it holds: the planner no longer reports it.
    over = [row.pk for key, row in rows.items() if key not in found and not _is_kept(row, plan)]
    Conflict.objects.filter(pk__in=over).update(closed_at=session.clock())


def _is_kept(row: Conflict, plan: Plan) -> bool:
    return key_of(row) in plan.settled


def _open(conflict: Found, session: Session) -> Conflict:
    key: ConflictKey = conflict.key
    return Conflict(
        calendar=session.calendar,
        kind=key.kind.value,
        booking_id=key.booking_id,
        other_id=key.other_id,
        item_id=key.event.item_id,
        original_start=key.event.original_start,
        ours=_told_booking(key.booking_id),
        exchange=_told_booking(key.other_id) if key.other_id else _told_event(key, session),
        versions=conflict.versions,
        asks_person=session.calendar.is_first_sync and key.kind is ConflictKind.OVERLAP,
    )


def _told_booking(booking_id: int) -> dict[str, str]:
    booking = Booking.objects.get(pk=booking_id)
    return {"title": booking.title, "when": str(booking.span), "status": booking.status}


def _told_event(key: ConflictKey, session: Session) -> dict[str, str]:
    row = RemoteEvent.objects.filter(
        calendar=session.calendar,
        item_id=key.event.item_id,
        original_start=key.event.original_start,
    ).first()
    if row is None:
        return {}
    return {
        "title": row.subject,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "status": "gone" if row.gone_at else row.show_as,
    }


def _held(plan: Plan, session: Session) -> None:
    held = {item.link_id: item for item in plan.held}
    links = EventLink.objects.filter(calendar=session.calendar)
    # With what was decided about it, lest that be carried out when the same is lost another time.
    over = links.exclude(held="").exclude(pk__in={*held, *plan.decided, *plan.unclear})
    over.update(held="", held_at=None, decision="", decided_by=None)
    for link in links.filter(pk__in=held, held=""):
        is_loss = held[link.pk].is_loss
        link.held = EventLink.Held.LOSS if is_loss else EventLink.Held.DELETION
        link.held_at = session.clock()
        link.save(update_fields=["held", "held_at"])
