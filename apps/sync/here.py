"""Operations on our side: bookings and links. Each runs in a transaction that the lease fences."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.bookings import from_exchange
from apps.bookings.errors import Overlap
from apps.bookings.history import facts
from apps.bookings.models import Booking
from apps.sync.fingerprint import rest_part, time_part
from apps.sync.mapping import Kept, title
from apps.sync.mirror import rows_of
from apps.sync.models import EventLink, RemoteEvent
from apps.sync.privacy import erase, without_telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.sync import operations as op
    from apps.sync.facts import Remote
    from apps.sync.session import Session

State = EventLink.State
Facts = dict[str, Any]


def create(operations: Sequence[op.CreateLocal], session: Session) -> list[Facts]:
    """Book what is in Exchange, all of it or nothing, and link each."""
    keys = [operation.remote.key for operation in operations]
    rows = rows_of(session, {key.item_id for key in keys})
    told = [rows[key.item_id][key] for key in keys]
    bookings = from_exchange.book(session.calendar.resource, [_taken(row, session) for row in told])
    EventLink.objects.bulk_create(
        _link(session, booking, operation.remote)
        for booking, operation in zip(bookings, operations, strict=True)
    )
    return [
        {"booking_id": booking.pk, "before": {}, "after": facts(booking)} for booking in bookings
    ]


def _taken(row: RemoteEvent, session: Session) -> from_exchange.Taken:
    return from_exchange.Taken(
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        is_all_day=row.is_all_day,
        title=title(row.subject, row.organizer),
        **_person(row, session),
    )


def take_time(operation: op.TakeTime, session: Session) -> Facts:
    remote = operation.remote
    changed = _change(operation.booking_id, operation.revision, remote, {})
    link = EventLink.objects.get(pk=operation.link_id)
    agreed = remote.fingerprint
    if not operation.accepts:
        # The other fields are still as was agreed before; the next plan looks at them.
        rest = rest_part(link.remote_fingerprint)
        agreed = f"{time_part(remote.fingerprint)}.{rest}"
    _agree(operation.link_id, _revision(operation.booking_id), agreed)
    return changed


def update(operation: op.UpdateLocal, session: Session) -> Facts:
    remote = operation.remote
    row = _row(session, remote)
    booking = Booking.objects.get(pk=operation.booking_id)
    details: dict[str, str] = {}
    if not booking.is_ours:
        details = {"title": title(row.subject, row.organizer), **_person(row, session)}
    changed = _change(operation.booking_id, operation.revision, remote, details)
    _agree(operation.link_id, _revision(operation.booking_id), remote.fingerprint)
    EventLink.objects.filter(pk=operation.link_id).update(decision="", held="", held_at=None)
    if not booking.is_ours and (row.is_private or session.kept is not Kept.SUBJECT):
        erase(booking.pk)
        changed = {**changed, "before": without_telling(changed["before"])}
    return changed


def release(operation: op.ReleaseLocal) -> Facts:
    booking, before = _booking(operation.booking_id)
    after = from_exchange.release(booking=booking, revision=operation.revision)
    _agree(operation.link_id, after.revision, operation.remote.fingerprint)
    return _told(before, after)


def cancel(operation: op.CancelLocal) -> Facts:
    booking, before = _booking(operation.booking_id)
    reason = _("Gone in Exchange") if operation.is_loss else _("Given up for Exchange")
    after = from_exchange.cancel(booking=booking, revision=operation.revision, reason=reason)
    if operation.link_id is not None:
        _forget(operation.link_id)
    return _told(before, after)


def cancel_as_staff(operation: op.CancelAsStaff) -> Facts:
    booking, before = _booking(operation.booking_id)
    after = from_exchange.cancel(
        booking=booking,
        revision=operation.revision,
        reason=_("Decided in a conflict"),
        by=Booking.CancelledBy.STAFF,
    )
    return _told(before, after)


def take_over(operation: op.TakeOver) -> Facts:
    booking, before = _booking(operation.booking_id)
    try:
        after = from_exchange.take_over(booking=booking, revision=operation.revision)
    except Overlap:
        booking, _before = _booking(operation.booking_id)
        after = from_exchange.take_over(
            booking=booking, revision=operation.revision, is_clashing=True
        )
    _forget(operation.link_id)
    return _told(before, after)


def clear_clash(operation: op.ClearClash) -> Facts:
    booking, before = _booking(operation.booking_id)
    after = from_exchange.clear_clash(booking=booking, revision=operation.revision)
    return _told(before, after)


def adopt(operation: op.Adopt, session: Session) -> Facts:
    remote = operation.remote
    booking = Booking.objects.get(pk=operation.booking_id)
    link = EventLink.objects.filter(pk=operation.link_id or 0).first()
    if link is None:
        link = EventLink(calendar=session.calendar, booking=booking)
    if not rest_part(link.remote_fingerprint):
        # If it lies where we sent it, the rest is ours too; otherwise somebody moved it since.
        sent = time_part(link.remote_fingerprint) or time_part(remote.fingerprint)
        link.remote_fingerprint = f"{sent}.{rest_part(remote.fingerprint)}"
    link.state = State.LIVE
    link.item_id, link.original_start = remote.key.item_id, remote.key.original_start
    link.uid = remote.uid or link.uid
    link.attempted_at = None
    link.mailbox_key = link.id_wire = ""
    link.save()
    return {"before": {}, "after": facts(booking)}


def relink(operation: op.Relink) -> Facts:
    remote = operation.remote
    link = EventLink.objects.get(pk=operation.link_id)
    RemoteEvent.objects.filter(
        calendar=link.calendar_id, item_id=link.item_id, original_start=link.original_start
    ).delete()
    link.item_id, link.original_start = remote.key.item_id, remote.key.original_start
    link.uid = remote.uid or link.uid
    link.save(update_fields=["item_id", "original_start", "uid"])
    return {"booking_id": link.booking_id}


def agree(operation: op.Agree) -> Facts:
    _agree(operation.link_id, operation.revision, operation.fingerprint)
    return {}


def retire(operation: op.Retire) -> Facts:
    EventLink.objects.filter(pk=operation.link_id).update(
        state=State.RETIRED, held="", held_at=None, decision=""
    )
    return {}


def forget(operation: op.Forget) -> Facts:
    link = EventLink.objects.get(pk=operation.link_id)
    _forget(link.pk)
    return {"booking_id": link.booking_id}


def _change(booking_id: int, revision: int, remote: Remote, details: dict[str, str]) -> Facts:
    """Move a booking to where its event is; where that puts it on another of ours, say it clashes."""
    booking, before = _booking(booking_id)
    change = partial(
        from_exchange.change,
        booking=booking,
        revision=revision,
        starts_at=remote.starts_at,
        ends_at=remote.ends_at,
        is_all_day=remote.is_all_day,
        details=details,
    )
    try:
        after = change()
    except Overlap:
        after = change(is_clashing=True)
    return _told(before, after)


def _booking(booking_id: int) -> tuple[Booking, dict[str, str]]:
    booking = Booking.objects.select_related("resource__location").get(pk=booking_id)
    return booking, facts(booking)


def _told(before: dict[str, str], after: Booking) -> Facts:
    now = facts(after)
    names = [name for name in now if now[name] != before[name]]
    return {
        "booking_id": after.pk,
        "before": {name: before[name] for name in names},
        "after": {name: now[name] for name in names},
    }


def _revision(booking_id: int) -> int:
    return Booking.objects.values_list("revision", flat=True).get(pk=booking_id)


def _agree(link_id: int, revision: int, fingerprint: str) -> None:
    EventLink.objects.filter(pk=link_id).update(
        pushed_revision=revision, remote_fingerprint=fingerprint
    )


def _forget(link_id: int) -> None:
    """Drop the pair, and what the mirror kept of its event only because of it."""
    link = EventLink.objects.get(pk=link_id)
    EventLink.objects.filter(pk=link_id).update(
        state=State.FORGOTTEN, held="", held_at=None, decision=""
    )
    RemoteEvent.objects.filter(
        calendar=link.calendar_id,
        item_id=link.item_id,
        original_start=link.original_start,
        gone_at__isnull=False,
    ).delete()


def _link(session: Session, booking: Booking, remote: Remote) -> EventLink:
    return EventLink(
        calendar=session.calendar,
        booking=booking,
        state=State.LIVE,
        item_id=remote.key.item_id,
        original_start=remote.key.original_start,
        uid=remote.uid,
        pushed_revision=booking.revision,
        remote_fingerprint=remote.fingerprint,
    )


def _row(session: Session, remote: Remote) -> RemoteEvent:
    return RemoteEvent.objects.get(
        calendar=session.calendar,
        item_id=remote.key.item_id,
        original_start=remote.key.original_start,
    )


def _person(row: RemoteEvent, session: Session) -> dict[str, str]:
    """Who called it; of what was written straight into the calendar that is the room itself: nobody."""
    calendar = session.calendar
    email, name = row.organizer_email, row.organizer
    if email.lower() == calendar.email.lower() or (name and name == calendar.mailbox_name):
        return {"person": "", "person_email": ""}
    longest = Booking._meta.get_field("person_email").max_length or 0
    return {"person": name[:150], "person_email": email if len(email) <= longest else ""}
