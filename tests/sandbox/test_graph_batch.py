"""Batches: each request judged, counted and logged alone."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.sandbox import microsoft
from tests.sandbox.graph import DESK, OTHER_ROOM, ROOM, WINDOW, Graph, event

CALENDAR, EVENTS = f"/users/{ROOM}/calendar", f"/users/{ROOM}/events"


def one(name: int, url: str = CALENDAR, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"id": str(name), "method": method, "url": url, **more}


def writes(name: int, content: Any, **more: Any) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    return one(name, EVENTS, "POST", body=content, headers=headers, **more)


def batch(graph: Graph, *requests: dict[str, Any]) -> dict[str, Any]:
    """Send a batch; answer the responses by id."""
    answer = graph.post("$batch", {"requests": requests}, status=200)
    return {one["id"]: one for one in answer["responses"]}


def test_each_request_of_a_batch_is_judged_alone(graph: Graph) -> None:
    found = batch(
        graph,
        one(1),
        one(2, "/users/nobody@lantern.example/calendar"),
        writes(3, event("In a batch")),
        one(4, f"/users/{OTHER_ROOM}/calendarView?startDateTime=2027-03-01&endDateTime=2027-04-01"),
    )

    assert {name: one["status"] for name, one in found.items()} == {
        "1": 200,
        "2": 404,
        "3": 201,
        "4": 200,
    }
    assert found["2"]["body"]["error"]["code"] == "ErrorInvalidUser"
    assert found["3"]["body"]["subject"] == "In a batch"
    assert found["3"]["headers"]["Content-Type"].startswith("application/json")


def test_headers_of_each_request_are_its_own(graph: Graph) -> None:
    made = batch(graph, writes(1, event()))["1"]["body"]
    prefer = {"Prefer": 'IdType="ImmutableId"'}

    found = batch(graph, one(1, EVENTS), one(2, EVENTS, headers=prefer))

    plain, immutable = (found[name]["body"]["value"][0]["id"] for name in ("1", "2"))
    assert plain != immutable
    assert made["id"] == plain


def test_what_waits_for_a_request_that_failed_fails_too(graph: Graph) -> None:
    found = batch(
        graph,
        one(1, "/users/nobody@lantern.example/calendar"),
        one(2, dependsOn=["1"]),
        one(3, dependsOn=["2"]),
        one(4),
        one(5, dependsOn=["4"]),
    )

    assert [found[str(name)]["status"] for name in range(1, 6)] == [404, 424, 424, 200, 200]
    assert found["2"]["body"]["error"]["code"] == "FailedDependency"


def test_of_one_mailbox_four_run_at_once_and_the_rest_is_throttled(graph: Graph) -> None:
    found = batch(
        graph, *(one(number) for number in range(1, 7)), one(7, f"/users/{OTHER_ROOM}/calendar")
    )

    assert [found[str(name)]["status"] for name in range(1, 8)] == [200] * 4 + [429] * 2 + [200]
    assert found["5"]["headers"]["Retry-After"] == "1"
    assert "MailboxConcurrency" in found["5"]["body"]["error"]["message"]


def test_a_chain_of_one_mailbox_is_not_throttled(graph: Graph) -> None:
    chain = [one(1), *(one(number, dependsOn=[str(number - 1)]) for number in range(2, 9))]

    assert {answer["status"] for answer in batch(graph, *chain).values()} == {200}


def test_five_requests_at_once_beside_batches_are_too_many_as_well(graph: Graph) -> None:
    graph.server.faults.arrange(
        {"kind": "slow", "seconds": 0.3, "operation": "GET calendar", "count": None}
    )
    token = str(graph.session.headers["Authorization"]).partition(" ")[2]
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(Graph(graph.server, token).ask("GET", CALENDAR.lstrip("/")).status_code)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 200, 200, 200, 429]


def test_each_request_of_a_batch_is_logged(graph: Graph) -> None:
    batch(graph, one(1), writes(2, event()))

    lines = graph.server.requests.lines()
    assert [(line.operation, line.status, line.in_batch) for line in lines] == [
        ("GET calendar", 200, True),
        ("POST events", 201, True),
        ("POST $batch", 200, False),
    ]
    assert {line.mailbox for line in lines} == {ROOM, ""}


def test_me_can_be_named_in_a_batch(graph: Graph) -> None:
    token = graph.server.store.issue(organisation=microsoft.LANTERN, account=DESK)

    found = batch(Graph(graph.server, token), one(1, "/me"), one(2, "/me/calendar"))

    assert found["1"]["body"]["userPrincipalName"] == DESK
    assert found["2"]["body"]["owner"]["address"] == DESK


def test_links_in_a_batch_can_be_followed(graph: Graph) -> None:
    query = "&".join(f"{name}={value}" for name, value in WINDOW.items())
    page = batch(graph, one(1, f"/users/{ROOM}/calendarView/delta?{query}"))["1"]["body"]

    assert graph.round(page["@odata.deltaLink"])[0] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"requests": "many"},
        {"requests": [one(number) for number in range(21)]},
        {"requests": [one(1), one(1)]},
        {"requests": [{"id": "1"}]},
        {"requests": [one(1, dependsOn=["2"]), one(2)]},
        {"requests": [one(1, EVENTS, "POST", body={})]},
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(graph: Graph, wrong: dict[str, Any]) -> None:
    assert graph.refused("POST", "$batch", json=wrong) == (400, "BadRequest")


def test_faults_hit_inside_a_batch(graph: Graph) -> None:
    arrange = graph.server.faults.arrange
    arrange({"kind": "busy", "operation": "GET calendar", "mailbox": OTHER_ROOM, "seconds": 7})
    arrange({"kind": "cut-after", "operation": "POST events"})

    found = batch(graph, one(1), one(2, f"/users/{OTHER_ROOM}/calendar"), writes(3, event("Done")))

    assert found["1"]["status"] == 200
    assert (found["2"]["status"], found["2"]["headers"]["Retry-After"]) == (429, "7")
    assert found["3"]["status"] == 504
    assert [one["subject"] for one in graph.get(EVENTS.lstrip("/"))["value"]] == ["Done"]
