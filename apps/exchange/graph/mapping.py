"""From an event of Graph to what the port tells, and back. Pure.

Servers differ in what they leave out: what is missing, empty or unknown becomes a value that decides
nothing. Only an event without an id or without a time cannot be told.
https://learn.microsoft.com/graph/api/resources/event
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from apps.exchange import zones
from apps.exchange.calendar import (
    CalendarEvent,
    Content,
    EventKey,
    MailboxKind,
    Parts,
    ShowAs,
    Window,
)
from apps.exchange.recurrence import original_start

# A JSON object as it came.
Row = Mapping[str, Any]

# Our named property: the same one that EWS reaches by its set and name.
# https://learn.microsoft.com/graph/api/resources/singlevaluelegacyextendedproperty
STAMP = "String {cad30ed9-bc9b-457a-91e4-50b0a91dab46} Name OptixSyncBooking"
# What is read of an event: no words of it beside the subject, and no attachment.
FIELDS = (
    "id,changeKey,createdDateTime,iCalUId,transactionId,type,seriesMasterId,originalStart,"
    "originalStartTimeZone,start,end,isAllDay,isCancelled,isOrganizer,responseStatus,showAs,"
    "sensitivity,subject,organizer,attendees"
)
STAMPED = f"singleValueExtendedProperties($filter=id eq '{STAMP}')"

_SHOW_AS = {
    "free": ShowAs.FREE,
    "tentative": ShowAs.TENTATIVE,
    "busy": ShowAs.BUSY,
    "oof": ShowAs.OUT_OF_OFFICE,
    "workingelsewhere": ShowAs.ELSEWHERE,
}
_KINDS = {
    "room": MailboxKind.ROOM,
    "equipment": MailboxKind.EQUIPMENT,
    "shared": MailboxKind.SHARED,
    "user": MailboxKind.USER,
    "linked": MailboxKind.USER,
}
# Of an invitation, where the server does not say who called the meeting.
_ANSWERS = {"tentativelyaccepted", "accepted", "declined", "notresponded"}
# "2026-11-22T09:00:00.0000000": seven digits of a second, no offset.
_FRACTION = re.compile(r"\.\d+")
# What no calendar shows, and what JSON in UTF-8 cannot carry.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOON = dt.timedelta(hours=12)
_MIDNIGHT = dt.time()
_A_DAY = dt.timedelta(days=1)


class Unreadable(ValueError):
    """An event, or a series, that cannot be told; the sentence says why."""


class Kind(StrEnum):
    SINGLE = "singleInstance"
    OCCURRENCE = "occurrence"
    EXCEPTION = "exception"
    MASTER = "seriesMaster"


def kind(row: Row) -> Kind:
    """What `type` says; where it is missing, what the event shows of itself."""
    try:
        return Kind(text(row, "type"))
    except ValueError:
        if isinstance(row.get("recurrence"), dict):
            return Kind.MASTER
        return Kind.OCCURRENCE if text(row, "seriesMasterId") else Kind.SINGLE


def item_id(row: Row) -> str:
    """Of the single, or of the series' master."""
    if kind(row) in (Kind.OCCURRENCE, Kind.EXCEPTION):
        return text(row, "seriesMasterId")
    return text(row, "id")


def is_removed(row: Row) -> bool:
    return "@removed" in row


def change_key(row: Row) -> str:
    """The version, which stands in the etag too: W/"<changeKey>"."""
    found = text(row, "changeKey") or text(row, "@odata.etag").removeprefix("W/")
    return found.strip('"')


def event(row: Row, key: EventKey | None = None) -> CalendarEvent:
    """A single as it is, or an occurrence under the key that its series gives it.

    Raises:
        Unreadable: it has no id, or no time that can be told.
    """
    own_id = text(row, "id")
    if not own_id:
        raise Unreadable("It has no id.")
    starts_at, ends_at = times(row)
    response = text(_object(row, "responseStatus"), "response").lower()
    organizer = _object(_object(row, "organizer"), "emailAddress")
    is_organizer = row.get("isOrganizer")
    is_invitation = not is_organizer if isinstance(is_organizer, bool) else response in _ANSWERS
    stamp, uid = stamp_of(row), text(row, "iCalUId")
    return CalendarEvent(
        key=key or EventKey(own_id),
        # Each occurrence has an iCalUId of its own; the series' is the master's.
        uid=uid if key is None else "",
        change_key=change_key(row),
        starts_at=starts_at,
        ends_at=ends_at,
        show_as=_SHOW_AS.get(text(row, "showAs").lower(), ShowAs.UNKNOWN),
        is_all_day=row.get("isAllDay") is True,
        is_cancelled=row.get("isCancelled") is True,
        is_declined=response == "declined",
        # A word that we do not know keeps its secret.
        is_private=text(row, "sensitivity").lower() not in ("", "normal"),
        subject=text(row, "subject"),
        organizer=text(organizer, "name"),
        organizer_email=_address(text(organizer, "address")),
        is_invitation=is_invitation,
        has_attendees=is_invitation or bool(row.get("attendees")),
        stamp=stamp,
        attempt_id=attempt_id(row),
        created_at=_created_at(row),
        wire_id=own_id if key is not None else "",
    )


