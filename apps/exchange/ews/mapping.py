"""From a t:CalendarItem to what the port tells, and back. Pure.

Servers differ in what they leave out: what is missing, empty or unknown becomes a value that decides
nothing. Only an item without an id or without a time cannot be told.
https://learn.microsoft.com/exchange/client-developer/web-service-reference/calendaritem
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from apps.exchange import zones
from apps.exchange.calendar import CalendarEvent, Content, EventKey, Parts, ShowAs
from apps.exchange.ews.xml import Element, every, find, leaves, make, text
from apps.exchange.recurrence import original_start

# Our named property: the same one that Graph reaches as a singleValueExtendedProperty.
STAMP_SET = "cad30ed9-bc9b-457a-91e4-50b0a91dab46"
STAMP_NAME = "OptixSyncBooking"

_SHOW_AS = {
    "Free": ShowAs.FREE,
    "Tentative": ShowAs.TENTATIVE,
    "Busy": ShowAs.BUSY,
    "OOF": ShowAs.OUT_OF_OFFICE,
    "WorkingElsewhere": ShowAs.ELSEWHERE,
}
# AppointmentState: the item came from another mailbox; its organiser has cancelled it.
_RECEIVED = 2
_CANCELLED = 4
_ANSWERS = {"Accept", "Tentative", "Decline", "NoResponseReceived"}
_NOON = dt.timedelta(hours=12)


class Unreadable(ValueError):
    """An item, or a series, that cannot be told; the sentence says why."""


class Kind(StrEnum):
    SINGLE = "Single"
    OCCURRENCE = "Occurrence"
    EXCEPTION = "Exception"
    MASTER = "RecurringMaster"


def kind(item: Element) -> Kind:
    """What CalendarItemType says; where it is missing, what the item shows of itself."""
    try:
        return Kind(text(item, "t:CalendarItemType"))
    except ValueError:
        if find(item, "t:Recurrence") is not None:
            return Kind.MASTER
        # Of a series, and not its master: that is told apart, and shows its recurrence when read.
        return Kind.OCCURRENCE if flag(item, "t:IsRecurring") else Kind.SINGLE


def ids(item: Element, path: str = "t:ItemId") -> tuple[str, str]:
    """Id and change key; both empty where the item has none."""
    found = find(item, path)
    return ("", "") if found is None else (found.get("Id", ""), found.get("ChangeKey", ""))


def event(item: Element, key: EventKey | None = None) -> CalendarEvent:
    """A single as it is, or an occurrence under the key that its series gives it.

    Raises:
        Unreadable: it has no id, or no time that can be told.
    """
    item_id, change_key = ids(item)
    if not item_id:
        raise Unreadable("It has no id.")
    told = leaves(item)
    state = _number(told.get("AppointmentState", ""))
    answer = told.get("MyResponseType", "")
    is_meeting = _is_true(told.get("IsMeeting")) or bool(state)
    stamp = _stamp(item)
    uid = told.get("UID", "")
    organizer, address = _organizer(item)
    return CalendarEvent(
        key=key or EventKey(item_id),
        uid=uid,
        change_key=change_key,
        starts_at=_instant(told.get("Start", ""), "Start"),
        ends_at=_instant(told.get("End", ""), "End"),
        show_as=_SHOW_AS.get(told.get("LegacyFreeBusyStatus", ""), ShowAs.UNKNOWN),
        is_all_day=_is_true(told.get("IsAllDayEvent")),
        is_cancelled=_is_true(told.get("IsCancelled")) or bool(state & _CANCELLED),
        is_declined=answer == "Decline",
        # A word that we do not know keeps its secret.
        is_private=told.get("Sensitivity", "") not in ("", "Normal"),
        subject=told.get("Subject", ""),
        organizer=organizer,
        organizer_email=address,
        is_invitation=bool(state & _RECEIVED) or (is_meeting and answer in _ANSWERS),
        has_attendees=is_meeting,
        stamp=stamp,
        # The UID of a create is its attempt id; of anything else it is no attempt of ours.
        attempt_id=uid if stamp else "",
        created_at=_created_at(told.get("DateTimeCreated", "")),
        wire_id=item_id if key is not None else "",
    )


def name_of(at: dt.datetime, zone: dt.tzinfo | None, *, is_all_day: bool) -> str:
    """An original start as the key spells it; for a day in an odd zone, the day of its noon."""
    if not is_all_day:
        return original_start(at)
    if zone is None or at.astimezone(zone).time() != dt.time():
        return original_start((at + _NOON).date())
    return original_start(at.astimezone(zone).date())


def instant(item: Element, path: str) -> dt.datetime:
    """An instant in UTC; one without a zone is UTC, since that is the zone that we ask in.

    Raises:
        Unreadable: there is none, or none that a calendar has.
    """
    return _instant(text(item, path), path.rpartition(":")[2])


def _instant(value: str, name: str) -> dt.datetime:
    if not value:
        raise Unreadable(f"{name} is missing.")
    try:
        at = dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise Unreadable(f"{name} is no time.") from error
    if at.tzinfo is None:
        return at.replace(tzinfo=dt.UTC)
    try:
        return at.astimezone(dt.UTC)
    except OverflowError:
        # The first or the last moment of all calendars, by a clock that is ahead or behind.
        return at.replace(tzinfo=dt.UTC)


def flag(item: Element, path: str) -> bool:
    return _is_true(text(item, path))


def _is_true(word: str | None) -> bool:
    return word is not None and word.lower() in ("true", "1")


def new_item(content: Content, *, stamp: str, attempt_id: str) -> Element:
    """A t:CalendarItem to create, in the order that the schema wants."""
    zone = zones.windows(content.time_zone)
    return make(
        "t:CalendarItem",
        make("t:Subject", text=content.subject),
        make("t:ReminderIsSet", text="false"),
        make("t:ExtendedProperty", stamp_uri(), make("t:Value", text=stamp)),
        make("t:UID", text=attempt_id),
        make("t:Start", text=_written(content.starts_at)),
        make("t:End", text=_written(content.ends_at)),
        make("t:IsAllDayEvent", text=_all_day(content, zone)),
        make("t:LegacyFreeBusyStatus", text="Busy"),
        make("t:StartTimeZone", Id=zone or "UTC"),
        make("t:EndTimeZone", Id=zone or "UTC"),
    )


def updates(content: Content, parts: Parts) -> list[Element]:
    """The t:SetItemField of each property: a time goes whole, with its zones before it."""
    zone = zones.windows(content.time_zone)
    fields = []
    if parts.subject:
        fields.append(("item:Subject", make("t:Subject", text=content.subject)))
    if parts.time:
        fields += [
            ("calendar:StartTimeZone", make("t:StartTimeZone", Id=zone or "UTC")),
            ("calendar:EndTimeZone", make("t:EndTimeZone", Id=zone or "UTC")),
            ("calendar:Start", make("t:Start", text=_written(content.starts_at))),
            ("calendar:End", make("t:End", text=_written(content.ends_at))),
            ("calendar:IsAllDayEvent", make("t:IsAllDayEvent", text=_all_day(content, zone))),
        ]
    if parts.show_as:
        status = make("t:LegacyFreeBusyStatus", text="Busy")
        fields.append(("calendar:LegacyFreeBusyStatus", status))
    return [
        make("t:SetItemField", make("t:FieldURI", FieldURI=uri), make("t:CalendarItem", value))
        for uri, value in fields
    ]


def stamp_uri() -> Element:
    return make(
        "t:ExtendedFieldURI",
        PropertySetId=STAMP_SET, PropertyName=STAMP_NAME, PropertyType="String",
    )  # fmt: skip


def _all_day(content: Content, zone: str | None) -> str:
    # Exchange widens a day to the midnights of its zone: without that zone it is an interval.
    return "true" if content.is_all_day and zone else "false"


def _written(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stamp(item: Element) -> str:
    for extended in every(item, "t:ExtendedProperty"):
        uri = find(extended, "t:ExtendedFieldURI")
        if (
            uri is not None
            and uri.get("PropertySetId", "").lower() == STAMP_SET
            and uri.get("PropertyName") == STAMP_NAME
        ):
            return text(extended, "t:Value")
    return ""


def _organizer(item: Element) -> tuple[str, str]:
    """Name and address; the latter where mail reaches it: lists tell X.500 names, or none."""
    mailbox = find(item, "t:Organizer/t:Mailbox")
    if mailbox is None:
        return "", ""
    told = leaves(mailbox)
    address = told.get("EmailAddress", "")
    is_smtp = told.get("RoutingType", "").upper() in ("", "SMTP") and address.count("@") == 1
    return told.get("Name", ""), address if is_smtp and "/" not in address else ""


def _created_at(value: str) -> dt.datetime | None:
    try:
        return _instant(value, "DateTimeCreated")
    except Unreadable:
        return None


def _number(value: str) -> int:
    return int(value) if value.isdecimal() else 0
