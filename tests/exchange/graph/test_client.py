from __future__ import annotations

import datetime as dt
import logging
import threading
import traceback
from typing import Any

import pytest

from apps.exchange import errors, transport
from apps.exchange.graph import client as client_module
from apps.exchange.graph import session
from apps.exchange.graph.client import Call
from apps.exchange.graph.session import ACCOUNT
from tests.exchange.graph.scripted import ROOM, SECRET, Graph
from tests.exchange.http import Answer

READ = Call("GET calendarView", f"/users/{ROOM}/calendarView")
WRITE = Call("POST events", f"/users/{ROOM}/events", {"subject": SECRET}, is_write=True)


def test_every_request_says_who_asks_and_how_to_answer(graph: Graph) -> None:
    graph.says({"value": []}, {"value": []})
    client = graph.client()

    client.ask(READ)
    client.ask(READ)

    first, second = (one.headers for one in graph.asked)
    assert first["Authorization"] == "Bearer token-1"
    assert first["User-Agent"] == transport.user_agent()
    assert first["Prefer"] == 'IdType="ImmutableId", outlook.timezone="UTC"'
    assert first["Accept"] == "application/json"
    assert first["client-request-id"] != second["client-request-id"]
    assert client.requests == 2


def test_session_of_a_connection_is_kept(graph: Graph) -> None:
    one = session.session_for(graph.settings())

    assert session.session_for(graph.settings(ACCOUNT)) is one
    session.close_connection("scripted")
    assert session.session_for(graph.settings()) is not one


def test_session_brings_no_cookie_that_another_tenant_was_told(graph: Graph) -> None:
    """Proofs of all tenants share one."""
    graph.says({"value": []}, {"value": []}, Set_Cookie="who=lantern; Path=/")
    client = graph.client()

    client.ask(READ)
    client.ask(READ)

    assert all("Cookie" not in one.headers for one in graph.asked)


class TestTokens:
    def test_refused_token_is_refreshed_once(self, graph: Graph) -> None:
        graph.refuses(401, "InvalidAuthenticationToken")
        graph.says({"value": []})

        assert graph.client().ask(READ) == {"value": []}

        assert graph.tokens.refused == ["token-1"]
        assert [one.headers["Authorization"] for one in graph.asked] == [
            "Bearer token-1",
            "Bearer token-2",
        ]

    def test_second_refusal_stops_the_connection(self, graph: Graph) -> None:
        for _time in range(2):
            graph.refuses(401, "InvalidAuthenticationToken")

        with pytest.raises(errors.AuthenticationFailed) as told:
            graph.client(access=ACCOUNT).ask(READ)

        assert "Grant again" in told.value.fix
        assert len(graph.asked) == 2

    def test_token_never_goes_where_a_link_leads(self, graph: Graph) -> None:
        graph.says({"value": [], "@odata.nextLink": "https://evil.example/graph/v1.0/users"})

        with pytest.raises(errors.Transient):
            list(graph.client().rows(READ))

        assert len(graph.asked) == 1

    def test_redirect_is_not_followed(self, graph: Graph) -> None:
        graph.says(Answer("", 302, {"Location": graph.link("/elsewhere")}))

        with pytest.raises(errors.Transient):
            graph.client().ask(READ)

        assert len(graph.asked) == 1


