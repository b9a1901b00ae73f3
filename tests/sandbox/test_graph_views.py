"""Lists over Graph: calendars, calendarView and events, with what can be asked of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.graph import (
    EXPAND,
    OTHER_ROOM,
    ROOM,
    STAMP,
    WINDOW,
    Graph,
    book,
    event,
    series,
    utc,
)

VIEW, EVENTS = f"users/{ROOM}/calendarView", f"users/{ROOM}/events"


def subjects(content: Any) -> list[str]:
    return [one["subject"] for one in content["value"]]


def test_a_calendar_is_found_by_address_alias_object_id_and_its_own_id(graph: Graph) -> None:
    graph.server.store.mailbox(ROOM).aliases = ("light@lantern.example",)
    found = graph.get(f"users/{ROOM}/calendar")
    oid = found["@odata.context"].split("'")[1]

    assert found["canEdit"] is True
    assert found["isDefaultCalendar"] is True
    assert found["owner"] == {"name": "Beacon", "address": ROOM}
    for user in ("light@lantern.example", oid, ROOM.upper()):
        assert graph.get(f"users/{user}/calendar")["id"] == found["id"]
    assert graph.get(f"users/{ROOM}/calendars/{found['id']}")["id"] == found["id"]
    assert graph.get(f"users/{OTHER_ROOM}/calendar")["id"] != found["id"]


def test_calendars_are_listed_and_each_holds_its_own_events(graph: Graph) -> None:
    mailbox = graph.server.store.mailbox(ROOM)
    graph.server.store.move(book(graph.server.store, "Aside").id, mailbox.other.id)
    book(graph.server.store, "Here")

    first, second = graph.get(f"users/{ROOM}/calendars")["value"]

    assert subjects(graph.get(f"users/{ROOM}/calendars/{first['id']}/events")) == ["Here"]
    view = graph.get(f"users/{ROOM}/calendars/{second['id']}/calendarView", **WINDOW)
    assert subjects(view) == ["Aside"]
    made = graph.post(f"users/{ROOM}/calendars/{second['id']}/events", event("There"))
    assert subjects(graph.get(f"users/{ROOM}/calendars/{second['id']}/events"))[0] == "There"
    assert graph.get(f"{EVENTS}/{made['id']}")["subject"] == "There"


def test_an_event_names_the_calendar_that_it_lies_in_and_none_once_it_is_deleted(
    graph: Graph,
) -> None:
    store = graph.server.store
    first, second = graph.get(f"users/{ROOM}/calendars")["value"]
    made = graph.post(EVENTS, event("Wanders"), prefer='IdType="ImmutableId"')
    home = f"{EVENTS}/{made['id']}/calendar"

    assert graph.get(home, **{"$select": "id"})["id"] == first["id"]
    moved = store.move(store.mailbox(ROOM).calendar.items[0].id, store.mailbox(ROOM).other.id)
    assert graph.get(home)["id"] == second["id"]
    store.delete(moved.id, "MoveToDeletedItems")
    assert graph.ask("GET", home).status_code == 404


def test_a_view_shows_singles_occurrences_and_exceptions_by_start_but_no_master(
    graph: Graph,
) -> None:
    store = graph.server.store
    master = series(store)
    store.change(store.occurrence(master.id, 2).id, {"subject": "Longer", "end": utc(11, 12)})
    book(store, "Early", 2)
    book(store, "Later", 1, start=utc(1, 9, month=5), end=utc(1, 10, month=5))

    found = graph.get(VIEW, **WINDOW)

    assert subjects(found) == ["Early", "Weekly", "Longer", "Weekly"]
    kinds = [one["type"] for one in found["value"]]
    assert kinds == ["singleInstance", "occurrence", "exception", "occurrence"]


def test_a_view_needs_its_window(graph: Graph) -> None:
    assert graph.refused("GET", VIEW) == (400, "ErrorInvalidParameter")
    backwards = {"startDateTime": WINDOW["endDateTime"], "endDateTime": WINDOW["startDateTime"]}
    code = "ErrorCalendarEndDateIsEarlierThanStartDate"
    assert graph.refused("GET", VIEW, params=backwards) == (400, code)


def test_a_window_may_have_an_offset(graph: Graph) -> None:
    book(graph.server.store)

    near = {
        "startDateTime": "2027-03-01T12:30:00+02:00",
        "endDateTime": "2027-03-01T18:00:00+02:00",
    }
    far = near | {"startDateTime": "2027-03-01T11:30:00+02:00"}

    assert subjects(graph.get(VIEW, **near)) == []
    assert subjects(graph.get(VIEW, **far)) == ["Talk"]


def test_pages_are_of_ten_unless_more_are_asked_for_and_the_link_leads_on(graph: Graph) -> None:
    for number in range(12):
        book(graph.server.store, f"Talk {number:02}", number + 1)

    first = graph.get(VIEW, **WINDOW)
    rest = graph.get(first["@odata.nextLink"])
    whole = graph.get(VIEW, **WINDOW, **{"$top": "1000", "$count": "true"})

    assert len(first["value"]) == 10
    assert subjects(first) + subjects(rest) == subjects(whole)
    assert "@odata.nextLink" not in rest
    assert "@odata.nextLink" not in whole
    assert whole["@odata.count"] == 12


def test_a_page_size_may_be_preferred(graph: Graph) -> None:
    for day in (1, 2, 3):
        book(graph.server.store, day=day)

    answer = graph.ask("GET", VIEW, params=WINDOW, prefer="odata.maxpagesize=2")

    assert len(answer.json()["value"]) == 2
    assert "odata.maxpagesize=2" in answer.headers["Preference-Applied"]


def test_select_leaves_id_and_etag_and_the_link_keeps_it(graph: Graph) -> None:
    for day in (1, 2):
        book(graph.server.store, day=day)

    first = graph.get(VIEW, **WINDOW, **{"$select": "subject,start", "$top": "1"})
    second = graph.get(first["@odata.nextLink"])

    assert set(first["value"][0]) == {"@odata.etag", "id", "subject", "start"}
    assert set(second["value"][0]) == set(first["value"][0])


def test_a_view_can_be_sorted(graph: Graph) -> None:
    for day, subject in ((1, "B"), (2, "C"), (3, "A")):
        book(graph.server.store, subject, day)

    assert subjects(graph.get(VIEW, **WINDOW, **{"$orderby": "subject"})) == ["A", "B", "C"]
    backwards = {"$orderby": "start/dateTime desc"}
    assert subjects(graph.get(VIEW, **WINDOW, **backwards)) == ["A", "C", "B"]


def test_a_view_expands_extended_properties_of_occurrences_too(graph: Graph) -> None:
    stamp = [{"id": STAMP, "value": "1:a"}]
    graph.post(EVENTS, event(singleValueExtendedProperties=stamp))
    book(graph.server.store, "Unstamped", 2)

    found = graph.get(VIEW, **WINDOW, **{"$expand": EXPAND})["value"]

    assert found[0]["singleValueExtendedProperties"] == stamp
    assert "singleValueExtendedProperties" not in found[1]


def test_events_lists_singles_and_masters_of_all_times(graph: Graph) -> None:
    series(graph.server.store)
    book(
        graph.server.store,
        "Old",
        start=utc(1, 9).replace(year=2019),
        end=utc(1, 10).replace(year=2019),
    )

    found = graph.get(EVENTS)["value"]

    assert [one["type"] for one in found] == ["singleInstance", "seriesMaster"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("iCalUId eq 'UID-1'", ["One"]),
        ("subject eq 'It''s two'", ["It's two"]),
        ("startswith(subject,'it')", ["It's two"]),
        (
            "start/dateTime ge '2027-03-02T00:00' and end/dateTime le '2027-03-02T23:00'",
            ["It's two"],
        ),
        ("lastModifiedDateTime gt 2100-01-01T00:00:00Z", []),
    ],
)
def test_events_can_be_filtered(graph: Graph, condition: str, expected: list[str]) -> None:
    book(graph.server.store, "One", uid="UID-1")
    book(graph.server.store, "It's two", 2)

    assert subjects(graph.get(EVENTS, **{"$filter": condition})) == expected


def test_events_can_be_found_by_an_extended_property_whatever_its_letter_case(graph: Graph) -> None:
    for value in ("1:a", "1:b"):
        stamp = [{"id": STAMP, "value": value}]
        graph.post(EVENTS, event(value, singleValueExtendedProperties=stamp))

    sought = f"singleValueExtendedProperties/Any(ep: ep/id eq '{STAMP}' and ep/value eq '1:B')"

    assert subjects(graph.get(EVENTS, **{"$filter": sought})) == ["1:b"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"$filter": "colour eq 'red'"},
        {"$filter": "subject eq red"},
        {"$orderby": "colour"},
        {"$top": "1001"},
        {"$top": "many"},
        {"$expand": "nonsense"},
        {"$select": "subject,uid"},
        {"$expand": "singleValueExtendedProperties"},
    ],
)
def test_what_a_list_does_not_know_is_refused(graph: Graph, wrong: dict[str, str]) -> None:
    assert graph.ask("GET", EVENTS, params=wrong).status_code == 400


def test_paths_methods_and_bodies_that_there_are_not_are_refused(graph: Graph) -> None:
    assert graph.refused("GET", f"users/{ROOM}/mail") == (400, "BadRequest")
    assert graph.refused("PATCH", EVENTS, json={})[0] == 405
    assert (
        graph.refused("POST", EVENTS, data="{", headers={"Content-Type": "application/json"})[0]
        == 400
    )
    assert graph.refused("GET", f"{graph.server.graph_url}/v9/me") == (400, "BadRequest")


def test_a_cancelled_meeting_stays_and_says_so(graph: Graph) -> None:
    store = graph.server.store
    item = book(store)
    store.write(item.id, {}, is_cancelled=True)

    assert graph.get(VIEW, **WINDOW)["value"][0]["isCancelled"] is True


def test_a_window_of_more_than_five_years_is_too_much(graph: Graph) -> None:
    long = {"startDateTime": "2020-01-01", "endDateTime": "2027-01-01"}

    assert graph.refused("GET", VIEW, params=long) == (400, "ErrorCalendarViewRangeTooBig")


def test_a_calendar_can_be_asked_for_some_properties(graph: Graph) -> None:
    found = graph.get(f"users/{ROOM}/calendar", **{"$select": "canEdit"})

    assert {name for name in found if not name.startswith("@")} == {"id", "canEdit"}


def test_an_unknown_calendar_is_not_found(graph: Graph) -> None:
    assert graph.refused("GET", f"users/{ROOM}/calendars/AAU/events") == (404, "ErrorItemNotFound")
