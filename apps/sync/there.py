"""Operations in the mailbox. We are the attendant for what we write: look before, and after.

Nobody at Exchange checks what is written straight into a calendar. So before a booking takes time
there, the range is read; and no create leaves before its link is committed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from apps.bookings.errors import StaleBooking
from apps.bookings.models import Booking
from apps.exchange.calendar import Content, EventKey, EventRef, Item, Window, pages
from apps.exchange.errors import (
    AttemptSpent,
    ExchangeError,
    NotFound,
    Rejected,
    StaleChangeKey,
    Unclear,
)
from apps.sync import mirror
from apps.sync import operations as op
from apps.sync.facts import RemoteState
from apps.sync.fingerprint import state_of, time_of
from apps.sync.mapping import stamp
from apps.sync.models import EventLink, RemoteEvent
from apps.sync.pull import verify
from apps.sync.session import Seen

if TYPE_CHECKING:
    from apps.sync.session import Session

State = EventLink.State
Facts = dict[str, Any]
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
# The first wait for an event that was refused; doubled each time, a day at most.
REFUSED_WAITS = dt.timedelta(minutes=5)
LONGEST_WAIT = dt.timedelta(days=1)
NOT_REFUSED: dict[str, Any] = {
    "refusals": 0, "refusal": "", "refused_revision": 0, "not_before": None,
}  # fmt: skip
# Two writes whose ranges lie within so much share the read between them, if it is not older.
NEAR = dt.timedelta(days=1)
SEEN_FOR = dt.timedelta(seconds=5)


def create(operation: op.CreateRemote, session: Session) -> Facts | None:
    content = operation.content
    if _is_occupied(session, content, operation.beside):
        return None
    booking = Booking.objects.select_related("resource").get(pk=operation.booking_id)
    link = _announce(operation, session, booking)
    session.lease.check_before_write()
    try:
        ref = session.port.create(
            content,
            stamp=stamp(session.installation, session.calendar.resource.uuid, booking.uuid),
            attempt_id=link.attempt_id,
        )
    except Unclear:
        # It may have been done, or may still be: the link says so until that is known.
        raise
    except ExchangeError as exc:
        # Unless somebody else has tried meanwhile.
        tried = EventLink.objects.filter(pk=link.pk, attempted_at=link.attempted_at)
        tried.update(attempted_at=None)
        if isinstance(exc, AttemptSpent):
            tried = EventLink.objects.filter(pk=link.pk, attempt_id=link.attempt_id)
            tried.update(attempt_id=str(uuid.uuid4()))
        raise
    with transaction.atomic():
        session.lease.commit()
        EventLink.objects.filter(pk=link.pk).update(
            state=State.LIVE,
            item_id=ref.key.item_id,
            original_start="",
            uid=link.attempt_id,
            attempted_at=None,
            **NOT_REFUSED,
        )
    _read_back(session, link.pk, ref, content, operation.revision)
    return {"after": _told(content)}


def update(operation: op.UpdateRemote, session: Session) -> Facts | None:
    content = operation.content
    if operation.parts.time and _is_occupied(session, content, operation.beside):
        return None
    _refuse_stale(operation.booking_id, operation.revision)
    session.lease.renew()
    row = _row(session, operation.ref.key)
    told = {} if row is None else _told_row(row)
    session.lease.check_before_write()
    try:
        ref = session.port.update(_as_of_now(operation, row), content, operation.parts)
    except (NotFound, StaleChangeKey):
        _look_again(session, operation.ref.key)
        raise
    with transaction.atomic():
        session.lease.commit()
        EventLink.objects.filter(pk=operation.link_id).update(
            restored_fingerprint=operation.restores
        )
    if not _read_back(
        session,
        operation.link_id,
        ref,
        content,
        operation.revision,
        has_time=operation.parts.time,
    ):
        raise Rejected(
            _("Exchange said that it moved this event, and shows it at another time."),
            fix=_("Move it in Outlook, or change the booking here."),
        )
    return {"before": told, "after": _told(content)}


def remove(operation: op.RemoveRemote, session: Session) -> Facts:
    _refuse_stale(operation.booking_id, operation.revision)
    session.lease.renew()
    ref = _as_of_now(operation, _row(session, operation.ref.key))
    link = EventLink.objects.filter(pk=operation.link_id)
    with transaction.atomic():
        # Should the booking be restored, and this take effect after that: it was no person's will.
        session.lease.commit()
        link.update(removal_at=session.clock())
    session.lease.check_before_write()
    try:
        if operation.declines:
            session.port.decline(ref)
        else:
            session.port.delete(ref)
    except Unclear:
        raise
    except ExchangeError as exc:
        link.update(removal_at=None)
        if isinstance(exc, NotFound | StaleChangeKey):
            _look_again(session, ref.key)
        raise
    with transaction.atomic():
        session.lease.commit()
        link.update(state=State.FORGOTTEN, held="", held_at=None, decision="")
        _drop_row(session, ref.key)
    _read_master(session, ref.key)
    return {"after": {"removed": "declined" if operation.declines else "deleted"}}


def remove_twin(operation: op.RemoveTwin, session: Session) -> Facts:
    session.lease.renew()
    session.lease.check_before_write()
    try:
        session.port.delete(operation.ref)
    except NotFound:
        _look_again(session, operation.ref.key)
        raise
    with transaction.atomic():
        session.lease.commit()
        # Where the linked one was given up for the other, its link finds that one by the stamp, and
        # still knows what was agreed: where the other lies elsewhere, the booking follows.
        EventLink.objects.filter(
            calendar=session.calendar,
            state=State.LIVE,
            item_id=operation.ref.key.item_id,
            original_start=operation.ref.key.original_start,
        ).update(state=State.CREATING, item_id="", original_start="")
        _drop_row(session, operation.ref.key)
    return {"after": {"removed": "deleted"}}


def back_off(operation: op.RemoteOperation, session: Session, words: str) -> None:
    """This event was refused: leave it alone for a while, longer each time it is refused again.

    Another version of the booking is tried at once.
    """
    if isinstance(operation, op.RemoveTwin):
        return
    with transaction.atomic():
        session.lease.commit()
        links = EventLink.objects.current().filter(calendar=session.calendar)
        link = links.filter(booking=operation.booking_id).first()
        if link is None and isinstance(operation, op.CreateRemote):
            link = _new_link(operation, session)
        if link is None:
            return
        if link.refused_revision != operation.revision:
            link.refusals = 0
        wait = min(REFUSED_WAITS * 2**link.refusals, LONGEST_WAIT)
        link.refusals = min(link.refusals + 1, 12)
        link.refusal = words
        link.refused_revision = operation.revision
        link.not_before = session.clock() + wait
        link.save()


def _new_link(operation: op.CreateRemote, session: Session) -> EventLink:
    return EventLink(
        calendar=session.calendar,
        booking_id=operation.booking_id,
        state=State.CREATING,
        attempt_id=str(uuid.uuid4()),
    )


def _announce(operation: op.CreateRemote, session: Session, booking: Booking) -> EventLink:
    """Commit that a create is about to leave: no reply, lost or late, makes a second event."""
    content = operation.content
    with transaction.atomic():
        session.lease.commit()
        _refuse_stale(operation.booking_id, operation.revision)
        link = EventLink.objects.filter(pk=operation.link_id or 0).first()
        link = link or _new_link(operation, session)
        link.booking = booking
        link.state = State.CREATING
        link.attempted_at = session.clock()
        link.pushed_revision = operation.revision
        # The time that we send; what the rest becomes is known when it is read back.
        link.remote_fingerprint = f"{time_of(content)}."
        link.save()
    return link


def _refuse_stale(booking_id: int, revision: int) -> None:
    booking = Booking.objects.get(pk=booking_id)
    if booking.revision != revision:
        raise StaleBooking(booking)


def _is_occupied(session: Session, content: Content, beside: tuple[EventKey, ...]) -> bool:
    """Whether something that is not ours blocks a part of the range, as it is this moment.

    Raises:
        Rejected: it cannot be told, since something there cannot be read.
    """
    wanted = Window(content.starts_at, content.ends_at)
    items = _just_seen(session, wanted)
    if items is None:
        items = _view(session, wanted)
        mirror.store(session, items, is_untold=True)
    ours = _our_keys(session, [item.item_id for item in items]) | set(beside)
    states = {
        state_of(event)
        for item in items
        for event in item.events
        if event.key not in ours and wanted.overlaps(event.starts_at, event.ends_at)
    }
    if RemoteState.BLOCKS in states:
        return True
    known = {key.item_id for key in ours}
    if RemoteState.UNREADABLE in states or any(
        item.problem and item.item_id not in known for item in items
    ):
        raise Rejected(
            _("An event at this time cannot be read, so nobody knows whether the time is free."),
            fix=_("Open the event in Outlook and save it again, or choose another time."),
        )
    return False


def _just_seen(session: Session, wanted: Window) -> list[Item] | None:
    """What the read after the write right before this one showed, if it covers this range too."""
    seen, session.seen = session.seen, None
    if seen is None or session.clock() - seen.at > SEEN_FOR:
        return None
    if any(item.problem for item in seen.items):
        # Where it lies is not known: in this range, perhaps, or only beside it.
        return None
    covers = seen.range.starts_at <= wanted.starts_at and wanted.ends_at <= seen.range.ends_at
    return list(seen.items) if covers else None


def _our_keys(session: Session, item_ids: list[str]) -> set[EventKey]:
    """Those that a live link of a booking of ours names."""
    links = EventLink.objects.filter(
        calendar=session.calendar,
        state=State.LIVE,
        booking__origin=Booking.Origin.OPTIXSYNC,
        item_id__in=item_ids,
    )
    return {EventKey(*key) for key in links.values_list("item_id", "original_start")}


def _read_back(
    session: Session,
    link_id: int,
    ref: EventRef,
    content: Content,
    revision: int,
    *,
    has_time: bool = True,
) -> bool:
    """Read the range again, and remember the event as it is now as what was agreed.

    False: nobody else has changed it, and it lies at another time than the one that was written.
    That is no agreement.
    """
    window = _with_next(session, content)
    items = _view(session, window)
    session.seen = Seen(window, tuple(items), session.clock())
    if ref.key.original_start or ref.key not in {e.key for item in items for e in item.events}:
        try:
            items.append(session.port.read(ref.key.item_id, session.window))
        except NotFound:
            # Somebody was quick: what was written is gone again.
            _look_again(session, ref.key)
    with transaction.atomic():
        session.lease.commit()
        mirror.store(session, items, is_untold=True)
        row = _row(session, ref.key)
        if row is None or row.change_key != ref.change_key:
            return True
        if has_time and not _lies_there(row, content):
            return False
        EventLink.objects.filter(pk=link_id).update(
            pushed_revision=revision,
            remote_fingerprint=row.fingerprint,
            uid=row.uid or F("uid"),
            **NOT_REFUSED,
        )
    return True


def _lies_there(row: RemoteEvent, content: Content) -> bool:
    """Whether an event lies where it was written, but for what a server may make of that.

    The days of an all-day event may become those of its own zone; a moment may lose its seconds.
    """
    most = DAY if content.is_all_day else MINUTE
    begins, ends = row.starts_at - content.starts_at, row.ends_at - content.ends_at
    return abs(begins) < most and abs(ends) < most


def _with_next(session: Session, content: Content) -> Window:
    """The range of a write; where the next write is near, its range too: they share a read."""
    window, following = Window(content.starts_at, content.ends_at), session.next_range
    if following is None:
        return window
    both = Window(
        min(window.starts_at, following.starts_at), max(window.ends_at, following.ends_at)
    )
    return both if both.ends_at - both.starts_at <= NEAR else window


def _view(session: Session, window: Window) -> list[Item]:
    session.lease.renew()
    found: list[Item] = []
    for page in pages(session.port.view, window):
        found += [Item(event.key.item_id, (event,)) for event in page.events]
        found += [Item(item_id, problem=words) for item_id, words in page.problems]
    return found


def _look_again(session: Session, key: EventKey) -> None:
    """The event is not there any more, or another one: let the mirror say so, as a pull would."""
    found = verify(session, {key.item_id})
    with transaction.atomic():
        session.lease.commit()
        found.store(session)


def _read_master(session: Session, key: EventKey) -> None:
    """All occurrences of a series have its master's change key, which a write has changed."""
    if key.original_start:
        try:
            item = session.port.read(key.item_id, session.window)
        except NotFound:
            _look_again(session, key)
            return
        with transaction.atomic():
            session.lease.commit()
            mirror.store(session, [item], is_untold=True)


def _row(session: Session, key: EventKey) -> RemoteEvent | None:
    return RemoteEvent.objects.filter(
        calendar=session.calendar, item_id=key.item_id, original_start=key.original_start
    ).first()


def _as_of_now(operation: op.UpdateRemote | op.RemoveRemote, row: RemoteEvent | None) -> EventRef:
    """The event under its present change key, if it still is as it was planned with.

    A write of ours to another occurrence changes the keys of the whole series.
    """
    if row is None or row.problem or row.gone_at or row.fingerprint != operation.seen:
        return operation.ref
    return EventRef(row.key, row.change_key, row.wire_id)


def _drop_row(session: Session, key: EventKey) -> None:
    RemoteEvent.objects.filter(
        calendar=session.calendar, item_id=key.item_id, original_start=key.original_start
    ).delete()


def _told(content: Content) -> dict[str, str]:
    return {
        "subject": content.subject,
        "starts_at": content.starts_at.isoformat(),
        "ends_at": content.ends_at.isoformat(),
    }


def _told_row(row: RemoteEvent) -> dict[str, str]:
    return {
        "subject": row.subject,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
    }
