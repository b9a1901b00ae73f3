"""Between bookings and events: what we write of ours, and what we keep of Exchange's. Pure."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from apps.exchange.calendar import CalendarEvent, Content
from apps.sync.fingerprint import normal

if TYPE_CHECKING:
    import datetime as dt

# What stands for the subject of a private event, and of one that has none or may not be kept.
PRIVATE = "Private"
BUSY = "Busy"
BOOKED = "Booked"


class Kept(StrEnum):
    """What a tenant keeps of Exchange's events."""

    SUBJECT = "subject"
    ORGANIZER = "organizer"
    BUSY = "busy"


class Sent(StrEnum):
    """What Exchange sees of a tenant's bookings."""

    BOOKED = "booked"
    TITLE = "title"
    TITLE_AND_PERSON = "title_and_person"


def storable(text: str) -> str:
    """Without what PostgreSQL keeps in no text: NUL, and halves of a character."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def masked(event: CalendarEvent, kept: Kept, *, is_ours: bool = False) -> CalendarEvent:
    """The event as it may be stored. Of a private one nothing but that it is there.

    The subject of an event of ours is our own, and stays unless somebody made it private.
    """
    event = replace(
        event,
        subject=storable(event.subject),
        organizer=storable(event.organizer),
        organizer_email=storable(event.organizer_email),
        uid=storable(event.uid),
    )
    if event.is_private:
        return replace(event, subject=PRIVATE, organizer="", organizer_email="")
    if is_ours or kept is Kept.SUBJECT:
        return replace(event, subject=normal(event.subject))
    if kept is Kept.ORGANIZER:
        return replace(event, subject=event.organizer or BUSY)
    return replace(event, subject=BUSY, organizer="", organizer_email="")


def title(subject: str, organizer: str) -> str:
    """What a booking of Exchange's is called; never empty."""
    return normal(subject) or organizer or BUSY


def content(
    *,
    title: str,
    person: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    is_all_day: bool,
    time_zone: str,
    sent: Sent,
) -> Content:
    """What Exchange gets of a booking of ours."""
    subject = {
        Sent.BOOKED: BOOKED,
        Sent.TITLE: title,
        Sent.TITLE_AND_PERSON: f"{title} ({person})" if person else title,
    }[sent]
    return Content(normal(subject) or BOOKED, starts_at, ends_at, is_all_day, time_zone)


def stamp(installation: object, resource: object, booking: object) -> str:
    """The value of our named property: who made this event, and for which booking."""
    return f"1:{installation}:{resource}:{booking}"


def stamped_booking(value: str, installation: object, resource: object) -> str:
    """The booking's uuid as text, if the stamp is of this installation and resource; else nothing."""
    prefix = stamp(installation, resource, "")
    return value.removeprefix(prefix) if value.startswith(prefix) else ""
