"""From what a calendar answers to rows of the mirror. Makes no requests."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from apps.bookings.models import Booking
from apps.exchange.calendar import CalendarEvent, EventKey, Item, ShowAs
from apps.sync.fingerprint import fingerprint
from apps.sync.mapping import Kept, masked, stamped_booking, storable
from apps.sync.models import EventLink, RemoteEvent
from apps.sync.privacy import hide

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from apps.sync.session import Session

FIELDS = (
    "wire_id", "uid", "change_key", "starts_at", "ends_at", "is_all_day", "show_as",
    "is_cancelled", "is_declined", "is_private", "subject", "organizer", "organizer_email",
    "is_invitation", "has_attendees", "stamped_booking", "attempt_id", "remote_created_at",
    "fingerprint", "last_seen_run", "gone_at", "problem", "problem_count", "read_again_at",
)  # fmt: skip
# The first wait for what could not be read; doubled each time, a day at most.
READ_AGAIN_AFTER = dt.timedelta(minutes=5)
LONGEST_WAIT = dt.timedelta(days=1)


def rows_of(session: Session, item_ids: Collection[str]) -> dict[str, dict[EventKey, RemoteEvent]]:
    """The rows of these items, by item and key."""
    rows: dict[str, dict[EventKey, RemoteEvent]] = defaultdict(dict)
    for row in RemoteEvent.objects.filter(calendar=session.calendar, item_id__in=item_ids):
        rows[row.item_id][row.key] = row
    return rows


def masters_of(session: Session, wire_ids: Collection[str]) -> set[str]:
    """The series whose occurrences are known under these ids of their own."""
    if not wire_ids:
        return set()
    rows = RemoteEvent.objects.filter(calendar=session.calendar, wire_id__in=wire_ids)
    return set(rows.exclude(original_start="").values_list("item_id", flat=True))


def vanished(session: Session, item: Item, rows: Iterable[RemoteEvent]) -> list[RemoteEvent]:
    """Rows of an item that it no longer has, though the window would show them."""
    seen = {event.key for event in item.events}
    return [
        row
        for row in rows
        if row.key not in seen
        and (
            # A single lies anywhere; an occurrence is told only within the window.
            not row.original_start
            or session.window.overlaps(row.starts_at, row.ends_at)
            or _starts_within(session, row.original_start)
        )
    ]


@transaction.atomic
def store(session: Session, items: Iterable[Item], *, is_untold: bool = False) -> None:
    """Put what was read in the place of what was known of these items.

    `is_untold`: it was seen beside the changes, which will tell of what is new in it.
    """
    items = list(items)
    known = rows_of(session, [item.item_id for item in items])
    linked = _by_links(session, [item.item_id for item in items])
    ours = _our_attempts(session, items)
    new: dict[EventKey, RemoteEvent] = {}
    changed: dict[EventKey, RemoteEvent] = {}
    hidden: list[RemoteEvent] = []
    for item in items:
        rows = known[item.item_id]
        if item.problem:
            for unread in _problem_rows(session, item, rows):
                (changed if unread.pk else new)[unread.key] = unread
        for event in item.events:
            row = rows.get(event.key)
            if row is None and (
                not _belongs(session, event, linked)
                # Who wrote it shows when it is read whole: by its id, or as a change.
                or _is_doubtful(session, event, linked)
            ):
                continue
            target = new if row is None else changed
            if row is None:
                row = _new_row(session, event.key, linked)
                row.is_untold = is_untold and not rows
            before = (row.is_private, *_telling(row))
            _fill(session, row, event, is_ours=_is_ours(session, event, row, linked, ours))
            target[row.key] = row
            if (row.is_private, *_telling(row)) != before:
                hidden.append(row)
        if not item.problem and item.events:
            # What stood for the item while it could not be read.
            _drop_placeholder(rows, item)
    RemoteEvent.objects.bulk_create(new.values(), batch_size=500)
    RemoteEvent.objects.bulk_update(changed.values(), FIELDS, batch_size=500)
    hide(session, [row for row in hidden if row.is_private or session.kept is not Kept.SUBJECT])


def doubtful(session: Session, items: Iterable[Item]) -> set[str]:
    """Items to be read by their ids: they have our stamp, and the list left out whose they are."""
    items = list(items)
    item_ids = [item.item_id for item in items]
    known, linked = rows_of(session, item_ids), linked_keys(session, item_ids)
    return {
        item.item_id
        for item in items
        for event in item.events
        if event.key not in known[item.item_id] and _is_doubtful(session, event, linked)
    }


def untold(session: Session) -> set[str]:
    """Items that were seen beside the changes, and that no page of changes has told of yet.

    A server tells of what was removed only if it has told of its being there. So what came and went
    between two pages shows by the silence about it.
    """
    rows = RemoteEvent.objects.filter(calendar=session.calendar, is_untold=True)
    return set(rows.values_list("item_id", flat=True))


def are_told(session: Session, item_ids: Collection[str]) -> None:
    rows = RemoteEvent.objects.filter(calendar=session.calendar, item_id__in=item_ids)
    rows.filter(is_untold=True).update(is_untold=False)


def set_aside(session: Session, key: EventKey, words: str) -> None:
    """Let an event that cannot be stored as a booking decide nothing until it is read again."""
    row = RemoteEvent.objects.filter(
        calendar=session.calendar, item_id=key.item_id, original_start=key.original_start
    ).first()
    if row is not None:
        _set_aside(session, row, words)
        row.save(update_fields=["problem", "problem_count", "read_again_at"])


def mark_gone(session: Session, rows: Iterable[RemoteEvent]) -> None:
    """Verified: keep what a link needs to know, drop the rest."""
    rows = list(rows)
    linked = linked_keys(session, [row.item_id for row in rows])
    keep = [row for row in rows if row.key in linked]
    for row in keep:
        row.gone_at = session.began_at
        row.problem = ""
        row.read_again_at = None
    RemoteEvent.objects.bulk_create([row for row in keep if not row.pk])
    RemoteEvent.objects.bulk_update([row for row in keep if row.pk], FIELDS, batch_size=500)
    dropped = [row.pk for row in rows if row.key not in linked]
    RemoteEvent.objects.filter(pk__in=dropped).delete()


def rows_for_links(session: Session, item_ids: Collection[str]) -> dict[str, list[RemoteEvent]]:
    """Rows, not stored yet, for live links whose event the mirror does not know; by item."""
    links = EventLink.objects.filter(
        calendar=session.calendar, state=EventLink.State.LIVE, item_id__in=item_ids
    ).select_related("booking")
    known = rows_of(session, item_ids)
    rows: dict[str, list[RemoteEvent]] = defaultdict(list)
    for link in links:
        if link.key not in known[link.item_id]:
            rows[link.item_id].append(
                RemoteEvent(
                    calendar=session.calendar,
                    item_id=link.item_id,
                    original_start=link.original_start,
                    uid=link.uid,
                    starts_at=link.booking.starts_at,
                    ends_at=link.booking.ends_at,
                    show_as=ShowAs.UNKNOWN.value,
                )
            )
    return rows


def linked_keys(session: Session, item_ids: Collection[str]) -> set[EventKey]:
    """The keys among these items that a live link names."""
    return set(_by_links(session, item_ids))


def tidy(session: Session) -> None:
    """Drop what no link names and the window no longer shows."""
    outside = Q(ends_at__lte=session.window.starts_at) | Q(starts_at__gte=session.window.ends_at)
    rows = RemoteEvent.objects.filter(outside | Q(gone_at__isnull=False), calendar=session.calendar)
    linked = linked_keys(session, list(rows.values_list("item_id", flat=True)))
    drop = [row.pk for row in rows if row.key not in linked and not row.problem]
    RemoteEvent.objects.filter(pk__in=drop).delete()


@dataclass(frozen=True, slots=True)
class _Linked:
    """What a live link knows of its event."""

    uid: str
    attempt_id: str
    is_ours: bool


def _by_links(session: Session, item_ids: Collection[str]) -> dict[EventKey, _Linked]:
    """By the key that the link names."""
    links = EventLink.objects.filter(
        calendar=session.calendar, state=EventLink.State.LIVE, item_id__in=item_ids
    ).values_list("item_id", "original_start", "uid", "attempt_id", "booking__origin")
    return {
        EventKey(item_id, start): _Linked(uid, attempt, origin == Booking.Origin.OPTIXSYNC)
        for item_id, start, uid, attempt, origin in links
    }


def _our_attempts(session: Session, items: Iterable[Item]) -> set[tuple[str, str]]:
    """Attempt id and booking of the stamped events among these that are ours, and no copies."""
    named = {
        event.attempt_id
        for item in items
        for event in item.events
        if event.attempt_id and _named(session, event)
    }
    if not named:
        return set()
    links = EventLink.objects.filter(calendar=session.calendar, attempt_id__in=named)
    return {
        (attempt, str(key)) for attempt, key in links.values_list("attempt_id", "booking__uuid")
    }


def _is_ours(
    session: Session,
    event: CalendarEvent,
    row: RemoteEvent,
    linked: dict[EventKey, _Linked],
    ours: set[tuple[str, str]],
) -> bool:
    """Whether the words of an event are our own; somebody's copy of it is not ours."""
    if event.key in linked:
        return linked[event.key].is_ours
    return (event.attempt_id or row.attempt_id, _named(session, event)) in ours


