from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.exchange import errors
from apps.exchange.graph import batch
from apps.exchange.graph.client import Call
from apps.exchange.graph.codes import ItemNotFound
from tests.exchange.graph.scripted import ROOM, Graph

DENIED = {"error": {"code": "ErrorAccessDenied", "message": "No."}}
FOUND: dict[str, Any] = {"id": "it"}
CODES = {404: "ErrorItemNotFound"}


def call(number: int, email: str = "") -> Call:
    return Call("GET events/{id}", f"/users/{email or ROOM}/events/{number}", email=email)


# What needs a code to be believed.
CODES = {404: "ErrorItemNotFound"}


def answers(*statuses: tuple[str, int], **headers: str) -> dict[str, Any]:
    """A batch's answer: each part by its name, with a good body or an error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "responses": [
            {
                "id": name,
                "status": status,
                "headers": named,
                "body": FOUND if status == 200 else {"error": {"code": CODES.get(status, "")}},
            }
            for name, status in statuses
        ]
    }


def test_one_read_is_no_batch(graph: Graph) -> None:
    graph.says(FOUND)

    assert batch.ask(graph.client(), [call(0)]) == [FOUND]

    assert graph.paths == [f"GET /users/{ROOM}/events/0"]


def test_parts_are_told_apart_by_their_names(graph: Graph) -> None:
    graph.says(answers(("1", 404), ("0", 200)))

    first, second = batch.ask(graph.client(), [call(0), call(1)])

    assert first == FOUND
    assert isinstance(second, errors.NotFound)
    (one, other) = graph.body()["requests"]
    assert one == {
        "id": "0",
        "method": "GET",
        "url": f"/users/{ROOM}/events/0",
        "headers": {"Prefer": 'IdType="ImmutableId", outlook.timezone="UTC"'},
    }
    assert "dependsOn" not in other


def test_many_of_one_mailbox_come_one_after_another_and_none_for_anothers_sake(
    graph: Graph,
) -> None:
    graph.says(answers(("mailbox", 200), *((str(number), 404) for number in range(5))))

    found = batch.ask(graph.client(), [call(number) for number in range(5)])

    assert [type(one) for one in found] == [ItemNotFound] * 5
    parts = graph.body()["requests"]
    assert parts[0]["url"] == f"/users/{ROOM}/calendar?$select=id"
    assert "dependsOn" not in parts[0]
    assert [part["dependsOn"] for part in parts[1:]] == [["mailbox"]] * 5


def test_no_batch_is_larger_than_twenty(graph: Graph) -> None:
    for numbers in (range(19), range(19, 38), range(38, 40)):
        graph.says(answers(("mailbox", 200), *((str(number), 200) for number in numbers)))

    found = batch.ask(graph.client(), [call(number) for number in range(40)])

    assert found == [FOUND] * 40
    assert [len(graph.body(number)["requests"]) for number in range(3)] == [20, 20, 2]


def test_mailboxes_are_mixed_with_at_most_two_calls_to_each(graph: Graph) -> None:
    emails = [f"room-{number}@example.com" for number in range(8)]
    calls = [call(number, emails[number % 8]) for number in range(24)]
    first = [str(number) for number in range(16)]
    graph.says(
        answers(*((name, 200) for name in first)),
        answers(*((str(number), 200) for number in range(16, 24))),
    )

    assert batch.ask(graph.client(""), calls) == [FOUND] * 24

    parts = graph.body(0)["requests"]
    assert [part["id"] for part in parts] == first
    assert not any("dependsOn" in part for part in parts)


def test_part_that_was_not_tried_is_asked_for_again(graph: Graph) -> None:
    graph.says(
        answers(("mailbox", 200), ("0", 200), ("1", 424), ("2", 424)),
        answers(("1", 200), ("2", 404)),
    )

    found = batch.ask(graph.client(), [call(number) for number in range(3)])

    assert found[:2] == [FOUND, FOUND]
    assert isinstance(found[2], errors.NotFound)


def test_part_that_never_comes_can_only_be_tried_later(graph: Graph) -> None:
    graph.says(answers(("0", 200), ("1", 424)), *[answers(("1", 424))] * (batch.TRIES - 1))

    found = batch.ask(graph.client(), [call(0), call(1)])

    assert found[0] == FOUND
    assert isinstance(found[1], errors.Transient)


def test_mailbox_that_refuses_speaks_for_all_its_parts(graph: Graph) -> None:
    told = answers(("0", 424), ("1", 424), ("2", 424))
    told["responses"].append({"id": "mailbox", "status": 403, "body": DENIED})
    graph.says(told)

    with pytest.raises(errors.AccessDenied):
        batch.ask(graph.client(), [call(number) for number in range(3)])


def test_throttled_part_says_how_long_to_wait(graph: Graph) -> None:
    graph.says(answers(("0", 429), ("1", 200), Retry_After="11"))

    first, second = batch.ask(graph.client(), [call(0), call(1)])

    assert isinstance(first, errors.Throttled)
    assert first.retry_after == dt.timedelta(seconds=11)
    assert second == FOUND


def test_batch_that_is_refused_as_a_whole_says_so(graph: Graph) -> None:
    graph.refuses(429, "TooManyRequests", Retry_After="3")

    with pytest.raises(errors.Throttled):
        batch.ask(graph.client(), [call(0), call(1)])


def test_token_that_runs_out_within_is_refreshed_once(graph: Graph) -> None:
    graph.says(answers(("0", 200), ("1", 401)), answers(("0", 200), ("1", 200)))

    assert batch.ask(graph.client(), [call(0), call(1)]) == [FOUND, FOUND]

    assert graph.tokens.refused == ["token-1"]


def test_part_that_stays_refused_stops_the_connection(graph: Graph) -> None:
    graph.says(answers(("0", 200), ("1", 401)), answers(("0", 200), ("1", 401)))

    found = batch.ask(graph.client(), [call(0), call(1)])

    assert isinstance(found[1], errors.AuthenticationFailed)
    assert len(graph.asked) == 2


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"responses": None},
        {"responses": ["odd", {"id": "0"}, {"id": "0", "status": "200"}]},
    ],
)
def test_batch_of_an_odd_shape_leaves_each_part_for_later(graph: Graph, told: Any) -> None:
    graph.says(*[told] * batch.TRIES)

    found = batch.ask(graph.client(), [call(0), call(1)])

    assert [type(one) for one in found] == [errors.Transient] * 2


def test_part_with_an_odd_body_is_not_understood(graph: Graph) -> None:
    graph.says(
        {
            "responses": [
                {"id": "0", "status": 200, "headers": None, "body": "base64"},
                {"id": "1", "status": 200, "body": FOUND},
            ]
        }
    )

    found = batch.ask(graph.client(), [call(0), call(1)])

    assert isinstance(found[0], errors.Transient)
    assert found[1] == FOUND
