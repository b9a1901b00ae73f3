from __future__ import annotations

import pytest

from apps.exchange import errors
from apps.exchange.graph import rooms
from apps.exchange.graph.rooms import Room
from tests.exchange.ews.sandbox_room import OTHER, ROOM
from tests.exchange.graph.sandbox_room import GraphRoom
from tests.exchange.graph.scripted import Graph


def test_rooms_of_the_organisation_are_suggested(room: GraphRoom) -> None:
    found = rooms.suggestions(room.settings)

    assert [one.email for one in found] == [OTHER, ROOM]
    assert [one.name for one in found] == ["Lounge", "Room"]


def test_without_the_permission_there_are_none(room: GraphRoom) -> None:
    room.tokens.allow("Calendars.ReadWrite")

    assert rooms.suggestions(room.settings) == []


def test_directory_that_fails_says_so(graph: Graph) -> None:
    graph.refuses(503, "serviceNotAvailable")

    with pytest.raises(errors.Transient):
        rooms.suggestions(graph.settings())


def test_pages_are_followed_and_odd_rows_passed_over(graph: Graph) -> None:
    graph.says(
        {
            "value": [
                {"displayName": "Beta", "emailAddress": "b@example.com", "building": "North"},
                {"displayName": "No address"},
                "odd",
            ],
            "@odata.nextLink": graph.link("/places/microsoft.graph.room?$skip=100"),
        },
        {"value": [{"emailAddress": "a@example.com"}, {"emailAddress": "B@example.com"}]},
    )

    assert rooms.suggestions(graph.settings()) == [
        Room("Beta", "b@example.com", "North"),
        Room("a@example.com", "a@example.com"),
    ]


def test_directory_without_end_is_cut(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_PAGES", 1)
    monkeypatch.setattr(rooms, "PAGE", 2)
    page = {"value": [{"emailAddress": f"{number}@example.com"} for number in range(3)]}
    graph.says({**page, "@odata.nextLink": graph.link("/places/microsoft.graph.room?$skip=3")})

    assert len(rooms.suggestions(graph.settings())) == 2
    assert len(graph.asked) == 1
