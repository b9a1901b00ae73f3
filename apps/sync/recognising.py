"""Look over a new wire for what was known over the old one: by UID, and whether it is the same mailbox at all."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol

from apps.exchange.calendar import as_items, pages
from apps.exchange.errors import NotFound
from apps.sync.rematching import are_the_same, by_starts, by_uid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.calendar import Calendar, CalendarEvent, Item, Window
    from apps.sync.rematching import Known, Rematch

# So many events are compared where the ids of the folders tell nothing.
COMPARED = 5
# More than these are looked for by reading what the window shows: a search each takes minutes.
SEARCHED_FOR = 20


class Way(Protocol):
    """To one calendar over the new wire."""

    @property
    def port(self) -> Calendar: ...
    @property
    def window(self) -> Window: ...
    @property
    def leads_to_graph(self) -> bool: ...
    def renew(self) -> None:
        """Before each request: keep the lease."""


def find(way: Way, found: Rematch, known: list[Known]) -> None:
    """By UID: in what the window shows where they are many, and each left by a search of its own.

    A series that tells no UID is found by its original starts.
    """
    missing = [one for one in known if one.item_id in found.missing]
    named = [one for one in missing if one.uid]
    unnamed = [one for one in missing if not one.uid and one.is_series]
    items = _shown(way) if unnamed or len(named) > SEARCHED_FOR else []
    singles = [item for item in items if not item.is_series]
    by_uid(found, [one for one in named if not one.is_series], singles)
    for one in named:
        if one.item_id in found.missing:
            way.renew()
            by_uid(found, [one], way.port.find(way.window, uid=one.uid))
    by_starts(found, unnamed, items)


def one_is_there(way: Way, known: list[Known], ids: Mapping[str, str]) -> bool:
    """Whether one of the first of what was known is here, at the same place in time."""
    for one in islice((one for one in known if one.uid and one.item_id in ids), COMPARED):
        way.renew()
        try:
            item = way.port.read(ids[one.item_id], way.window)
        except NotFound:
            continue
        if are_the_same(one, item):
            return True
    return False


def _shown(way: Way) -> list[Item]:
    """What the window shows, page by page; of series their occurrences."""
    events: list[CalendarEvent] = []
    way.renew()
    for page in pages(way.port.view, way.window):
        events += page.events
        way.renew()
    return as_items(events)
