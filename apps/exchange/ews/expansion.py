"""From masters to all that a window sees of their series.

Our arithmetic expands them. Exceptions are read, since they may differ in everything; what the
arithmetic does not understand (a pattern or a zone that somebody made up) the server expands.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.exchange.calendar import CalendarEvent, EventKey, Item
from apps.exchange.errors import ExchangeError, NotFound
from apps.exchange.ews import services
from apps.exchange.ews.mapping import Unreadable, event, ids
from apps.exchange.recurrence import slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from apps.exchange.calendar import Window
    from apps.exchange.ews.masters import Master
    from apps.exchange.ews.series import Moved
    from apps.exchange.ews.wire import Wire
    from apps.exchange.ews.xml import Element
    from apps.exchange.recurrence import Series

# Exceptions that ended longer ago than this are told by their master's words.
READ_SINCE = dt.timedelta(days=7)
# In place of an id: the occurrence of the master with this number.
NUMBER = "#"

Exceptions = dict[str, "Element | ExchangeError"]


def expand(
    masters: Sequence[Master],
    window: Window,
    *,
    wire: Wire,
    expanded_by_server: Callable[[], Sequence[tuple[Master, Element]]],
) -> list[Item]:
    """The series of these masters as items; one that cannot be told has its problem."""
    exceptions = _read_exceptions(masters, window, wire)
    found = []
    for master in masters:
        try:
            if master.series is None:
                rows = [row for one, row in expanded_by_server() if one.item_id == master.item_id]
                events = tuple(_by_server(master, rows, exceptions))
            else:
                events = tuple(_by_us(master, master.series, window, exceptions))
        except Unreadable as error:
            found.append(Item(master.item_id, is_series=True, problem=str(error)))
        except ExchangeError as error:
            found.append(Item(master.item_id, is_series=True, problem=error.cause))
        else:
            found.append(Item(master.item_id, events, is_series=True))
    return found


def _read_exceptions(masters: Sequence[Master], window: Window, wire: Wire) -> Exceptions:
    wanted = [
        one.wire_id
        for master in masters
        for one in master.moved
        if one.wire_id and one.ends_at > window.starts_at - READ_SINCE
    ]
    answers = services.get_items(wire, [services.item_id(wire_id) for wire_id in wanted])
    return dict(zip(wanted, answers, strict=True))


def _by_us(
    master: Master, series: Series, window: Window, exceptions: Exceptions
) -> Iterator[CalendarEvent]:
    shared = event(master.element)
    for slot in slots(series, window):
        if not slot.is_exception:
            yield replace(
                shared,
                key=EventKey(master.item_id, slot.original_start),
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                wire_id=f"{NUMBER}{slot.index}",
            )
    yield from _exceptions(master, shared, exceptions)


def _by_server(
    master: Master, rows: Sequence[Element], exceptions: Exceptions
) -> Iterator[CalendarEvent]:
    shared = event(master.element)
    told = {one.wire_id for one in master.moved}
    for row in rows:
        if ids(row)[0] not in told:
            key = EventKey(master.item_id, master.name(row))
            yield replace(event(row, key), change_key=master.change_key)
    yield from _exceptions(master, shared, exceptions)


def _exceptions(
    master: Master, shared: CalendarEvent, exceptions: Exceptions
) -> Iterator[CalendarEvent]:
    for one in master.moved:
        told = _exception(master, one, shared, exceptions.get(one.wire_id))
        if told is not None:
            yield told


def _exception(
    master: Master, one: Moved, shared: CalendarEvent, answer: Element | ExchangeError | None
) -> CalendarEvent | None:
    key = EventKey(master.item_id, one.name)
    if answer is None:
        return replace(
            shared, key=key, starts_at=one.starts_at, ends_at=one.ends_at, wire_id=one.wire_id
        )
    if isinstance(answer, NotFound):
        # It was deleted since its master was read: the next page tells.
        return None
    if isinstance(answer, ExchangeError):
        raise answer
    # All occurrences have the version of their master.
    return replace(event(answer, key), change_key=master.change_key, uid=shared.uid)
