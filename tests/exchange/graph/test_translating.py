"""Ids of EWS and of Graph: each becomes the other where the server says so, and nothing is made up."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.exchange import errors
from apps.exchange.calendar import Window
from apps.exchange.graph import translating
from apps.exchange.translation import is_same_folder
from tests.exchange.contract.room import HOUR, NOW
from tests.exchange.ews.sandbox_room import ROOM
from tests.exchange.graph.sandbox_room import GraphRoom
from tests.exchange.graph.scripted import Graph

EMAIL = "room@example.com"


def test_id_of_ews_becomes_the_one_that_graph_tells_and_back(room: GraphRoom) -> None:
    room.tokens.allow("Calendars.ReadWrite", "User.Read.All")
    ews_id = room.outlook.book(NOW, NOW + HOUR, "Theirs")
    translator = translating.translator_for(room.settings, ROOM)
    (event,) = room.calendar.view(room_window()).events

    there = translator.to_graph([ews_id, "no id at all"])

    assert there == {ews_id: event.key.item_id}
    assert translator.to_ews([event.key.item_id]) == {event.key.item_id: ews_id}


def room_window() -> Window:
    return Window(NOW, NOW + dt.timedelta(days=1))


def test_thousand_ids_at_once_and_not_one_more(graph: Graph) -> None:
    graph.says({"value": []}, {"value": []})
    ids = [str(number) for number in range(1001)]

    translating.translator_for(graph.settings(), EMAIL).to_graph(ids)

    first, second = graph.body(0), graph.body(1)
    assert (len(first["inputIds"]), len(second["inputIds"])) == (1000, 1)
    assert first["sourceIdType"] == "ewsId"
    assert first["targetIdType"] == "restImmutableEntryId"


def test_nothing_to_translate_asks_nothing(graph: Graph) -> None:
    assert translating.translator_for(graph.settings(), EMAIL).to_ews([]) == {}
    assert graph.asked == []


def test_answers_about_other_ids_and_without_a_target_count_for_nothing(graph: Graph) -> None:
    graph.says(
        {
            "value": [
                {"sourceId": "a", "targetId": "A"}, {"sourceId": "b"}, {"sourceId": "x", "targetId": "X"},
                {"sourceId": "c", "targetId": 7}, "odd",
            ]
        }
    )  # fmt: skip

    found = translating.translator_for(graph.settings(), EMAIL).to_graph(["a", "b", "c"])

    assert found == {"a": "A"}


def test_grant_that_does_not_cover_it_says_so(graph: Graph) -> None:
    graph.refuses(403, "ErrorAccessDenied")

    with pytest.raises(errors.AccessDenied):
        translating.translator_for(graph.settings(), EMAIL).to_graph(["a"])


def test_folder_is_the_same_in_the_alphabet_of_addresses() -> None:
    assert is_same_folder("AAMk/a+b=", "AAMk-a_b=")
    assert not is_same_folder("AAMk/a+b=", "AAMk-a_c=")
