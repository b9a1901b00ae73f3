"""What a client writes of an event, turned into the store's fields. Source: learn.microsoft.com/graph/api/event-update.

A property that there is not is refused, as Graph does; so is one that cannot be written.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from apps.sandbox import zones
from apps.sandbox.graph import extended, recurrences, times
from apps.sandbox.graph.errors import bad
from apps.sandbox.graph.showing import SHOW_AS
from apps.sandbox.store import Attendee

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.sandbox.store import Item

LONGEST_SUBJECT, MOST_ATTENDEES, LONGEST_TRANSACTION = 255, 500, 255
INVALID = "ErrorPropertyValidationFailure"
_SHOW_AS = {shown.lower(): held for held, shown in SHOW_AS.items()}
_SENSITIVITY = {one.lower(): one for one in ("Normal", "Personal", "Private", "Confidential")}
_IMPORTANCE = {one.lower(): one for one in ("Low", "Normal", "High")}
_ROLES = {one.lower(): one for one in ("Required", "Optional", "Resource")}
# There are these too; what is written there is not kept.
_NOT_KEPT = frozenset({
    "responseRequested", "allowNewTimeProposals", "hideAttendees", "isOnlineMeeting", "onlineMeetingProvider",
    "locations", "@odata.type",
})  # fmt: skip
_READ_ONLY = frozenset({
    "id", "changeKey", "createdDateTime", "lastModifiedDateTime", "bodyPreview", "hasAttachments", "iCalUId",
    "isCancelled", "isDraft", "isOrganizer", "onlineMeeting", "onlineMeetingUrl", "organizer", "originalStart",
    "originalStartTimeZone", "originalEndTimeZone", "responseStatus", "seriesMasterId", "type", "webLink",
    "cancelledOccurrences", "exceptionOccurrences", "instances", "attachments", "extensions", "calendar",
    "multiValueExtendedProperties",
})  # fmt: skip


def read(body: Any, before: Item | None = None) -> dict[str, Any]:
    """Read the body of a POST or (with the event as it was) of a PATCH into fields. Raises GraphError."""
    if not isinstance(body, dict):
        raise bad("Unable to read JSON request payload.", "RequestBodyRead")
    fields: dict[str, Any] = {}
    for name, value in body.items():
        if name in _NOT_KEPT or name == "transactionId":
            continue
        if name in _READ_ONLY or name.startswith("@"):
            raise bad(f"The property '{name}' is read-only and cannot be set.", INVALID)
        if name not in _READ:
            raise bad(
                f"The property '{name}' does not exist on type 'microsoft.graph.event'. Make sure to only use property"
                " names that are defined by the type.",
                "RequestBodyRead",
            )
        fields |= _READ[name](value)
    if before is not None and "transactionId" in body:
        raise bad("The property 'transactionId' can be set at creation alone.", INVALID)
    if "attendees" in fields and before is not None:
        fields["attendees"] = _with_answers(fields["attendees"], before)
    _refuse_odd_days(fields, before)
    return fields


def transaction_id(body: Any) -> str:
    """Read the transaction id of a POST. Raises GraphError."""
    value = body.get("transactionId") if isinstance(body, dict) else None
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_TRANSACTION:
        raise bad("The property 'transactionId' is not valid.", INVALID)
    return value


def _subject(value: Any) -> dict[str, Any]:
    text = _text(value, "subject")
    if len(text) > LONGEST_SUBJECT:
        raise bad("The property 'subject' is longer than 255 characters.", INVALID)
    return {"subject": text}


def _body(value: Any) -> dict[str, Any]:
    if value is None:
        return {"body": "", "body_type": "Text"}
    if not isinstance(value, dict):
        raise bad("The property 'body' needs a contentType and a content.", "RequestBodyRead")
    kind = "HTML" if str(value.get("contentType", "text")).lower() == "html" else "Text"
    return {"body": _text(value.get("content"), "content"), "body_type": kind}


def _time(name: str) -> Callable[[Any], dict[str, Any]]:
    def read_time(value: Any) -> dict[str, Any]:
        moment, zone = times.read(value, name)
        return {name: moment, f"{name}_zone": zone}

    return read_time


def _flag(field: str) -> Callable[[Any], dict[str, Any]]:
    def read_flag(value: Any) -> dict[str, Any]:
        if not isinstance(value, bool):
            raise bad(
                f"Cannot convert {value!r} to the expected type 'Edm.Boolean'.", "RequestBodyRead"
            )
        return {field: value}

    return read_flag


def _choice(field: str, known: Mapping[str, str]) -> Callable[[Any], dict[str, Any]]:
    def read_choice(value: Any) -> dict[str, Any]:
        found = known.get(str(value).lower())
        if found is None:
            text = f"Requested value '{value}' was not found."
            raise bad(text, "RequestBodyRead")
        return {field: found}

    return read_choice


def _minutes(value: Any) -> dict[str, Any]:
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad(f"Cannot convert {value!r} to the expected type 'Edm.Int32'.", "RequestBodyRead")
    return {"reminder_minutes": value}


def _location(value: Any) -> dict[str, Any]:
    name = value.get("displayName") if isinstance(value, dict) else None
    return {"location": _text(name, "location")}


def _recurrence(value: Any) -> dict[str, Any]:
    return {"recurrence": None if value is None else recurrences.read(value)}


def _categories(value: Any) -> dict[str, Any]:
    return {"categories": tuple(str(one) for one in value or ())}


def _attendees(value: Any) -> dict[str, Any]:
    if not isinstance(value, list) or len(value) > MOST_ATTENDEES:
        raise bad("The property 'attendees' is a list of at most 500.", INVALID)
    return {"attendees": tuple(_attendee(one) for one in value)}


def _attendee(value: Any) -> Attendee:
    address = value.get("emailAddress") if isinstance(value, dict) else None
    if not isinstance(address, dict) or "@" not in str(address.get("address", "")):
        raise bad("At least one recipient is not valid.", "ErrorInvalidRecipients")
    role = _ROLES.get(str(value.get("type", "required")).lower())
    if role is None:
        raise bad(f"Requested value '{value.get('type')}' was not found.", "RequestBodyRead")
    return Attendee(
        name=str(address.get("name") or address["address"]), address=address["address"], role=role
    )


def _with_answers(attendees: tuple[Attendee, ...], before: Item) -> tuple[Attendee, ...]:
    """Who stays invited keeps the answer that was given."""
    known = {one.address.lower(): one for one in before.attendees}
    return tuple(
        Attendee(
            name=one.name,
            address=one.address,
            role=one.role,
            response=known[one.address.lower()].response,
            responded_at=known[one.address.lower()].responded_at,
        )
        if one.address.lower() in known
        else one
        for one in attendees
    )


def _extended(value: Any) -> dict[str, Any]:
    return {"extended": extended.read(value)}


def _refuse_odd_days(fields: Mapping[str, Any], before: Item | None) -> None:
    """An all-day event begins and ends at midnight of one zone, a day later or more. Raises GraphError."""
    now = {
        name: fields.get(name, getattr(before, name, None))
        for name in ("all_day", "start", "end", "start_zone", "end_zone")
    }
    touched = fields.keys() & {"all_day", "start", "end"}
    if not now["all_day"] or not touched or now["start"] is None or now["end"] is None:
        return
    if now["start_zone"] != now["end_zone"]:
        raise bad("An all-day event starts and ends in the same time zone.", INVALID)
    zone = zones.zone(now["start_zone"])
    for name in ("start", "end"):
        local = now[name].astimezone(zone)
        # Where the clock skips midnight, a day begins after that.
        if (
            dt.datetime.combine(local.date(), dt.time(0), tzinfo=zone).astimezone(dt.UTC)
            != now[name]
        ):
            text = f"The Event.{name.capitalize()} property for an all-day event needs to be set to midnight."
            raise bad(text, INVALID)
    if now["end"] <= now["start"]:
        raise bad("The duration of an event marked as All day must be at least 24 hours.", INVALID)


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise bad(
            f"Cannot convert the property '{name}' to the expected type 'Edm.String'.",
            "RequestBodyRead",
        )
    return value


_READ: dict[str, Callable[[Any], dict[str, Any]]] = {
    "subject": _subject,
    "body": _body,
    "start": _time("start"),
    "end": _time("end"),
    "isAllDay": _flag("all_day"),
    "showAs": _choice("show_as", _SHOW_AS),
    "sensitivity": _choice("sensitivity", _SENSITIVITY),
    "importance": _choice("importance", _IMPORTANCE),
    "isReminderOn": _flag("reminder_is_set"),
    "reminderMinutesBeforeStart": _minutes,
    "location": _location,
    "recurrence": _recurrence,
    "categories": _categories,
    "attendees": _attendees,
    "singleValueExtendedProperties": _extended,
}
