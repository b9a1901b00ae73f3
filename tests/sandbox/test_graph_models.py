"""The sandbox's answers read with Microsoft's own models: nothing in them is unknown there, and nothing is lost."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

from apps.sandbox.recurrence import Pattern, Recurrence
from tests.sandbox import microsoft
from tests.sandbox.graph import (
    DESK,
    EXPAND,
    ROOM,
    STAMP,
    WINDOW,
    Graph,
    at,
    attendee,
    book,
    connect,
    event,
    series,
)

EVENTS = f"users/{ROOM}/events"
GENERATED = "msgraph.generated"
PATTERNS = (
    Pattern(kind="Daily", interval=2),
    Pattern(kind="Weekly", days=("Monday", "Friday"), first_day="Monday"),
    Pattern(kind="AbsoluteMonthly", day=31),
    Pattern(kind="RelativeMonthly", days=("Weekday",), order="Last"),
    Pattern(kind="AbsoluteYearly", day=29, month=2),
    Pattern(kind="RelativeYearly", days=("Sunday",), order="Second", month=5),
)


def read(module: str, content: Any) -> Any:
    """Read with the model of a module. Imported here: it takes seconds, and no other test needs it."""
    factory = import_module(
        "kiota_serialization_json.json_parse_node_factory"
    ).JsonParseNodeFactory()
    node = factory.get_root_parse_node("application/json", json.dumps(content).encode())
    model = getattr(import_module(f"{GENERATED}.{module}"), _class_name(module))
    return node.get_object_value(model)


def _class_name(module: str) -> str:
    name = module.rpartition(".")[2]
    return (
        "ODataError"
        if name == "o_data_error"
        else "".join(part.capitalize() for part in name.split("_"))
    )


def unknown(model: Any, path: str = "") -> list[str]:
    """List what the model has no property for, but for annotations."""
    found = []
    for name, held in vars(model).items():
        if name == "additional_data":
            found += [f"{path}.{key}" for key in held if not key.startswith("@")]
            continue
        for one in held if isinstance(held, list) else [held]:
            if hasattr(one, "additional_data"):
                found += unknown(one, f"{path}.{name}")
    return found


def lost(model: Any, content: Any) -> list[str]:
    """List what was given and is not in the model, such as a word that its enumeration does not know."""
    writer = import_module(
        "kiota_serialization_json.json_serialization_writer"
    ).JsonSerializationWriter()
    writer.write_object_value(None, model)
    return _missing(content, json.loads(writer.get_serialized_content()), "")


def _missing(given: Any, kept: Any, path: str) -> list[str]:
    if isinstance(given, dict):
        return [
            wrong
            for name, value in given.items()
            if value is not None and not name.startswith("@")
            for wrong in _missing(value, (kept or {}).get(name), f"{path}.{name}")
        ]
    if isinstance(given, list) and given:
        if len(kept or ()) != len(given):
            return [path]
        return [
            wrong
            for one, other in zip(given, kept, strict=True)
            for wrong in _missing(one, other, path)
        ]
    return [path] if kept is None and given != [] else []


def check(module: str, content: Any) -> None:
    model = read(module, content)
    assert unknown(model) == []
    assert lost(model, content) == []


@pytest.fixture
def busy(graph: Graph) -> Graph:
    """A room's calendar with one of each kind of event."""
    store = graph.server.store
    stamp = [{"id": STAMP, "value": "1:a"}]
    graph.post(
        EVENTS,
        event(
            transactionId="t", singleValueExtendedProperties=stamp, location={"displayName": "Quay"}
        ),
    )
    graph.post(
        EVENTS, event(day=2, isAllDay=True, start=at(2, 0), end=at(3, 0), categories=["Red"])
    )
    invited = [
        attendee(ROOM, "resource"),
        attendee("ann@far.example"),
        attendee("bob@far.example", "optional"),
    ]
    graph.post(f"users/{DESK}/events", event("Meeting", 3, attendees=invited))
    master = series(store)
    store.change(
        store.occurrence(master.id, 2).id, {"subject": "Other", "show_as": "WorkingElsewhere"}
    )
    store.delete(store.occurrence(master.id, 3).id)
    return graph


def test_a_property_or_a_word_that_microsoft_does_not_know_is_noticed(graph: Graph) -> None:
    made = graph.post(EVENTS, event())

    odd = {**made, "colour": "red", "showAs": "asleep", "start": {**made["start"], "era": "AD"}}

    model = read("models.event", odd)
    assert sorted(unknown(model)) == [".colour", ".start.era"]
    assert lost(model, odd) == [".showAs"]


