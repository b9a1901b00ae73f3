from __future__ import annotations

import pytest

from apps.exchange.graph import links
from apps.exchange.graph.links import LeadsElsewhere

BASE = "https://graph.example/graph/v1.0"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (f"{BASE}/users/a@b/calendarView/delta?$deltatoken=x%2By", "/users/a@b/calendarView/delta?$deltatoken=x%2By"),
        ("HTTPS://GRAPH.example:443/graph/v1.0/me", "/me"),
        (f"{BASE}/users/a..b@c/events", "/users/a..b@c/events"),
    ],
)  # fmt: skip
def test_link_of_graph_itself_is_followed(link: str, expected: str) -> None:
    assert links.relative(BASE, link) == expected


@pytest.mark.parametrize(
    "link",
    [
        "",
        "garbage",
        "/users/a",
        "//graph.example/graph/v1.0/users",
        "http://graph.example/graph/v1.0/users",
        "https://graph.example:444/graph/v1.0/users",
        "https://graph.example.evil.example/graph/v1.0/users",
        "https://evil.example/graph/v1.0/users",
        "https://graph.example@evil.example/graph/v1.0/users",
        "https://user@graph.example/graph/v1.0/users",
        "https://graph.example/graph/v1.0",
        "https://graph.example/graph/v1.0evil/users",
        "https://graph.example/graph/beta/users",
        "https://graph.example/graph/v1.0/../../elsewhere",
        "https://graph.example/graph/v1.0/%2e%2E/elsewhere",
        "https://graph.example/graph/v1.0/users/..%2f..%2Felsewhere",
        "https://graph.example/graph/v1.0/%252e%252e/elsewhere",
        "https://graph.example/graph/v1.0/a\\b",
        "https://graph.example/graph/v1.0/a%5Cb",
        "https://graph.example/graph/v1.0/a b",
        "https://graph.example/graph/v1.0/a\r\nHost: evil",
        "https://graph.example/graph/v1.0/a#part",
        "https://graph.example:port/graph/v1.0/users",
        "file:///graph/v1.0/users",
    ],
)
def test_link_that_leads_elsewhere_is_not(link: str) -> None:
    with pytest.raises(LeadsElsewhere):
        links.relative(BASE, link)


def test_id_is_one_segment_whatever_is_in_it() -> None:
    assert links.path("users", "a+b@c", "events", "A/B?c=%#") == (
        "/users/a%2Bb@c/events/A%2FB%3Fc%3D%25%23"
    )


def test_arguments_are_encoded() -> None:
    found = links.with_query("/x", startDateTime="2027-03-01T00:00:00Z", _filter="a eq 'b&c'")

    assert found == "/x?startDateTime=2027-03-01T00:00:00Z&$filter=a%20eq%20%27b%26c%27"