def attempt_id(row: Row) -> str:
    """The transactionId of the create; for what was created over EWS, the UID of our attempt."""
    return text(row, "transactionId") or (text(row, "iCalUId") if stamp_of(row) else "")


def stamp_of(row: Row) -> str:
    """Our property, where it was asked for."""
    found = row.get("singleValueExtendedProperties")
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict) and text(one, "id").lower() == STAMP.lower():
            return text(one, "value")
    return ""


def times(row: Row) -> tuple[dt.datetime, dt.datetime]:
    """Start and end in UTC.

    An all-day event has midnights: of the zone that was asked for, where the server gives dates
    alone, or as instants in it. Both are midnights of the zone in which it was made.

    Raises:
        Unreadable: there is none, or none that a calendar has.
    """
    (start, asked_in), (end, _also) = (_wall(row, name) for name in ("start", "end"))
    zone = _zone_of(row)
    if row.get("isAllDay") is True and zone is not None and start.time() == end.time() == _MIDNIGHT:
        asked_in = zone
    return _utc(start, asked_in), _utc(end, asked_in)


def is_doubtful(row: Row) -> bool:
    """Whether only the master tells how an exception is named: by a date, or by an instant."""
    if kind(row) is not Kind.EXCEPTION:
        return False
    at, zone = _began_at(row), _zone_of(row)
    # A day that was moved may have another zone than its series.
    is_odd = zone is None or row.get("isAllDay") is True
    return is_odd or at.time() == _MIDNIGHT or (zone is not None and _begins_a_day(at, zone))


def occurrence_key(row: Row, *, of_days: bool | None = None) -> EventKey:
    """The key of an occurrence; `of_days`: whether its series is all-day, where that is known.

    Raises:
        Unreadable: nothing tells when it began before anybody moved it.
    """
    at = _began_at(row)
    if of_days is None:
        of_days = row.get("isAllDay") is True and (kind(row) is Kind.OCCURRENCE or is_doubtful(row))
    return EventKey(text(row, "seriesMasterId"), _name(at, _zone_of(row), of_days=of_days))


def around(name: str) -> Window:
    """What an occurrence that nobody moved lies in, by its original start."""
    at = dt.datetime.fromisoformat(name)
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return Window(at - _A_DAY, at + _A_DAY)


def _name(at: dt.datetime, zone: ZoneInfo | None, *, of_days: bool) -> str:
    """An original start as the key spells it; for a day in an odd zone, the day of its noon."""
    if not of_days:
        return original_start(at)
    if at.time() == _MIDNIGHT:
        return original_start(at.date())
    if zone is None or not _begins_a_day(at, zone):
        return original_start((at + _NOON).date())
    return original_start(at.astimezone(zone).date())


def new_event(content: Content, *, stamp: str, attempt_id: str) -> dict[str, Any]:
    """The body of a create: https://learn.microsoft.com/graph/api/user-post-events"""
    return {
        **changes(content, Parts(subject=True, time=True, show_as=True)),
        "isReminderOn": False,
        "transactionId": attempt_id,
        "singleValueExtendedProperties": [{"id": STAMP, "value": stamp}],
    }


def changes(content: Content, parts: Parts) -> dict[str, Any]:
    """What an update sends: https://learn.microsoft.com/graph/api/event-update"""
    body: dict[str, Any] = {}
    if parts.subject:
        body["subject"] = _UNWRITABLE.sub("", content.subject)
    if parts.time:
        zone = zones.windows(content.time_zone)
        body |= {
            "start": _written(content.starts_at, content, zone),
            "end": _written(content.ends_at, content, zone),
            # A day has the midnights of its zone: without that zone it is an interval.
            "isAllDay": content.is_all_day and zone is not None,
        }
    if parts.show_as:
        body["showAs"] = "busy"
    return body


