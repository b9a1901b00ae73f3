"""What an event means, as a short text: equal as long as nothing changed that we sync. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib

from apps.exchange.calendar import CalendarEvent, Content, ShowAs
from apps.sync.facts import RemoteState


def state_of(event: CalendarEvent) -> RemoteState:
    """What the event does to the resource: *blocks*, or one of the open states, or cannot be told."""
    if event.is_cancelled or event.is_declined:
        return RemoteState.CANCELLED
    if event.show_as is ShowAs.UNKNOWN:
        return RemoteState.UNREADABLE
    # Without a length it keeps nobody out.
    if event.show_as is ShowAs.FREE or event.ends_at <= event.starts_at:
        return RemoteState.FREE
    return RemoteState.BLOCKS


def fingerprint(event: CalendarEvent) -> str:
    """`time.rest`, each 16 hexadecimal digits. Take it of the masked event, never of a private one."""
    rest = (
        state_of(event),
        normal(event.subject),
        # By name alone: lists leave out the address.
        event.organizer,
        event.is_private,
    )
    return f"{time_of(event)}.{_digest(rest)}"


def time_of(event: CalendarEvent | Content) -> str:
    """The part that says when."""
    instants = (at.astimezone(dt.UTC).isoformat() for at in (event.starts_at, event.ends_at))
    return _digest((*instants, event.is_all_day))


def time_part(of: str) -> str:
    return of.partition(".")[0]


def rest_part(of: str) -> str:
    return of.partition(".")[2]


def normal(subject: str) -> str:
    """A subject as Exchange keeps it: one line, no space around it, at most 255 characters."""
    return " ".join(subject.split())[:255]


def _digest(facts: tuple[object, ...]) -> str:
    text = "\x1f".join(str(fact) for fact in facts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
