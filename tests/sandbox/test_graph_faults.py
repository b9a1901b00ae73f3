"""Bad days over Graph."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.sandbox import microsoft
from tests.sandbox.graph import OTHER_ROOM, ROOM, WINDOW, Graph, book, event

EVENTS, VIEW = f"users/{ROOM}/events", f"users/{ROOM}/calendarView"


def arrange(graph: Graph, kind: str, operation: str = "GET calendarView", **more: Any) -> None:
    graph.server.faults.arrange({"kind": kind, "operation": operation, **more})


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("InvalidAuthenticationToken", 401),
        ("ErrorAccessDenied", 403),
        ("MailboxNotEnabledForRESTAPI", 404),
        ("SyncStateNotFound", 410),
        ("ErrorIrresolvableConflict", 412),
        ("ApplicationThrottled", 429),
        ("serviceNotAvailable", 503),
    ],
)
def test_a_code_comes_with_its_status(graph: Graph, code: str, status: int) -> None:
    arrange(graph, "error", code=code)

    assert graph.refused("GET", VIEW, params=WINDOW) == (status, code)
    assert graph.get(VIEW, **WINDOW)["value"] == []


def test_a_code_may_have_another_status(graph: Graph) -> None:
    arrange(
        graph, "error", code="SyncStateNotFound", status=400, message="Gone", values={"more": 1}
    )

    error = graph.ask("GET", VIEW, params=WINDOW)

    assert error.status_code == 400
    assert (error.json()["error"]["message"], error.json()["error"]["more"]) == ("Gone", 1)


def test_one_room_may_be_closed(graph: Graph) -> None:
    arrange(graph, "error", "", mailbox=ROOM, code="ErrorAccessDenied", count=None)

    assert graph.refused("GET", VIEW, params=WINDOW) == (403, "ErrorAccessDenied")
    assert graph.get(f"users/{OTHER_ROOM}/calendarView", **WINDOW)["value"] == []


def test_one_event_may_be_hit_by_either_form_of_its_id(graph: Graph) -> None:
    item = book(graph.server.store)
    first, second = graph.post(EVENTS, event()), graph.get(EVENTS)["value"][1]
    arrange(
        graph,
        "error",
        "DELETE events/{id}",
        code="ErrorIrresolvableConflict",
        item=item.id,
        count=None,
    )

    assert graph.ask("DELETE", f"{EVENTS}/{first['id']}").status_code == 204
    refusal = graph.refused("DELETE", f"{EVENTS}/{second['id']}")

    assert refusal == (412, "ErrorIrresolvableConflict")


def test_throttling_names_the_wait_or_leaves_it_out(graph: Graph) -> None:
    arrange(graph, "busy", seconds=5)
    arrange(graph, "busy", seconds=None, nth=2)

    named, silent = (graph.ask("GET", VIEW, params=WINDOW) for _ in range(2))

    assert (named.status_code, named.headers["Retry-After"]) == (429, "5")
    assert silent.status_code == 429
    assert "Retry-After" not in silent.headers


def test_any_answer_can_be_put_in_place(graph: Graph) -> None:
    arrange(graph, "http", status=503, text="<html>", headers={"Retry-After": "3"})

    answer = graph.ask("GET", VIEW, params=WINDOW)

    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (503, "<html>", "3")


@pytest.mark.parametrize(("kind", "written"), [("cut-before", 0), ("cut-after", 1)])
def test_a_connection_is_cut_before_or_after_the_write(
    graph: Graph, kind: str, written: int
) -> None:
    arrange(graph, kind, "POST events")

    with pytest.raises(requests.ConnectionError):
        graph.ask("POST", EVENTS, json=event())

    assert len(graph.get(EVENTS)["value"]) == written
    assert graph.server.requests.lines("POST events")[0].status == 0


def test_a_late_write_lands_when_it_is_let(graph: Graph) -> None:
    arrange(graph, "late", "POST events")
    with pytest.raises(requests.ConnectionError):
        graph.ask("POST", EVENTS, json=event("Late"))
    before = graph.get(EVENTS)["value"]

    graph.server.faults.land()

    assert before == []
    assert [one["subject"] for one in graph.get(EVENTS)["value"]] == ["Late"]


def test_a_truncated_page_leads_on_or_claims_to_be_all(graph: Graph) -> None:
    for day in (1, 2, 3):
        book(graph.server.store, f"Talk {day}", day)
    arrange(graph, "truncate", keep=1)
    arrange(graph, "truncate", keep=1, claims_all=True, nth=3)

    first = graph.get(VIEW, **WINDOW)
    rest = graph.get(first["@odata.nextLink"])
    claims = graph.get(VIEW, **WINDOW)

    assert [len(page["value"]) for page in (first, rest, claims)] == [1, 2, 1]
    assert "@odata.nextLink" not in claims


def test_a_delta_can_be_truncated_too(graph: Graph) -> None:
    for day in (1, 2, 3):
        book(graph.server.store, f"Talk {day}", day)
    arrange(graph, "truncate", "GET calendarView/delta", keep=1)

    rows, _ = graph.round()

    assert {row["subject"] for row in rows} == {"Talk 1", "Talk 2", "Talk 3"}


def test_an_empty_page_leads_to_the_one_that_was_asked_for(graph: Graph) -> None:
    book(graph.server.store)
    arrange(graph, "empty-page", "GET calendarView/delta")
    arrange(graph, "empty-page")

    delta, view = graph.delta().json(), graph.get(VIEW, **WINDOW)

    assert delta["value"] == view["value"] == []
    assert len(graph.round(delta["@odata.nextLink"])[0]) == 1
    assert len(graph.get(view["@odata.nextLink"])["value"]) == 1


def test_each_row_may_come_twice(graph: Graph) -> None:
    book(graph.server.store)
    arrange(graph, "repeat", "GET calendarView/delta")

    rows, _ = graph.round()

    assert len(rows) == 2
    assert rows[0] == rows[1]


def test_a_delta_may_have_lost_its_state(graph: Graph) -> None:
    _, link = graph.round()
    arrange(graph, "bad-sync-state", "GET calendarView/delta")
    arrange(graph, "bad-sync-state", "GET calendarView/delta", bare=True, nth=2)

    answers = [graph.ask("GET", link) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert ["Location" in answer.headers for answer in answers] == [True, False]
    assert graph.round(link)[0] == []


def test_an_answer_may_end_early(graph: Graph) -> None:
    arrange(graph, "cut-xml", part=0.5)

    answer = graph.ask("GET", VIEW, params=WINDOW)

    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_an_event_may_be_odd(graph: Graph) -> None:
    item = book(graph.server.store)
    book(graph.server.store, "Plain", 2)
    arrange(graph, "odd", element="showAs", value="asleep", item=item.id)
    arrange(graph, "odd", element="start.timeZone", remove=True)
    arrange(graph, "odd", element="colour", value={"red": 1})
    arrange(graph, "odd", element="end.dateTime", fraction=".1234567")

    first, second = graph.get(VIEW, **WINDOW)["value"]

    assert (first["showAs"], second["showAs"]) == ("asleep", "busy")
    assert set(first["start"]) == {"dateTime"}
    assert first["colour"] == {"red": 1}
    assert first["end"]["dateTime"] == "2027-03-01T10:00:00.1234567"


def test_a_mailbox_may_be_replaced_in_between(graph: Graph) -> None:
    book(graph.server.store)
    arrange(graph, "replace-mailbox", mailbox=ROOM)

    assert graph.get(VIEW, **WINDOW)["value"] == []


def test_faults_can_be_for_one_application_or_person(graph: Graph) -> None:
    arrange(graph, "error", "", account=microsoft.CLIENT, code="ErrorServerBusy")
    arrange(graph, "error", "", account="somebody@else.example", code="ErrorAccessDenied")

    assert graph.refused("GET", VIEW, params=WINDOW) == (503, "ErrorServerBusy")
    assert graph.get(VIEW, **WINDOW)["value"] == []