def _written(at: dt.datetime, content: Content, zone: str | None) -> dict[str, str]:
    """A wall time of the resource's zone; in UTC where that would say another instant."""
    if zone is not None:
        wall = at.astimezone(ZoneInfo(content.time_zone))
        if content.is_all_day and _begins_a_day(at, ZoneInfo(content.time_zone)):
            # Also where the clock skips it.
            wall = dt.datetime.combine(wall.date(), _MIDNIGHT, tzinfo=wall.tzinfo)
        plain = wall.replace(tzinfo=None, fold=0)
        is_same = plain.replace(tzinfo=wall.tzinfo).astimezone(dt.UTC) == at
        if is_same and (content.is_all_day or not _is_twice(wall)):
            return {"dateTime": plain.isoformat(timespec="seconds"), "timeZone": zone}
    plain = at.astimezone(dt.UTC).replace(tzinfo=None)
    return {"dateTime": plain.isoformat(timespec="seconds"), "timeZone": "UTC"}


def _is_twice(wall: dt.datetime) -> bool:
    """Whether the clock shows this time twice that day: which one is meant is nowhere written."""
    return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()


def mailbox_kind(user_purpose: str) -> MailboxKind:
    """https://learn.microsoft.com/graph/api/resources/mailboxsettings"""
    return _KINDS.get(user_purpose.lower(), MailboxKind.UNKNOWN)


def text(row: Row, name: str) -> str:
    """A string by its name; empty where it is missing, or something else."""
    found = row.get(name)
    return found if isinstance(found, str) else ""


def _object(row: Row, name: str) -> Row:
    found = row.get(name)
    return found if isinstance(found, dict) else {}


def _began_at(row: Row) -> dt.datetime:
    """When an occurrence began before anybody moved it.

    Raises:
        Unreadable: nothing tells it, or it is none that a calendar has.
    """
    told = text(row, "originalStart")
    if told.startswith("0001-01-01"):
        # .NET's word for none.
        told = ""
    is_unmoved = not told and kind(row) is Kind.OCCURRENCE
    at = times(row)[0] if is_unmoved else _instant(told, "originalStart")
    if not dt.MINYEAR < at.year < dt.MAXYEAR:
        raise Unreadable("originalStart is no time.")
    return at


def _begins_a_day(at: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether a date begins at this instant: at midnight, or where the clock skips that."""
    wall = at.astimezone(zone)
    first = dt.datetime.combine(wall.date(), _MIDNIGHT, tzinfo=zone)
    return wall.time() == _MIDNIGHT or first.astimezone(dt.UTC) == at


def _zone_of(row: Row) -> ZoneInfo | None:
    """The zone in which an event was made; None where it is made up, or unknown to us."""
    known = zones.iana(text(row, "originalStartTimeZone"))
    return ZoneInfo(known) if known else None


def _wall(row: Row, name: str) -> tuple[dt.datetime, dt.tzinfo]:
    """A dateTimeTimeZone: https://learn.microsoft.com/graph/api/resources/datetimetimezone"""
    told = _object(row, name)
    at = _parsed(text(told, "dateTime"), name)
    if at.tzinfo is not None:
        return _utc(at, at.tzinfo).replace(tzinfo=None), dt.UTC
    named = text(told, "timeZone")
    known = zones.iana(named or "UTC")
    if known is None:
        raise Unreadable(f"The time zone of {name} is unknown.")
    return at, ZoneInfo(known)


def _parsed(value: str, name: str) -> dt.datetime:
    if not value:
        raise Unreadable(f"{name} is missing.")
    try:
        return dt.datetime.fromisoformat(_FRACTION.sub("", value))
    except ValueError as error:
        raise Unreadable(f"{name} is no time.") from error


def _instant(value: str, name: str) -> dt.datetime:
    at = _parsed(value, name)
    return _utc(at, at.tzinfo or dt.UTC)


def _utc(at: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    try:
        return at.replace(tzinfo=zone).astimezone(dt.UTC)
    except OverflowError:
        # The first or the last moment of all calendars, by a clock that is ahead or behind.
        return at.replace(tzinfo=dt.UTC)


def _created_at(row: Row) -> dt.datetime | None:
    try:
        return _instant(text(row, "createdDateTime"), "createdDateTime")
    except Unreadable:
        return None


def _address(found: str) -> str:
    """Where mail reaches it: some organisers have X.500 names, or none."""
    return found if found.count("@") == 1 and "/" not in found else ""
