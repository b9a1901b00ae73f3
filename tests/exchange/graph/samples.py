"""Events as Graph writes them."""

from __future__ import annotations

from typing import Any

from apps.exchange.graph.mapping import STAMP


def moment(text: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": f"{text}.0000000", "timeZone": zone}


def event(**changed: Any) -> dict[str, Any]:
    """A single; what is changed to None is left out."""
    told = {
        "@odata.etag": 'W/"key-1"',
        "id": "AAMk=",
        "changeKey": "key-1",
        "createdDateTime": "2027-02-01T08:00:00.1234567Z",
        "transactionId": None,
        "originalStartTimeZone": "GMT Standard Time",
        "iCalUId": "uid-1",
        "subject": "Board",
        "sensitivity": "normal",
        "isAllDay": False,
        "isCancelled": False,
        "isOrganizer": True,
        "seriesMasterId": None,
        "showAs": "busy",
        "type": "singleInstance",
        "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
        "start": moment("2027-03-01T09:00:00"),
        "end": moment("2027-03-01T10:00:00"),
        "recurrence": None,
        "attendees": [],
        "organizer": {"emailAddress": {"name": "Room", "address": "room@example.com"}},
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


def occurrence(day: int = 2, **changed: Any) -> dict[str, Any]:
    return event(
        **{
            "id": f"occ-{day}",
            "type": "occurrence",
            "seriesMasterId": "master",
            "originalStart": f"2027-03-{day:02}T09:00:00Z",
            "start": moment(f"2027-03-{day:02}T09:00:00"),
            "end": moment(f"2027-03-{day:02}T10:00:00"),
            **changed,
        }
    )


def master(**changed: Any) -> dict[str, Any]:
    return event(
        **{"id": "master", "type": "seriesMaster", "recurrence": {}, "iCalUId": "uid-m", **changed}
    )


def stamped(value: str) -> list[dict[str, str]]:
    return [{"id": STAMP, "value": value}]
