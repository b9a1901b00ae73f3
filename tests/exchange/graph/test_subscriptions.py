"""What Graph says of subscriptions, and what we make of it."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pytest

from apps.exchange import errors
from apps.exchange.graph.subscriptions import GraphNotifiers
from apps.exchange.push import AlreadyPromised
from tests.exchange.graph.scripted import ROOM, Graph
from tests.exchange.http import Answer

UNTIL = dt.datetime(2027, 3, 4, 9, 0, tzinfo=dt.UTC)
WHERE = "https://sync.example.com/exchange/notifications/"
KEY = "7F105C7D-2dc5-4530-97cd-4e7ae6534c07"
CLIENT_STATE = "what its notifications carry"


def row(**changed: Any) -> dict[str, Any]:
    return {
        "id": KEY,
        "resource": f"users/{ROOM}/events",
        "changeType": "created,updated,deleted",
        "clientState": None,
        "notificationUrl": WHERE,
        "expirationDateTime": "2027-03-04T09:00:00Z",
        **changed,
    }


@pytest.fixture
def notifiers(graph: Graph) -> GraphNotifiers:
    return GraphNotifiers(graph.settings())


def promise(notifiers: GraphNotifiers) -> Any:
    return notifiers.promise(ROOM, address=WHERE, secret=CLIENT_STATE, until=UNTIL)


def test_all_changes_and_lifecycle_events_are_asked_for_with_ids_that_stay(
    graph: Graph, notifiers: GraphNotifiers
) -> None:
    graph.says(row(), status=201)

    made = promise(notifiers)

    assert (made.id, made.expires_at, made.email) == (KEY.lower(), UNTIL, ROOM)
    assert graph.paths == ["POST /subscriptions"]
    assert 'IdType="ImmutableId"' in graph.asked[0].headers["Prefer"]
    assert graph.body() == {
        "changeType": "created,updated,deleted",
        "notificationUrl": WHERE,
        "lifecycleNotificationUrl": WHERE,
        "resource": f"users/{ROOM}/events",
        "expirationDateTime": "2027-03-04T09:00:00Z",
        "clientState": CLIENT_STATE,
        "latestSupportedTlsVersion": "v1_2",
    }


@pytest.mark.parametrize(
    "written",
    ["2027-03-04T09:00:00.0000000Z", "2027-03-04T09:00:00", "2027-03-04T10:00:00.0+01:00"],
)
def test_end_is_read_however_it_is_written(
    graph: Graph, notifiers: GraphNotifiers, written: str
) -> None:
    graph.says(row(expirationDateTime=written))

    assert notifiers.renew(KEY, UNTIL).expires_at == UNTIL


@pytest.mark.parametrize(
    "resource", [f"Users/{ROOM}/Events", f"/users('{ROOM}')/events", f"/users/{ROOM}/events/"]
)
def test_mailbox_is_read_however_it_is_written(
    graph: Graph, notifiers: GraphNotifiers, resource: str
) -> None:
    graph.says({"value": [row(resource=resource), row(resource="me/messages")]})

    assert [one.email for one in notifiers.promises()] == [ROOM, ""]


def test_list_is_read_to_its_end(graph: Graph, notifiers: GraphNotifiers) -> None:
    link = graph.link("/subscriptions?$skiptoken=x")
    graph.says({"value": [row()], "@odata.nextLink": link}, {"value": [row(id="b")]})

    assert [one.id for one in notifiers.promises()] == [KEY.lower(), "b"]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (409, "Conflict", AlreadyPromised),
        (400, "ValidationError", errors.Rejected),
        (400, "InvalidRequest", errors.Rejected),
        (403, "ExtensionError", errors.AccessDenied),
        (404, "ExtensionError", errors.NotFound),
        (429, "TooManyRequests", errors.Throttled),
        (500, "UnknownError", errors.Unclear),
    ],
)
def test_refusal_says_what_to_do(
    graph: Graph, notifiers: GraphNotifiers, status: int, code: str, error: type[Exception]
) -> None:
    graph.refuses(status, code)

    with pytest.raises(error) as refused:
        promise(notifiers)

    assert type(refused.value) is error


@pytest.mark.parametrize("code", ["ResourceNotFound", "NotFound", "", "ExtensionError"])
def test_whatever_the_code_it_is_gone(graph: Graph, notifiers: GraphNotifiers, code: str) -> None:
    graph.refuses(404, code)
    with pytest.raises(errors.NotFound):
        notifiers.renew(KEY, UNTIL)

    graph.refuses(404, code)
    notifiers.end(KEY)

    assert graph.paths == [f"PATCH /subscriptions/{KEY}", f"DELETE /subscriptions/{KEY}"]


@pytest.mark.parametrize(
    "answer",
    [row(id=None), row(expirationDateTime=None), row(expirationDateTime="soon"), Answer("{", 201)],
    ids=["no-id", "no-end", "odd-end", "no-json"],
)
def test_answer_that_cannot_be_read_may_have_made_one(
    graph: Graph, notifiers: GraphNotifiers, answer: Any
) -> None:
    graph.says(answer, status=201)

    with pytest.raises(errors.Unclear):
        promise(notifiers)


def test_secret_is_in_no_log_and_no_error(
    graph: Graph, notifiers: GraphNotifiers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    graph.refuses(400, "ValidationError")

    with pytest.raises(errors.Rejected) as refused:
        promise(notifiers)

    assert CLIENT_STATE not in caplog.text
    assert CLIENT_STATE not in f"{refused.value!r}{refused.value.fix}"
