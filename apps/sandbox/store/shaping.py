"""How fields become an item, and a changed one: what may be set, what is rounded, what is refused. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from apps.sandbox import zones
from apps.sandbox.store import series
from apps.sandbox.store.errors import StoreError
from apps.sandbox.store.model import SENSITIVITY, SHOW_AS, Item, Person

if TYPE_CHECKING:
    from collections.abc import Mapping

STALE = "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."
LONGEST = dt.timedelta(days=5 * 366)
SETTABLE = frozenset(
    {
        "subject", "body", "body_type", "sensitivity", "importance", "show_as", "all_day", "start", "end", "start_zone",
        "end_zone", "location", "attendees", "reminder_is_set", "reminder_minutes", "categories", "extended", "recurrence",
    }
)  # fmt: skip
TIMING = frozenset({"start", "end", "all_day", "recurrence", "start_zone", "end_zone"})


def made(
    fields: Mapping[str, Any],
    *,
    id: str,  # noqa: A002 -- the field's name
    mailbox_id: str,
    folder_id: str,
    organizer: Person,
    now: dt.datetime,
    uid: str,
) -> Item:
    """Make an item of what a client sent. `uid` is for when the client sent none."""
    _refuse_unknown(fields, SETTABLE | {"uid"})
    rest = {name: value for name, value in fields.items() if name not in {"start", "end", "uid"}}
    # A client that says nothing of the time gets what Exchange gives: the next half hour, for 30 minutes.
    start = fields.get("start") or _next_half_hour(now)
    item = Item(
        id=id,
        change_key="",
        mailbox_id=mailbox_id,
        folder_id=folder_id,
        kind="Single",
        uid=fields.get("uid") or uid,
        start=start,
        end=fields.get("end") or start + dt.timedelta(minutes=30),
        start_zone=rest.pop("start_zone", None) or zones.UTC,
        end_zone=rest.pop("end_zone", None) or fields.get("start_zone") or zones.UTC,
        organizer=organizer,
        created_at=now,
        modified_at=now,
    )
    rest["extended"] = _merged({}, fields.get("extended", {}))
    return shaped(replace(item, **rest))


def changed(item: Item, fields: Mapping[str, Any]) -> Item:
    """Change a single or a master. A change of a series' time or rule drops its exceptions, as Exchange does."""
    _refuse_unknown(fields, SETTABLE)
    values = dict(fields)
    if "extended" in values:
        values["extended"] = _merged(item.extended, values["extended"])
    result = replace(item, **values)
    retimed = any(getattr(result, name) != getattr(item, name) for name in TIMING)
    if not retimed:
        return result
    result = replace(result, sequence=item.sequence + 1, overrides={}, deleted=frozenset())
    return shaped(result)


def changed_occurrence(master: Item, index: int, fields: Mapping[str, Any]) -> Item:
    """Change one occurrence of a series: it becomes, or stays, an exception."""
    if "recurrence" in fields:
        text = "The rule is the master's."
        raise StoreError("ErrorCalendarCannotUseIdForOccurrenceId", text)
    values = dict(fields)
    before = series.occurrence(master, index)
    if "extended" in values:
        values["extended"] = _merged(before.extended, values["extended"])
    after = shaped(replace(before, **values))
    if values.keys() & TIMING:
        values |= {"start": after.start, "end": after.end}
    return series.with_override(master, index, values)


def shaped(item: Item) -> Item:
    """Widen all-day times to midnights, let a series start at its first occurrence, refuse what cannot be."""
    _refuse_values(item)
    if item.all_day:
        item = replace(item, start=_midnight(item.start, item.start_zone), end=_last_midnight(item))
    if item.end < item.start:
        text = "EndDate is earlier than StartDate"
        raise StoreError("ErrorCalendarEndDateIsEarlierThanStartDate", text)
    if item.end - item.start > LONGEST:
        raise StoreError("ErrorCalendarDurationIsTooLong", "Duration is longer than five years.")
    if item.recurrence is not None:
        return series.normalised(item)
    return item if item.index else replace(item, kind="Single")


def _refuse_unknown(fields: Mapping[str, Any], allowed: frozenset[str]) -> None:
    wrong = sorted(fields.keys() - allowed)
    if wrong:
        text = f"Set action is invalid for property: {', '.join(wrong)}."
        raise StoreError("ErrorInvalidPropertySet", text)


def _refuse_values(item: Item) -> None:
    if item.show_as not in SHOW_AS or item.sensitivity not in SENSITIVITY:
        text = "A property's value is not one of those that there are."
        raise StoreError("ErrorSchemaValidation", text)
    if item.start.tzinfo is None or item.end.tzinfo is None:
        raise StoreError("ErrorSchemaValidation", "A time has no zone.")


def _merged(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """Set extended properties; None deletes one."""
    return {name: value for name, value in {**before, **after}.items() if value is not None}


def _next_half_hour(now: dt.datetime) -> dt.datetime:
    return now.replace(minute=0, second=0) + dt.timedelta(minutes=30 * (now.minute // 30 + 1))


def _midnight(moment: dt.datetime, zone: str) -> dt.datetime:
    local = moment.astimezone(zones.zone(zone))
    return _at_midnight(local.date(), zone)


def _last_midnight(item: Item) -> dt.datetime:
    """Give the midnight at or after the end, and one day at least."""
    local = item.end.astimezone(zones.zone(item.end_zone))
    first = item.start.astimezone(zones.zone(item.start_zone)).date()
    # Where the clock skips midnight, a day begins after that.
    is_midnight = _at_midnight(local.date(), item.end_zone) == item.end
    day = local.date() + dt.timedelta(days=not is_midnight)
    return _at_midnight(max(day, first + dt.timedelta(days=1)), item.end_zone)


def _at_midnight(day: dt.date, zone: str) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(0), tzinfo=zones.zone(zone)).astimezone(dt.UTC)
