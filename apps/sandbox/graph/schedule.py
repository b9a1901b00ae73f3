"""Free and busy. Source: learn.microsoft.com/graph/api/calendar-getschedule."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from apps.sandbox import zones
from apps.sandbox.graph import lists, times
from apps.sandbox.graph.call import Answer, Call, named_mailbox
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.graph.showing import SHOW_AS

if TYPE_CHECKING:
    from apps.sandbox.store import Item, Mailbox

MOST_SCHEDULES, LONGEST_DAYS, MOST_ENTRIES = 20, 62, 1000
SHORTEST, DEFAULT, LONGEST = 5, 30, 1440
TOO_MANY, UNKNOWN = "5006", "5009"
_DIGITS = {"Free": "0", "Tentative": "1", "Busy": "2", "OOF": "3", "WorkingElsewhere": "4"}
_HIDDEN = frozenset({"Private", "Confidential"})


def get_schedule(call: Call) -> Answer:
    """Answer POST getSchedule: for each address its view and its entries, or its own error."""
    if call.right() == "none":
        raise GraphError("ErrorAccessDenied")
    given = call.body if isinstance(call.body, dict) else {}
    addresses = given.get("schedules") or given.get("Schedules")
    if not isinstance(addresses, list) or not 1 <= len(addresses) <= MOST_SCHEDULES:
        raise bad(
            "The property 'schedules' lists one to twenty addresses.", "ErrorInvalidParameter"
        )
    start, _ = times.read(given.get("startTime") or given.get("StartTime"), "startTime")
    end, _ = times.read(given.get("endTime") or given.get("EndTime"), "endTime")
    if end <= start or (end - start).days > LONGEST_DAYS:
        text = "The requested time duration specified for FreeBusyViewOptions.TimeWindow is not within the allowed limits."
        raise bad(text, "ErrorInvalidParameter")
    minutes = given.get("availabilityViewInterval", DEFAULT)
    if not isinstance(minutes, int) or not SHORTEST <= minutes <= LONGEST:
        raise bad("The property 'availabilityViewInterval' is 5 to 1440.", "ErrorInvalidParameter")
    shown = [_schedule(call, str(one), start, end, minutes) for one in addresses]
    context = f"{call.service}/$metadata#Collection(microsoft.graph.scheduleInformation)"
    return Answer(content={"@odata.context": context, "value": shown})


def _schedule(
    call: Call, address: str, start: dt.datetime, end: dt.datetime, minutes: int
) -> dict[str, Any]:
    mailbox = named_mailbox(call.store, call.caller, address) if address else None
    if mailbox is None:
        text = f"Unable to resolve e-mail address {address} to an Active Directory object."
        return {"scheduleId": address, "error": {"message": text, "responseCode": UNKNOWN}}
    items = [
        one
        for one in lists.overlapping(mailbox.calendar, start, end)
        if one.end > start and not one.is_cancelled
    ]
    if len(items) > MOST_ENTRIES:
        text = "The result set contains too many calendar entries."
        return {"scheduleId": address, "error": {"message": text, "responseCode": TOO_MANY}}
    return {
        "scheduleId": address,
        "availabilityView": _view(items, start, end, minutes),
        "scheduleItems": [_entry(one, call.preferences.time_zone) for one in items],
        "workingHours": _working_hours(mailbox),
    }


def _view(items: list[Item], start: dt.datetime, end: dt.datetime, minutes: int) -> str:
    """Write one digit for each interval: what takes most of the time in it, by weight."""
    step, digits, place = dt.timedelta(minutes=minutes), [], start
    while place < end:
        meant = (one for one in items if one.start < place + step and one.end > place)
        digits.append(max((_DIGITS.get(one.show_as, "0") for one in meant), default="0"))
        place += step
    return "".join(digits)


def _entry(item: Item, zone: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "isPrivate": item.sensitivity in _HIDDEN,
        "status": SHOW_AS[item.show_as],
    }
    if item.sensitivity not in _HIDDEN:
        shown |= {"subject": item.subject, "location": item.location}
    return shown | {"start": times.written(item.start, zone), "end": times.written(item.end, zone)}


def _working_hours(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
        "startTime": "08:00:00.0000000",
        "endTime": "17:00:00.0000000",
        "timeZone": {"name": zones.windows_name(mailbox.time_zone)},
    }
