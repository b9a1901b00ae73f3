"""Read calendar items that clients send: each element becomes fields of the store, or is refused as read-only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from apps.sandbox import zones
from apps.sandbox.ews import paths, recurrences
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.names import T, short
from apps.sandbox.store import Attendee

Element = Any  # lxml has no types
Fields = dict[str, Any]
Reader = Callable[[Element, str], Fields]

ROLES = {"RequiredAttendees": "Required", "OptionalAttendees": "Optional", "Resources": "Resource"}
_TRUE = {"true", "1"}


def moment(text: str, zone: str) -> dt.datetime:
    """Read a time as UTC; one without a zone is in the Windows zone given. Exchange drops fractions of seconds."""
    read = dt.datetime.fromisoformat(text.strip()).replace(microsecond=0)
    if read.tzinfo is None:
        read = read.replace(tzinfo=zones.zone(zone))
    return read.astimezone(dt.UTC)


def _string(field: str) -> Reader:
    return lambda element, zone: {field: element.text or ""}


def _boolean(field: str) -> Reader:
    return lambda element, zone: {field: (element.text or "").strip() in _TRUE}


def _integer(field: str) -> Reader:
    return lambda element, zone: {field: int(element.text)}


def _moment(field: str) -> Reader:
    return lambda element, zone: {field: moment(element.text, zone)}


def _zone(field: str) -> Reader:
    def read(element: Element, _: str) -> Fields:
        name = element.get("Id") or ""
        if not zones.is_known(name):
            raise Refusal("ErrorTimeZone", f"The time zone '{name}' is not known.")
        return {field: name}

    return read


def _body(element: Element, _: str) -> Fields:
    return {"body": element.text or "", "body_type": element.get("BodyType")}


def _strings(field: str) -> Reader:
    return lambda element, zone: {field: tuple(one.text or "" for one in element)}


def _attendees(element: Element, _: str) -> Fields:
    role = ROLES[short(element.tag).removeprefix("t:")]
    found = []
    for one in element:
        address = one.findtext(f"{T}Mailbox/{T}EmailAddress") or ""
        name = one.findtext(f"{T}Mailbox/{T}Name") or address
        found.append(Attendee(name=name, address=address, role=role))
    return {f"attendees {role}": tuple(found)}


def _extended(element: Element, _: str) -> Fields:
    name = paths.extended(element[0]).name
    if short(element[1].tag) == "t:Values":
        return {"extended": {name: tuple(one.text or "" for one in element[1])}}
    return {"extended": {name: element[1].text or ""}}


def _nothing(_: Element, __: str) -> Fields:
    return {}


_READERS: dict[str, Reader] = {
    "Subject": _string("subject"),
    "Sensitivity": _string("sensitivity"),
    "Body": _body,
    "Categories": _strings("categories"),
    "Importance": _string("importance"),
    "ReminderIsSet": _boolean("reminder_is_set"),
    "ReminderMinutesBeforeStart": _integer("reminder_minutes"),
    "ExtendedProperty": _extended,
    "UID": _string("uid"),
    "Start": _moment("start"),
    "End": _moment("end"),
    "IsAllDayEvent": _boolean("all_day"),
    "LegacyFreeBusyStatus": _string("show_as"),
    "Location": _string("location"),
    "RequiredAttendees": _attendees,
    "OptionalAttendees": _attendees,
    "Resources": _attendees,
    "Recurrence": lambda element, zone: {"recurrence": recurrences.read(element)},
    "StartTimeZone": _zone("start_zone"),
    "EndTimeZone": _zone("end_zone"),
    # Taken and not kept: nothing here depends on them.
    **dict.fromkeys(
        (
            "ItemClass", "Culture", "When", "IsResponseRequested", "ConferenceType", "AllowNewTimeProposal",
            "MeetingWorkspaceUrl", "NetShowUrl", "ReminderDueBy", "InReplyTo", "MimeContent", "MeetingTimeZone",
        ),
        _nothing,
    ),
}  # fmt: skip


def read(item: Element, zone: str) -> Fields:
    """Read an element CalendarItem. Attendees stay apart by role: see `with_attendees`. Raises Refusal."""
    start_zone = _own_zone(item, "StartTimeZone") or zone
    found: Fields = {}
    for element in item:
        name = short(element.tag).removeprefix("t:")
        reader = _READERS.get(name)
        if reader is None:
            raise Refusal("ErrorInvalidPropertySet", f"Set action is invalid for property {name}.")
        end_zone = _own_zone(item, "EndTimeZone") if name == "End" else ""
        fields = reader(element, end_zone or start_zone)
        if "extended" in fields:
            fields["extended"] = {**found.get("extended", {}), **fields["extended"]}
        found.update(fields)
    return found


def _own_zone(item: Element, name: str) -> str:
    element = item.find(f"{T}{name}")
    given = element.get("Id", "") if element is not None else ""
    return given if zones.is_known(given) else ""


def with_attendees(fields: Fields, present: tuple[Attendee, ...]) -> Fields:
    """Put the attendees of the roles that were sent in place of those of an item; known ones keep their answer."""
    sent = {
        name.removeprefix("attendees "): value
        for name, value in fields.items()
        if name.startswith("attendees ")
    }
    if not sent:
        return fields
    answers = {one.address.lower(): one for one in present}
    kept = [one for one in present if one.role not in sent]
    for people in sent.values():
        for one in people:
            known = answers.get(one.address.lower())
            kept.append(known if known is not None and known.role == one.role else one)
    rest = {name: value for name, value in fields.items() if not name.startswith("attendees ")}
    return {**rest, "attendees": tuple(kept)}


def complete(fields: Fields, zone: str) -> Fields:
    """Add the zones of a new item that names none: the request's."""
    start_zone = fields.get("start_zone") or zone
    return {**fields, "start_zone": start_zone, "end_zone": fields.get("end_zone") or start_zone}