def _new_row(session: Session, key: EventKey, linked: dict[EventKey, _Linked]) -> RemoteEvent:
    row = RemoteEvent(
        calendar=session.calendar, item_id=key.item_id, original_start=key.original_start
    )
    if key in linked:
        row.uid, row.attempt_id = linked[key].uid, linked[key].attempt_id
    return row


def _telling(row: RemoteEvent) -> tuple[str, str, str]:
    return row.subject, row.organizer, row.organizer_email


def _belongs(session: Session, event: CalendarEvent, linked: Collection[EventKey]) -> bool:
    return event.key in linked or session.window.overlaps(event.starts_at, event.ends_at)


def _starts_within(session: Session, original_start: str) -> bool:
    start = dt.datetime.fromisoformat(original_start)
    if start.tzinfo is None:
        start = start.replace(tzinfo=dt.UTC)
    return session.window.starts_at <= start < session.window.ends_at


def _is_doubtful(session: Session, event: CalendarEvent, linked: Collection[EventKey]) -> bool:
    """Whether a new event may be ours or a copy: stamp and attempt must agree, and one is left out."""
    is_whole = event.uid or event.attempt_id or event.key in linked
    return not is_whole and bool(_named(session, event))


def _named(session: Session, event: CalendarEvent) -> str:
    resource = session.calendar.resource.uuid
    return stamped_booking(event.stamp, session.installation, resource)


