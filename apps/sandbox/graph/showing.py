"""An event in JSON. Source: learn.microsoft.com/graph/api/resources/event.

What the store spells as EWS does is spelt as Graph does. Extended properties, transaction ids apart, are never given
unless they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.sandbox import zones
from apps.sandbox.bodies import converted
from apps.sandbox.ews import globalid
from apps.sandbox.graph import extended, ids, recurrences, times
from apps.sandbox.graph.call import Preferences
from apps.sandbox.graph.queries import Wanted
from apps.sandbox.store import series

if TYPE_CHECKING:
    from apps.sandbox.store import Attendee, Item

PREVIEW = 255
TYPES = {
    "Single": "singleInstance",
    "Occurrence": "occurrence",
    "Exception": "exception",
    "RecurringMaster": "seriesMaster",
}
SHOW_AS = {
    "Free": "free",
    "Tentative": "tentative",
    "Busy": "busy",
    "OOF": "oof",
    "WorkingElsewhere": "workingElsewhere",
    "NoData": "unknown",
}
RESPONSES = {
    "Unknown": "none",
    "Organizer": "organizer",
    "Tentative": "tentativelyAccepted",
    "Accept": "accepted",
    "Decline": "declined",
    "NoResponseReceived": "notResponded",
}
NEVER = "0001-01-01T00:00:00Z"
ALWAYS = frozenset({"id", "@odata.etag"})


@dataclass(frozen=True, slots=True)
class Showing:
    """How events are to be shown."""

    preferences: Preferences = field(default_factory=Preferences)
    wanted: Wanted = field(default_factory=Wanted)

    def id_of(self, item: Item) -> str:
        """Write an item's id in the form that was asked for."""
        return ids.shown(item, immutable=self.preferences.immutable)

    def master_id(self, item: Item) -> str | None:
        """Write the id of an occurrence's master."""
        if not item.index:
            return None
        if self.preferences.immutable:
            return ids.of_first(item.first_id or item.master_id)
        return ids.rest(item.master_id)


def etag(item: Item) -> str:
    """Write an item's etag."""
    return f'W/"{item.change_key}"'


def thin(item: Item, showing: Showing) -> dict[str, Any]:
    """Write an occurrence as a delta does: what it shares with its master is left out."""
    return {
        "@odata.type": "#microsoft.graph.event",
        "@odata.etag": etag(item),
        "seriesMasterId": showing.master_id(item),
        "type": TYPES[item.kind],
        "id": showing.id_of(item),
        "start": times.written(item.start, showing.preferences.time_zone),
        "end": times.written(item.end, showing.preferences.time_zone),
    }


def event(item: Item, showing: Showing) -> dict[str, Any]:
    """Write an event with what was asked for."""
    shown = _all(item, showing)
    select = showing.wanted.select
    if select:
        if "cancelledoccurrences" in select and item.recurrence is not None:
            shown["cancelledOccurrences"] = _cancelled(item, showing)
        shown = {name: one for name, one in shown.items() if name.lower() in select | ALWAYS}
    if showing.wanted.properties:
        held = extended.written(item, showing.wanted.properties)
        if held:
            shown["singleValueExtendedProperties"] = held
    if showing.wanted.exceptions and item.recurrence is not None:
        plain = Showing(showing.preferences)
        shown["exceptionOccurrences"] = [_all(one, plain) for one in series.exceptions(item)]
    return shown


def _all(item: Item, showing: Showing) -> dict[str, Any]:
    zone, given = showing.preferences.time_zone, showing.id_of(item)
    is_organizer = item.my_response == "Organizer"
    content_type = showing.preferences.body_type
    wanted = "Text" if content_type == "text" else "HTML"
    return {
        "@odata.etag": etag(item),
        "id": given,
        "createdDateTime": f"{times.instant(item.created_at)[:-1]}.0000000Z",
        "lastModifiedDateTime": f"{times.instant(item.modified_at)[:-1]}.0000000Z",
        "changeKey": item.change_key,
        "categories": list(item.categories),
        "transactionId": item.transaction_id or None,
        "originalStartTimeZone": item.start_zone,
        "originalEndTimeZone": item.end_zone,
        "iCalUId": ical_uid(item),
        "reminderMinutesBeforeStart": item.reminder_minutes,
        "isReminderOn": item.reminder_is_set,
        "hasAttachments": False,
        "subject": item.subject,
        "bodyPreview": converted(item.body, item.body_type, "Text")[:PREVIEW],
        "importance": item.importance.lower(),
        "sensitivity": item.sensitivity.lower(),
        "isAllDay": item.all_day,
        "isCancelled": item.is_cancelled,
        "isOrganizer": is_organizer,
        "responseRequested": True,
        "seriesMasterId": showing.master_id(item),
        "showAs": SHOW_AS[item.show_as],
        "type": TYPES[item.kind],
        "webLink": f"https://outlook.office365.com/owa/?itemid={quote(given)}&exvsurl=1&path=/calendar/item",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": False,
        "onlineMeetingProvider": "unknown",
        "allowNewTimeProposals": True,
        "isDraft": False,
        "hideAttendees": False,
        "responseStatus": {"response": RESPONSES[item.my_response], "time": NEVER},
        "body": {
            "contentType": content_type,
            "content": converted(item.body, item.body_type, wanted),
        },
        "start": times.written(item.start, zone),
        "end": times.written(item.end, zone),
        "location": _location(item.location),
        "locations": [_location(item.location)] if item.location else [],
        "recurrence": _recurrence(item),
        "attendees": [_attendee(one) for one in item.attendees],
        "organizer": {"emailAddress": _address(item.organizer.name, item.organizer.address)},
        "onlineMeeting": None,
        **({"originalStart": times.instant(item.original_start)} if item.original_start else {}),
    }


def ical_uid(item: Item) -> str:
    """Give an event's iCalUId: the UID, but for an occurrence, whose day stands in it."""
    if item.original_start is None:
        return item.uid
    day = item.original_start.astimezone(zones.zone(item.start_zone)).date()
    return globalid.of_occurrence(item.uid, day)


def _recurrence(item: Item) -> dict[str, Any] | None:
    if item.recurrence is None:
        return None
    return recurrences.written(item.recurrence, item.start_zone)


def _cancelled(item: Item, showing: Showing) -> list[str]:
    master, zone = showing.id_of(item), zones.zone(item.start_zone)
    days = (one.astimezone(zone).date().isoformat() for one in series.deleted_starts(item))
    return [ids.occurrence_key(master, day) for day in days]


def _location(name: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"displayName": name, "locationType": "default"}
    if name:
        shown |= {"uniqueId": name, "uniqueIdType": "private"}
    return shown


def _attendee(one: Attendee) -> dict[str, Any]:
    answered = times.instant(one.responded_at) if one.responded_at else NEVER
    return {
        "type": one.role.lower(),
        "status": {"response": RESPONSES[one.response], "time": answered},
        "emailAddress": _address(one.name, one.address),
    }


def _address(name: str, address: str) -> dict[str, str]:
    return {"name": name, "address": address}
