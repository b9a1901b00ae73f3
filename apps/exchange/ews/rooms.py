"""Rooms to suggest: what the organisation's room lists name. They only suggest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.errors import ExchangeError
from apps.exchange.ews import directory
from apps.exchange.ews.wire import Wire
from apps.exchange.ews.xml import text

if TYPE_CHECKING:
    from apps.exchange.ews.session import EwsSettings

# A page waits for the answers.
MOST_LISTS = 20


@dataclass(frozen=True, slots=True, order=True)
class Room:
    name: str
    email: str
    # The list that names it.
    group: str = ""


def suggestions(settings: EwsSettings) -> list[Room]:
    """All rooms on lists, by name; a list that cannot be read is left out.

    Raises:
        ExchangeError: the lists themselves cannot be read.
    """
    wire = Wire(settings, "")
    found: dict[str, Room] = {}
    for one in directory.get_room_lists(wire)[:MOST_LISTS]:
        try:
            rooms = directory.get_rooms(wire, text(one, "t:EmailAddress"))
        except ExchangeError:
            continue
        for room in rooms:
            email = text(room, "t:EmailAddress")
            if email:
                name = text(room, "t:Name") or email
                found.setdefault(email.lower(), Room(name, email, text(one, "t:Name")))
    return sorted(found.values())