def _fill(session: Session, row: RemoteEvent, event: CalendarEvent, *, is_ours: bool) -> None:
    named = _named(session, event)
    if named:
        row.stamped_booking = _uuid(named)
    row.attempt_id = storable(event.attempt_id) or row.attempt_id
    if row.change_key != event.change_key:
        # A version that was not tried yet: whatever was wrong with the last may be mended.
        row.problem_count = 0
    kept = masked(_completed(event, row), session.kept, is_ours=is_ours)
    for name in ("uid", "change_key", "starts_at", "ends_at", "is_all_day", "is_cancelled",
                 "is_declined", "is_private", "is_invitation", "has_attendees",
                 "wire_id"):  # fmt: skip
        setattr(row, name, getattr(kept, name))
    row.subject = kept.subject[:255]
    row.organizer = kept.organizer[:255]
    row.organizer_email = kept.organizer_email[:320]
    row.show_as = ShowAs(kept.show_as).value
    row.remote_created_at = kept.created_at
    row.fingerprint = fingerprint(kept)
    row.last_seen_run = session.run.pk
    row.gone_at = None
    row.problem = ""
    row.read_again_at = None


def _completed(event: CalendarEvent, row: RemoteEvent) -> CalendarEvent:
    """The event with what lists leave out, as far as it is known; before anything is masked."""
    is_same_person = event.organizer == row.organizer
    return replace(
        event,
        uid=event.uid or row.uid,
        organizer_email=event.organizer_email or (row.organizer_email if is_same_person else ""),
    )


def _problem_rows(
    session: Session, item: Item, rows: dict[EventKey, RemoteEvent]
) -> list[RemoteEvent]:
    found = list(rows.values()) or [
        RemoteEvent(
            calendar=session.calendar,
            item_id=item.item_id,
            starts_at=session.began_at,
            ends_at=session.began_at,
            show_as=ShowAs.UNKNOWN.value,
        )
    ]
    for row in found:
        if row.last_seen_run == session.run.pk:
            # Told again by another part of the window: that is not another try.
            continue
        _set_aside(session, row, item.problem)
        row.last_seen_run = session.run.pk
    return found


def _set_aside(session: Session, row: RemoteEvent, words: str) -> None:
    wait = min(READ_AGAIN_AFTER * 2**row.problem_count, LONGEST_WAIT)
    row.problem = words
    row.problem_count = min(row.problem_count + 1, 12)
    row.read_again_at = session.began_at + wait


def _drop_placeholder(rows: dict[EventKey, RemoteEvent], item: Item) -> None:
    key = EventKey(item.item_id)
    row = rows.get(key)
    if row is not None and row.problem and key not in {event.key for event in item.events}:
        row.delete()


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
