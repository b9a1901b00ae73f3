"""What a master says of its series: whether a range must hold an occurrence of it. Pure.

The server expands series. Where it shows nothing of one, its own words tell whether that can be so:
https://learn.microsoft.com/graph/api/resources/patternedrecurrence
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apps.exchange import zones
from apps.exchange.calendar import Window
from apps.exchange.graph import mapping
from apps.exchange.graph.mapping import Row, Unreadable, text
from apps.exchange.recurrence import (
    Frequency,
    Nth,
    Pattern,
    Range,
    Recurrence,
    Series,
    Weekday,
    slots,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

# What is asked of a master beside what any event tells; the last two tell only where they are named.
FIELDS = "recurrence,exceptionOccurrences,cancelledOccurrences"
# At the edges zones and clocks may count differently: there nothing is claimed.
_EDGE = dt.timedelta(days=2)
_A_DATE = len("2026-11-22")


def must_show(master: Row, exceptions: Iterable[Row], window: Window) -> bool:
    """Whether an occurrence lies in a range that was neither deleted nor made an exception.

    False also where the series cannot be told: then the server has the last word.
    """
    inner = Window(window.starts_at + _EDGE, window.ends_at - _EDGE)
    if inner.starts_at >= inner.ends_at:
        return False
    try:
        series = _series(master)
        zone = ZoneInfo(series.time_zone)
        away = _deleted(master) | {_original_date(row, zone) for row in exceptions}
        found = (slot.starts_at.astimezone(zone).date() for slot in slots(series, inner))
        return any(date.isoformat() not in away for date in found)
    except (Unreadable, ValueError, KeyError, TypeError, OverflowError):
        return False


def _series(master: Row) -> Series:
    found = master["recurrence"]
    named = text(master, "originalStartTimeZone"), text(found["range"], "recurrenceTimeZone")
    zone = next(filter(None, map(zones.iana, filter(None, named))), None)
    if zone is None:
        raise Unreadable("Its time zone is unknown.")
    first, last = (
        at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in mapping.times(master)
    )
    return Series(
        recurrence=Recurrence(_pattern(found["pattern"]), _range(found["range"])),
        starts_at_wall=first.time(),
        length=last - first,
        time_zone=zone,
        is_all_day=master.get("isAllDay") is True,
    )


def _pattern(told: dict[str, Any]) -> Pattern:
    return Pattern(
        Frequency(told["type"]),
        interval=told["interval"],
        days=tuple(Weekday[day.upper()] for day in told.get("daysOfWeek") or ()),
        first_day=Weekday[(told.get("firstDayOfWeek") or "sunday").upper()],
        day_of_month=told.get("dayOfMonth") or 0,
        month=told.get("month") or 0,
        nth=Nth(told.get("index") or "first"),
    )


def _range(told: dict[str, Any]) -> Range:
    kind = told["type"]
    if kind not in {"noEnd", "endDate", "numbered"}:
        raise Unreadable("Its recurrence is of an unknown kind.")
    return Range(
        dt.date.fromisoformat(told["startDate"]),
        ends_on=dt.date.fromisoformat(told["endDate"]) if kind == "endDate" else None,
        count=told["numberOfOccurrences"] if kind == "numbered" else None,
    )


def _deleted(master: Row) -> set[str]:
    """Dates of deleted occurrences: each is named by its series and its day, `OID.<id>.2026-11-22`."""
    told = master.get("cancelledOccurrences")
    return {str(one)[-_A_DATE:] for one in told} if isinstance(told, list) else set()


def _original_date(row: Row, zone: ZoneInfo) -> str:
    """The date that an exception had before it was one."""
    name = mapping.occurrence_key(row).original_start
    at = dt.datetime.fromisoformat(name)
    return (at.astimezone(zone) if at.tzinfo else at).date().isoformat()
