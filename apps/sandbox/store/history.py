"""What a folder remembers of an item's past, for views that must say what left them. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.sandbox import zones
from apps.sandbox.recurrence import dates
from apps.sandbox.store.model import Gone, Span

if TYPE_CHECKING:
    from apps.sandbox.store.model import Item, Slot

DAY = dt.timedelta(days=1)
FAR_ON = dt.datetime(4400, 1, 1, tzinfo=dt.UTC)


def span(item: Item, seq: int = 0) -> Span:
    """Tell where in time an item lies; a series from its first to its last occurrence, give or take a day."""
    rule = item.recurrence
    if rule is None:
        return Span(seq, item.start, item.end)
    start = min([item.start, *_changed(item, "start")])
    last = rule.end if rule.count is None else dates(rule).at(rule.count)
    if last is None:
        return Span(seq, start, FAR_ON)
    zone = zones.zone(item.start_zone)
    end = dt.datetime.combine(last, dt.time(0), tzinfo=zone).astimezone(dt.UTC) + DAY
    return Span(seq, start, max([end + (item.end - item.start), *_changed(item, "end")]))


def _changed(item: Item, name: str) -> list[dt.datetime]:
    """List the times of the occurrences that were moved alone."""
    given = (one.get(name) for one in item.overrides.values())
    return [one for one in given if isinstance(one, dt.datetime)]


def note(slot: Slot, item: Item, seq: int) -> None:
    """Note in a slot what an item that takes the place of its own changes, at a folder's number."""
    before, now = span(slot.item, seq), span(item, seq)
    if before != now:
        slot.spans = (*slot.spans, before)
    if _apart(slot.item) != _apart(item):
        slot.whole_seq = seq
        return
    both = slot.item.overrides.keys() | item.overrides.keys()
    changed = {n for n in both if slot.item.overrides.get(n) != item.overrides.get(n)}
    slot.numbers = {**slot.numbers, **dict.fromkeys(changed, seq)}


def trace(slot: Slot, seq: int) -> Gone:
    """Say what remains to be known of an item that leaves."""
    return Gone(slot.item.first_id or slot.item.id, (*slot.spans, span(slot.item, seq)))


def span_at(slot: Slot, seq: int) -> Span:
    """Tell where an item lay when its folder was at a number."""
    return next((one for one in slot.spans if one.seq > seq), span(slot.item))


def _apart(item: Item) -> Item:
    """An item but for its single occurrences, and for what each write changes."""
    return replace(
        item,
        overrides={},
        deleted=frozenset(),
        touched={},
        change_key="",
        modified_at=item.created_at,
    )