class TestAnswers:
    def test_pages_are_followed_to_the_last(self, graph: Graph) -> None:
        graph.says(
            {"value": [{"id": "1"}], "@odata.nextLink": graph.link("/users/x?$skip=1")},
            {"value": [], "@odata.nextLink": graph.link("/users/x?$skip=2")},
            {"value": [{"id": "2"}]},
        )

        assert [row["id"] for row in graph.client().rows(READ)] == ["1", "2"]

    @pytest.mark.parametrize("odd", ["odd", None, 7, []])
    def test_row_that_is_no_object_makes_a_list_that_is_not_whole(
        self, graph: Graph, odd: object
    ) -> None:
        graph.says({"value": [{"id": "1"}, odd]}, {"value": [{"id": "1"}, odd]})

        with pytest.raises(errors.Transient):
            list(graph.client().rows(READ))

        assert list(graph.client().rows(READ, lets_pass=True)) == [{"id": "1"}]

    @pytest.mark.parametrize(
        "body", ["", "<html>", "[]", "null", '{"value": [', "[" * 100_000, b"\xff\xfe", "7"]
    )
    @pytest.mark.parametrize("call", [READ, WRITE])
    def test_answer_that_cannot_be_understood_is_one_of_our_errors(
        self, graph: Graph, body: Any, call: Call
    ) -> None:
        graph.says(Answer(body))

        with pytest.raises(errors.Transient) as told:
            graph.client().ask(call)

        assert isinstance(told.value, errors.Unclear) is call.is_write

    @pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"value": "odd"}])
    def test_page_without_rows_is_no_page(self, graph: Graph, body: dict[str, Any]) -> None:
        graph.says(body)

        with pytest.raises(errors.Transient):
            list(graph.client().rows(READ))

    def test_error_without_json_is_judged_by_its_status(self, graph: Graph) -> None:
        graph.says(Answer("<html>gateway</html>", 503, {"Retry-After": "9"}))

        with pytest.raises(errors.Throttled) as told:
            graph.client().ask(WRITE)

        assert told.value.retry_after == dt.timedelta(seconds=9)

    @pytest.mark.parametrize("error", [None, "text", {"code": None}, {"code": {"a": 1}}, []])
    def test_error_of_an_odd_shape_is_judged_by_its_status(self, graph: Graph, error: Any) -> None:
        graph.says({"error": error}, status=403)

        with pytest.raises(errors.AccessDenied):
            graph.client().ask(READ)

    def test_answer_without_end_is_not_read(
        self, graph: Graph, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_module, "LARGEST_ANSWER", 1000)
        graph.says({"value": [], "more": "x" * 2000})

        with pytest.raises(errors.Transient):
            graph.client().ask(READ)

    @pytest.mark.parametrize("call", [READ, WRITE])
    @pytest.mark.parametrize("answer", [Answer(cuts=True), Answer('{"value"', promises=100)])
    def test_answer_that_breaks_off_leaves_doubt_about_a_write(
        self, graph: Graph, call: Call, answer: Answer
    ) -> None:
        graph.says(answer)

        with pytest.raises(errors.Transient) as told:
            graph.client().ask(call)

        assert isinstance(told.value, errors.Unclear) is call.is_write
        assert len(graph.asked) == 1

    def test_server_that_is_not_there_was_told_nothing(self, graph: Graph) -> None:
        client = graph.client()
        graph.server.port = 1
        client.settings = graph.settings()

        with pytest.raises(errors.Transient) as told:
            client.ask(WRITE)

        assert not isinstance(told.value, errors.Unclear)


def test_what_graph_says_reaches_neither_people_nor_logs(
    graph: Graph, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "apps")
    graph.refuses(400, "ErrorPropertyValidationFailure")
    graph.says(Answer(cuts=True))

    for _time in range(2):
        try:
            graph.client().ask(WRITE)
        except errors.ExchangeError as error:
            told = f"{error.cause} {error.fix} {''.join(traceback.format_exception(error))}"
            for secret in (SECRET, "token-1"):
                assert secret not in told
        else:
            raise AssertionError("It was refused.")
    assert SECRET not in caplog.text
    assert "token-1" not in caplog.text
    assert "ErrorPropertyValidationFailure" in caplog.text


def test_what_support_asks_for_stands_in_the_log(
    graph: Graph, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "apps")
    name = "0a1b2c3d-1111-4222-8333-444455556666"
    graph.refuses(503, "serviceNotAvailable", request_id=name)
    graph.refuses(503, "serviceNotAvailable", request_id=SECRET)
    graph.says(Answer(cuts=True))

    for _time in range(3):
        with pytest.raises(errors.Transient):
            graph.client().ask(READ)

    assert name in caplog.text
    assert SECRET not in caplog.text
    assert graph.asked[2].headers["client-request-id"] in caplog.text


def test_two_calls_at_once_are_the_most_to_one_mailbox(graph: Graph) -> None:
    go_on, arrived = threading.Event(), threading.Semaphore(0)
    inside: list[int] = []

    def slow(_asked: object) -> Answer:
        inside.append(1)
        arrived.release()
        go_on.wait(5)
        return Answer('{"value": []}')

    graph.server.answer = slow
    workers = [threading.Thread(target=lambda: graph.client().ask(READ)) for _one in range(3)]
    other = Call("GET calendarView", "/users/lounge@example.com/calendarView")
    workers.append(threading.Thread(target=lambda: graph.client("lounge@example.com").ask(other)))
    for worker in workers:
        worker.start()
    for _one in range(3):
        assert arrived.acquire(timeout=5)

    assert not arrived.acquire(timeout=0.1)
    assert len(inside) == 3

    go_on.set()
    for worker in workers:
        worker.join(5)
    assert len(inside) == 4
