"""On which days a series falls. Arithmetic of its own, on dates alone; zones and times are the store's.

The six patterns and three ranges are those of Exchange Web Services (WSR/recurrence.md). Where a month is too
short for the day that a pattern names, Exchange takes the month's last day.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import threading
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PatternKind = Literal[
    "Daily", "Weekly", "AbsoluteMonthly", "RelativeMonthly", "AbsoluteYearly", "RelativeYearly"
]
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GROUPS = {
    "Day": frozenset(range(7)),
    "Weekday": frozenset(range(5)),
    "WeekendDay": frozenset({5, 6}),
}
ORDER = {"First": 0, "Second": 1, "Third": 2, "Fourth": 3, "Last": -1}
LONGEST_INTERVAL = {"Daily": 999}
LONGEST_MONTH, MONTHS, MOST_TIMES = 31, 12, 999
LAST_DAY = dt.date(4500, 8, 31)  # where Exchange's calendar ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How often. Which fields count depends on the kind; `days` are English names or a day group.

    Daily: interval. Weekly: interval, days, first_day. AbsoluteMonthly: interval, day. RelativeMonthly: interval,
    days, order. AbsoluteYearly: day, month. RelativeYearly: days, order, month.
    """

    kind: PatternKind
    interval: int = 1
    days: tuple[str, ...] = ()
    first_day: str = "Sunday"
    day: int = 1
    order: str = "First"
    month: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A pattern and its range: without end, until a day (included), or a number of times."""

    pattern: Pattern
    start: dt.date
    end: dt.date | None = None
    count: int | None = None


def is_sound(recurrence: Recurrence) -> bool:
    """Tell whether a rule is one that Exchange takes: numbers in range, days named where they are needed."""
    pattern = recurrence.pattern
    named = pattern.kind in {"Weekly", "RelativeMonthly", "RelativeYearly"}
    return (
        1 <= pattern.interval <= LONGEST_INTERVAL.get(pattern.kind, 99)
        and 1 <= pattern.day <= LONGEST_MONTH
        and 1 <= pattern.month <= MONTHS
        and pattern.order in ORDER
        and pattern.first_day in WEEK
        and all(day in WEEK or day in GROUPS for day in pattern.days)
        and (bool(pattern.days) or not named)
        and (recurrence.count is None or 1 <= recurrence.count <= MOST_TIMES)
    )


def weekdays(names: tuple[str, ...]) -> frozenset[int]:
    """Turn names of days and of day groups into weekday numbers, Monday being 0."""
    found: set[int] = set()
    for name in names:
        found |= GROUPS[name] if name in GROUPS else {WEEK.index(name)}
    return frozenset(found)


class Dates:
    """The days of one series, found as far as somebody asked. Number n of the series is `at(n)`."""

    def __init__(self, recurrence: Recurrence) -> None:
        self._source = _within_range(recurrence)
        self._known: list[dt.date] = []
        self._lock = threading.RLock()

    def at(self, index: int) -> dt.date | None:
        """Give the day of an occurrence, counted from 1; None when the series is shorter."""
        with self._lock:
            while len(self._known) < index and self._more():
                pass
        return self._known[index - 1] if 1 <= index <= len(self._known) else None

    def between(self, first: dt.date, last: dt.date) -> list[tuple[int, dt.date]]:
        """List (index, day) of what falls between two days, both included."""
        with self._lock:
            while (not self._known or self._known[-1] <= last) and self._more():
                pass
        found = []
        for position in range(bisect_left(self._known, first), len(self._known)):
            if self._known[position] > last:
                break
            found.append((position + 1, self._known[position]))
        return found

    def _more(self) -> bool:
        found = next(self._source, None)
        if found is None:
            return False
        self._known.append(found)
        return True


@lru_cache(maxsize=4096)
def dates(recurrence: Recurrence) -> Dates:
    """Give the days of a series; the same object each time, so that each day is computed once."""
    return Dates(recurrence)


def _within_range(recurrence: Recurrence) -> Iterator[dt.date]:
    until = min(recurrence.end or LAST_DAY, LAST_DAY)
    days = _pattern_days(recurrence.pattern, recurrence.start)
    fitting = itertools.dropwhile(lambda day: day < recurrence.start, days)
    limited = itertools.islice(fitting, recurrence.count)
    return itertools.takewhile(lambda day: day <= until, limited)


def _pattern_days(pattern: Pattern, start: dt.date) -> Iterator[dt.date]:
    """Yield the pattern's days in order, from the period of `start` on; some may lie before `start`."""
    match pattern.kind:
        case "Daily":
            return _every(start, pattern.interval)
        case "Weekly":
            return _weekly(pattern, start)
        case "AbsoluteMonthly":
            return _monthly(_absolute_day, pattern, start.year, start.month, pattern.interval)
        case "RelativeMonthly":
            return _monthly(_relative_day, pattern, start.year, start.month, pattern.interval)
        case "AbsoluteYearly":
            return _monthly(
                _absolute_day, pattern, start.year, pattern.month, 12 * pattern.interval
            )
        case "RelativeYearly":
            return _monthly(
                _relative_day, pattern, start.year, pattern.month, 12 * pattern.interval
            )


def _every(start: dt.date, days: int) -> Iterator[dt.date]:
    return (start + dt.timedelta(days=number) for number in itertools.count(0, days))


def _weekly(pattern: Pattern, start: dt.date) -> Iterator[dt.date]:
    """Weeks are counted from the one that holds `start`, and begin on the pattern's first day."""
    first_day = WEEK.index(pattern.first_day)
    week = start - dt.timedelta(days=(start.weekday() - first_day) % 7)
    chosen = sorted((day - first_day) % 7 for day in weekdays(pattern.days))
    while True:
        for offset in chosen:
            yield week + dt.timedelta(days=offset)
        week += dt.timedelta(weeks=pattern.interval)


def _monthly(
    pick: Callable[[Pattern, int, int], dt.date],
    pattern: Pattern,
    year: int,
    month: int,
    step: int,
) -> Iterator[dt.date]:
    for number in itertools.count(year * 12 + month - 1, step):
        yield pick(pattern, *divmod(number, 12))


def _absolute_day(pattern: Pattern, year: int, month0: int) -> dt.date:
    length = calendar.monthrange(year, month0 + 1)[1]
    return dt.date(year, month0 + 1, min(pattern.day, length))


def _relative_day(pattern: Pattern, year: int, month0: int) -> dt.date:
    chosen = weekdays(pattern.days)
    length = calendar.monthrange(year, month0 + 1)[1]
    month = (dt.date(year, month0 + 1, day) for day in range(1, length + 1))
    fitting = [day for day in month if day.weekday() in chosen]
    return fitting[ORDER[pattern.order]]
