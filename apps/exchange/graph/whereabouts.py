"""Whether an item that was found by its id lies in this calendar.

An id that stays the same wherever an event is moved to finds it in other calendars too, and perhaps
among the Deleted Items. So an item that the calendar does not show at its own time may be elsewhere;
or the view hides it, as one that comes back empty by a fault hides everything. That a view does not
show an item is no evidence that it is gone: the calendar that the event itself names is.
"""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.exchange.calendar import Item, Window
from apps.exchange.errors import (
    AuthenticationFailed,
    ExchangeError,
    Misconfigured,
    NotFound,
    Transient,
)
from apps.exchange.graph import batch, mapping
from apps.exchange.graph.codes import ItemNotFound
from apps.exchange.graph.mapping import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.exchange.graph.calls import Calls
    from apps.exchange.graph.client import Client

# What tells which items a list shows.
_NAMES = "id,type,seriesMasterId"


class Place(Enum):
    SHOWN = auto()
    # In this calendar, by the event's own word; the view does not show it.
    HIDDEN = auto()
    ELSEWHERE = auto()
    # The view does not show it, nor anything else, and the event does not say where it lies.
    UNKNOWN = auto()


def hidden() -> str:
    """What is told of an item that is there and not shown."""
    return _(
        "Microsoft 365 has this event, and does not show it in the calendar. It counts as it was "
        "known until both say the same."
    )


@contextmanager
def beside_the_item() -> Iterator[None]:
    """That the mailbox were gone, or a list in it, says nothing of an event there; its calendar tells.

    Raises:
        Transient: so it was said.
    """
    try:
        yield
    except NotFound as error:
        raise Transient(error.cause, fix=error.fix) from None


class Whereabouts:
    """Those of one mailbox's items."""

    def __init__(self, client: Client, calls: Calls) -> None:
        self._client = client
        self._calls = calls

    def of(self, item: Item) -> Place:
        """Where an item lies that was read by its id. A series without an occurrence is trusted.

        One request for what the calendar shows, one more for what it does not.

        Raises:
            ExchangeError: it could not be asked for just now.
        """
        if not item.events:
            return Place.SHOWN
        at = item.events[0].starts_at
        # Its beginning is enough: no server shows ten years at once.
        call = self._calls.view(Window(at, at), fields=_NAMES)
        try:
            with beside_the_item():
                shown = {mapping.item_id(row) for row in self._client.rows(call)}
        except Misconfigured:
            # It lies where the server shows nothing.
            return Place.SHOWN
        if item.item_id in shown:
            return Place.SHOWN
        return self._named(item.item_id, shows_others=bool(shown))

    def _named(self, item_id: str, *, shows_others: bool) -> Place:
        """By the calendar that the event names; where it names none, a view counts that works."""
        calls = [self._calls.calendar(), self._calls.calendar_of(item_id)]
        with beside_the_item():
            ours, its = batch.ask(self._client, calls)
            if isinstance(ours, ExchangeError):
                raise ours
        if isinstance(its, Transient | AuthenticationFailed):
            raise its
        if isinstance(its, ItemNotFound):
            # In none at all.
            return Place.ELSEWHERE
        own_id, its_id = text(ours, "id"), "" if isinstance(its, ExchangeError) else text(its, "id")
        if own_id and its_id:
            return Place.HIDDEN if own_id == its_id else Place.ELSEWHERE
        return Place.ELSEWHERE if shows_others else Place.UNKNOWN
