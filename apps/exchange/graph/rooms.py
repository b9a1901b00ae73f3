"""Rooms to suggest: what the organisation's directory of places names. They only suggest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.errors import AccessDenied
from apps.exchange.graph import links
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.mapping import text

if TYPE_CHECKING:
    from apps.exchange.graph.session import GraphSettings

# A page waits for the answers.
MOST_PAGES = 10
PAGE = 100


@dataclass(frozen=True, slots=True, order=True)
class Room:
    name: str
    email: str
    # The building that it is in.
    group: str = ""


def suggestions(settings: GraphSettings) -> list[Room]:
    """All rooms, by name; none without the permission Place.Read.All, which is not needed otherwise.

    https://learn.microsoft.com/graph/api/place-list. A new room takes up to a day to be listed.

    Raises:
        ExchangeError: they cannot be read.
    """
    client = Client(settings, "")
    url = links.with_query(links.path("places", "microsoft.graph.room"), _top=str(PAGE))
    found: dict[str, Room] = {}
    try:
        for number, row in enumerate(client.rows(Call("GET places", url), lets_pass=True)):
            if number >= MOST_PAGES * PAGE:
                break
            email = text(row, "emailAddress")
            if email:
                name = text(row, "displayName") or email
                found.setdefault(email.lower(), Room(name, email, text(row, "building")))
    except AccessDenied:
        return []
    return sorted(found.values())