def test_events_and_views_are_microsofts(busy: Graph) -> None:
    view = busy.get(
        f"users/{ROOM}/calendarView", **WINDOW, **{"$expand": EXPAND, "$top": "2", "$count": "true"}
    )
    assert len(view["value"]) == 2
    check("models.event_collection_response", view)
    listed = busy.get(EVENTS, **{"$expand": EXPAND})
    check("models.event_collection_response", listed)
    check("models.event_collection_response", busy.get(f"users/{DESK}/events"))
    asked = {"$expand": "exceptionOccurrences"}
    master = next(one for one in listed["value"] if one["type"] == "seriesMaster")
    found = busy.get(f"{EVENTS}/{master['id']}", **asked)
    assert len(found["exceptionOccurrences"]) == 1
    check("models.event", found)
    cancelled = busy.get(f"{EVENTS}/{master['id']}", **{"$select": "cancelledOccurrences"})
    assert len(cancelled["cancelledOccurrences"]) == 1
    check("models.event", cancelled)


def test_deltas_are_microsofts(busy: Graph) -> None:
    whole = busy.delta(prefer="odata.maxpagesize=100").json()
    busy.server.store.delete(book(busy.server.store).id)
    _, link = busy.round()
    busy.ask("DELETE", f"{EVENTS}/{whole['value'][0]['id']}")
    changed = busy.ask("GET", link).json()

    assert "@removed" in json.dumps(changed["value"])
    module = "users.item.calendar_view.delta.delta_get_response"
    for content in (whole, changed):
        check(module, content)
        assert read(module, content).odata_delta_link == content["@odata.deltaLink"]


def test_every_kind_of_recurrence_is_microsofts(graph: Graph) -> None:
    for pattern in PATTERNS:
        start = book(graph.server.store).start.date()
        rule = Recurrence(pattern=pattern, start=start, count=3)
        book(graph.server.store, pattern.kind, recurrence=rule)

    listed = graph.get(EVENTS, **{"$top": "100"})

    check("models.event_collection_response", listed)
    written = [one["recurrence"] for one in listed["value"] if one["recurrence"]]
    assert {one["pattern"]["type"] for one in written} == {
        pattern.kind[0].lower() + pattern.kind[1:] for pattern in PATTERNS
    }
    for recurrence in written:
        again = graph.post(EVENTS, event(recurrence=recurrence))
        assert again["recurrence"]["pattern"] == recurrence["pattern"]


def test_calendars_people_and_places_are_microsofts(graph: Graph) -> None:
    store = graph.server.store
    store.add_room_list(
        microsoft.LANTERN, name="Tower", address="rooms@lantern.example", members=[ROOM]
    )
    desk = connect(graph.server, DESK, scopes=["User.Read", "MailboxSettings.Read"])

    made = graph.post(f"users/{ROOM}/events", event())
    check("models.calendar", graph.get(f"users/{ROOM}/calendar"))
    check("models.calendar", graph.get(f"users/{ROOM}/events/{made['id']}/calendar"))
    check("models.calendar_collection_response", graph.get(f"users/{ROOM}/calendars"))
    check("models.room_collection_response", graph.get("places/microsoft.graph.room"))
    check("models.room_list_collection_response", graph.get("places/microsoft.graph.roomlist"))
    check("models.user", desk.get("me"))
    check("models.organization_collection_response", desk.get("organization"))
    check("models.mailbox_settings", desk.get("me/mailboxSettings"))


def test_schedules_translations_and_refusals_are_microsofts(busy: Graph) -> None:
    schedules = {
        "schedules": [ROOM, "nobody@lantern.example"],
        "startTime": at(1, 0),
        "endTime": at(5, 0),
    }
    schedule = busy.post(f"users/{ROOM}/calendar/getSchedule", schedules, status=200)
    ids = {
        "inputIds": [one["id"] for one in busy.get(EVENTS)["value"]],
        "sourceIdType": "restImmutableEntryId",
        "targetIdType": "ewsId",
    }
    translated = busy.post(f"users/{ROOM}/translateExchangeIds", ids, status=200)

    check("users.item.calendar.get_schedule.get_schedule_post_response", schedule)
    below = "users.item.translate_exchange_ids.translate_exchange_ids_post_response"
    check(below, translated)
    refusal = busy.ask("GET", f"{EVENTS}/nonsense").json()
    error = read("models.o_data_errors.o_data_error", refusal)
    assert unknown(error) == []
    assert error.error.inner_error.request_id == refusal["error"]["innerError"]["request-id"]
