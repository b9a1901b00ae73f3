"""From what a calendar answers to rows of the mirror. Makes no requests."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING

from django.db.models import Q

from apps.exchange.calendar import CalendarEvent, EventKey, Item, ShowAs
from apps.sync.fingerprint import fingerprint
from apps.sync.mapping import masked, stamped_booking
from apps.sync.models import EventLink, RemoteEvent

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


def store(session: Session, items: Iterable[Item]) -> None:
    """Put what was read in the place of what was known of these items."""
    items = list(items)
    known = rows_of(session, [item.item_id for item in items])
    linked = linked_keys(session, [item.item_id for item in items])
    new: dict[EventKey, RemoteEvent] = {}
    changed: dict[EventKey, RemoteEvent] = {}
    for item in items:
        rows = known[item.item_id]
        if item.problem:
            for unread in _problem_rows(session, item, rows):
                (changed if unread.pk else new)[unread.key] = unread
        for event in item.events:
            row = rows.get(event.key)
            if row is None and not _belongs(session, event, linked):
                continue
            target = new if row is None else changed
            row = row or RemoteEvent(
                calendar=session.calendar,
                item_id=event.key.item_id,
                original_start=event.key.original_start,
            )
            _fill(session, row, event)
            target[row.key] = row
        if not item.problem and item.events:
            # What stood for the item while it could not be read.
            _drop_placeholder(rows, item)
    RemoteEvent.objects.bulk_create(new.values(), batch_size=500)
    RemoteEvent.objects.bulk_update(changed.values(), FIELDS, batch_size=500)


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


def rows_for_links(session: Session, item_id: str) -> list[RemoteEvent]:
    """Rows, not stored yet, for live links whose event the mirror does not know."""
    links = EventLink.objects.filter(
        calendar=session.calendar, state=EventLink.State.LIVE, item_id=item_id
    ).select_related("booking")
    return [
        RemoteEvent(
            calendar=session.calendar,
            item_id=link.item_id,
            original_start=link.original_start,
            uid=link.uid,
            starts_at=link.booking.starts_at,
            ends_at=link.booking.ends_at,
            show_as=ShowAs.UNKNOWN.value,
        )
        for link in links
    ]


def linked_keys(session: Session, item_ids: Collection[str]) -> set[EventKey]:
    """The keys among these items that a live link names."""
    links = EventLink.objects.filter(
        calendar=session.calendar, state=EventLink.State.LIVE, item_id__in=item_ids
    )
    return {EventKey(*key) for key in links.values_list("item_id", "original_start")}


def tidy(session: Session) -> None:
    """Drop what no link names and the window no longer shows."""
    outside = Q(ends_at__lte=session.window.starts_at) | Q(starts_at__gte=session.window.ends_at)
    rows = RemoteEvent.objects.filter(outside | Q(gone_at__isnull=False), calendar=session.calendar)
    linked = linked_keys(session, list(rows.values_list("item_id", flat=True)))
    drop = [row.pk for row in rows if row.key not in linked and not row.problem]
    RemoteEvent.objects.filter(pk__in=drop).delete()


def _belongs(session: Session, event: CalendarEvent, linked: set[EventKey]) -> bool:
    return event.key in linked or session.window.overlaps(event.starts_at, event.ends_at)


def _starts_within(session: Session, original_start: str) -> bool:
    start = dt.datetime.fromisoformat(original_start)
    if start.tzinfo is None:
        start = start.replace(tzinfo=dt.UTC)
    return session.window.starts_at <= start < session.window.ends_at


def _fill(session: Session, row: RemoteEvent, event: CalendarEvent) -> None:
    calendar = session.calendar
    named = stamped_booking(event.stamp, session.installation, calendar.resource.uuid)
    if named:
        row.stamped_booking = _uuid(named)
    row.attempt_id = event.attempt_id or row.attempt_id
    kept = masked(event, session.kept, is_ours=row.stamped_booking is not None)
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
    row.problem_count = 0
    row.read_again_at = None


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
        wait = min(READ_AGAIN_AFTER * 2**row.problem_count, LONGEST_WAIT)
        row.problem = item.problem
        row.problem_count = min(row.problem_count + 1, 12)
        row.read_again_at = session.began_at + wait
        row.last_seen_run = session.run.pk
    return found


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
