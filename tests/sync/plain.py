"""Plain values for the planner."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import replace

from apps.exchange.calendar import CalendarEvent, Content, EventKey, EventRef, ShowAs
from apps.sync.facts import (
    Link,
    LinkState,
    Local,
    Origin,
    Policy,
    Remote,
    RemoteState,
    Status,
)
from apps.sync.fingerprint import fingerprint
from apps.sync.operations import Plan
from apps.sync.planner import plan
from apps.sync.session import window_of
from apps.sync.table import Here, There

NOW = dt.datetime(2027, 3, 1, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
NOTHING_FOUND = Plan()


def local(
    number: int = 1, hours: float = 24, origin: Origin = Origin.OURS, **fields: object
) -> Local:
    starts_at = NOW + dt.timedelta(hours=hours)
    booking = Local(
        id=number,
        uuid=uuid.UUID(int=number),
        revision=1,
        origin=origin,
        status=Status.CONFIRMED,
        content=Content(f"Title {number}", starts_at, starts_at + HOUR, False, "Europe/London"),
        created_at=NOW - dt.timedelta(days=1),
    )
    return replace(booking, **fields)  # type: ignore[arg-type]


def remote(number: int = 1, hours: float = 24, **fields: object) -> Remote:
    starts_at = NOW + dt.timedelta(hours=hours)
    return printed(
        Remote(
            ref=EventRef(EventKey(f"item{number}"), "key1"),
            uid=f"uid{number}",
            state=RemoteState.BLOCKS,
            starts_at=starts_at,
            ends_at=starts_at + HOUR,
            is_all_day=False,
            subject=f"Title {number}",
            fingerprint="",
        ),
        **fields,
    )


def printed(of: Remote, **fields: object) -> Remote:
    """With these fields, and the fingerprint that follows."""
    made = replace(of, **fields)  # type: ignore[arg-type]
    event = CalendarEvent(
        key=made.key,
        uid=made.uid,
        change_key="",
        starts_at=made.starts_at,
        ends_at=made.ends_at,
        show_as=ShowAs.BUSY if made.blocks else ShowAs.FREE,
        subject=made.subject,
        is_all_day=made.is_all_day,
    )
    return replace(made, fingerprint=fingerprint(event))


def linked(booking: Local, event: Remote, **fields: object) -> Link:
    """A link that agreed on both as they are."""
    link = Link(
        id=booking.id,
        booking_id=booking.id,
        state=LinkState.LIVE,
        key=event.key,
        uid=event.uid,
        pushed_revision=booking.revision,
        fingerprint=event.fingerprint,
    )
    return replace(link, **fields)  # type: ignore[arg-type]


def state(origin: Origin, here: Here, there: There) -> tuple[Local, Remote, Link]:
    """A pair in a cell of the table."""
    booking, event = local(origin=origin), remote()
    link = linked(booking, event)
    moved = replace(booking.content, subject="New title")
    bookings = {
        Here.SAME: booking,
        Here.CHANGED: replace(booking, revision=2, content=moved),
        Here.CANCELLED: replace(booking, revision=2, status=Status.CANCELLED),
        Here.RELEASED: replace(booking, status=Status.RELEASED),
    }
    later = {"starts_at": event.starts_at + HOUR, "ends_at": event.ends_at + HOUR}
    events = {
        There.SAME: event,
        There.CHANGED: printed(event, **later),
        There.FREE: printed(event, state=RemoteState.FREE),
        There.CANCELLED: replace(event, state=RemoteState.CANCELLED),
        There.GONE: replace(event, state=RemoteState.GONE),
        There.UNDECIDED: replace(event, state=RemoteState.UNREADABLE),
    }
    return bookings[here], events[there], link


def plan_of(
    bookings: Iterable[Local],
    events: Iterable[Remote],
    links: Iterable[Link],
    policy: Policy | None = None,
    now: dt.datetime = NOW,
) -> Plan:
    """What is planned in the window that was fixed at NOW."""
    return plan(bookings, events, links, policy or Policy(), window_of(NOW, 180), now)
