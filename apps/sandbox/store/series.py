"""A series and its occurrences: pure functions on items."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.sandbox import zones
from apps.sandbox.recurrence import Recurrence, dates, is_sound
from apps.sandbox.store import ids
from apps.sandbox.store.errors import StoreError

if TYPE_CHECKING:
    from apps.sandbox.store.model import Item

DAY = dt.timedelta(days=1)
GAPS_LOOKED_AT = 12


def normalised(item: Item) -> Item:
    """Let a master start at its first occurrence. Raises StoreError for a rule that cannot be kept."""
    rule = _rule(item)
    if not is_sound(rule):
        raise StoreError("ErrorCalendarInvalidRecurrence", "The recurrence is invalid.")
    first = dates(rule).at(1)
    if first is None:
        text = "The recurrence has no occurrence."
        raise StoreError("ErrorRecurrenceHasNoOccurrence", text)
    start, end = _slot(item, first)
    _refuse_overlapping_self(item)
    return replace(item, kind="RecurringMaster", start=start, end=end)


def occurrence(master: Item, index: int) -> Item:
    """Show occurrence number `index` (from 1, over the original pattern, deleted ones counted).

    Raises StoreError ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange and ErrorCalendarOccurrenceIsDeletedFromRecurrence.
    """
    day = dates(_rule(master)).at(index)
    if day is None:
        text = "Occurrence index is out of recurrence range."
        raise StoreError("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", text)
    if index in master.deleted:
        text = "Occurrence with this index was previously deleted from the recurrence."
        raise StoreError("ErrorCalendarOccurrenceIsDeletedFromRecurrence", text)
    return _shown(master, index, day)


def between(master: Item, start: dt.datetime, end: dt.datetime) -> list[Item]:
    """List the occurrences that overlap a window, or touch its start, in order of their number."""
    rule = _rule(master)
    zone = zones.zone(master.start_zone)
    reach = master.end - master.start + DAY
    near = dates(rule).between(
        (max(start, _FAR_BACK) - reach).astimezone(zone).date(),
        (min(end, _FAR_ON) + DAY).astimezone(zone).date(),
    )
    numbers = {index for index, _ in near} | set(master.overrides)
    shown = (occurrence(master, index) for index in sorted(numbers - master.deleted))
    return [one for one in shown if one.end >= start and one.start < end]


def all_of(master: Item, limit: int = 1000) -> list[Item]:
    """List the occurrences from the first on, at most `limit` numbers of them."""
    found = []
    for index in range(1, limit + 1):
        day = dates(_rule(master)).at(index)
        if day is None:
            break
        if index not in master.deleted:
            found.append(_shown(master, index, day))
    return found


def first_and_last(master: Item) -> tuple[Item | None, Item | None]:
    """Give the first and the last occurrence that still stand; no last one for a series without end."""
    rule = _rule(master)
    if rule.end is None and rule.count is None:
        return next(iter(all_of(master, 1 + len(master.deleted))), None), None
    shown = all_of(master, 10_000)
    return (shown[0], shown[-1]) if shown else (None, None)


def exceptions(master: Item) -> list[Item]:
    """List the occurrences that were changed alone."""
    return [occurrence(master, index) for index in sorted(master.overrides)]


def deleted_starts(master: Item) -> list[dt.datetime]:
    """List the original starts of the occurrences that were deleted."""
    found = []
    for index in sorted(master.deleted):
        day = dates(_rule(master)).at(index)
        if day is not None:
            found.append(_slot(master, day)[0])
    return found


def with_override(master: Item, index: int, fields: dict[str, object]) -> Item:
    """Change one occurrence alone. Raises StoreError ErrorOccurrenceCrossingBoundary at its neighbours."""
    occurrence(master, index)
    merged = {**master.overrides.get(index, {}), **fields}
    changed = replace(master, overrides={**master.overrides, index: merged})
    if fields.keys() & {"start", "end", "all_day"}:
        _refuse_crossing(changed, index)
    return changed


def neighbours(master: Item, index: int) -> tuple[Item | None, Item | None]:
    """Give the occurrences that still stand before and after one."""
    before = next((one for one in range(index - 1, 0, -1) if one not in master.deleted), 0)
    after = next(one for one in itertools.count(index + 1) if one not in master.deleted)
    day = dates(_rule(master)).at(after)
    return (
        occurrence(master, before) if before else None,
        None if day is None else _shown(master, after, day),
    )


def without(master: Item, index: int) -> Item:
    """Delete one occurrence: its number stays taken, what was changed of it is lost."""
    occurrence(master, index)
    kept = {number: fields for number, fields in master.overrides.items() if number != index}
    return replace(master, overrides=kept, deleted=master.deleted | {index})


_FAR_BACK = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_FAR_ON = dt.datetime(4400, 1, 1, tzinfo=dt.UTC)


def _rule(master: Item) -> Recurrence:
    if master.recurrence is None:
        text = "The id is not that of a recurring master."
        raise StoreError("ErrorCalendarCannotUseIdForRecurringMasterId", text)
    return master.recurrence


def _slot(master: Item, day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Put the master's wall times on a day: both ends keep the clock's time when the clock changes."""
    zone = zones.zone(master.start_zone)
    start, end = master.start.astimezone(zone), master.end.astimezone(zone)
    last = day + (end.date() - start.date())
    return (
        dt.datetime.combine(day, start.time(), tzinfo=zone).astimezone(dt.UTC),
        dt.datetime.combine(last, end.time(), tzinfo=zone).astimezone(dt.UTC),
    )


def _shown(master: Item, index: int, day: dt.date) -> Item:
    start, end = _slot(master, day)
    override = master.overrides.get(index)
    shown = replace(
        master,
        id=ids.occurrence_id(master.id, index),
        kind="Occurrence" if override is None else "Exception",
        start=start,
        end=end,
        recurrence=None,
        overrides={},
        deleted=frozenset(),
        master_id=master.id,
        index=index,
        original_start=start,
    )
    return shown if override is None else replace(shown, **override)  # type: ignore[arg-type]


def _refuse_crossing(master: Item, index: int) -> None:
    """Keep an exception between the occurrences that still stand beside it."""
    before, after = neighbours(master, index)
    moved = occurrence(master, index)
    early = before is not None and moved.start < before.end
    late = after is not None and moved.end > after.start
    if early or late:
        text = "Modified occurrence is crossing or overlapping adjacent occurrence."
        raise StoreError("ErrorOccurrenceCrossingBoundary", text)


def _refuse_overlapping_self(item: Item) -> None:
    slots = []
    for index in range(1, GAPS_LOOKED_AT):
        day = dates(_rule(item)).at(index)
        if day is not None:
            slots.append(_slot(item, day))
    if any(before[1] > after[0] for before, after in itertools.pairwise(slots)):
        text = "The duration of an occurrence is longer than the time to the next one."
        raise StoreError("ErrorOccurrenceTimeSpanTooBig", text)
