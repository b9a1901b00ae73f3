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
    changed = [
        one["end"] for one in item.overrides.values() if isinstance(one.get("end"), dt.datetime)
    ]
    early = [
        one["start"] for one in item.overrides.values() if isinstance(one.get("start"), dt.datetime)
    ]
    last = rule.end if rule.count is None else dates(rule).at(rule.count)
    if last is None:
        return Span(seq, min([item.start, *early]), FAR_ON)  # type: ignore[type-var]
    zone = zones.zone(item.start_zone)
    end = dt.datetime.combine(last, dt.time(0), tzinfo=zone).astimezone(dt.UTC) + DAY
    return Span(seq, min([item.start, *early]), max([end + (item.end - item.start), *changed]))  # type: ignore[type-var]


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
