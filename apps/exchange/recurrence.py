"""A series and its exceptions -> its occurrences in a window, by Microsoft's rules. Pure.

Where they differ from RFC 5545: a day that a month does not have is its last day, and the nth of a
group of weekdays counts the days of the group together. [MS-OXOCAL] 2.2.1.44, the pages of EWS on
AbsoluteMonthlyRecurrence and RelativeMonthlyRecurrence, Graph's recurrencePattern.

A wall time that the clock skips moves forward by what is skipped; one that it shows twice means the
first. What Exchange does there is not documented.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apps.exchange.calendar import Window


class Weekday(IntEnum):
    """As Python counts them."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


# What Microsoft calls a weekday, a weekend day and a day.
WORKING_DAYS = tuple(Weekday)[:5]
WEEKEND_DAYS = tuple(Weekday)[5:]
EVERY_DAY = tuple(Weekday)


class Frequency(StrEnum):
    """By the names of Graph."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "absoluteMonthly"
    MONTHLY_RELATIVE = "relativeMonthly"
    YEARLY = "absoluteYearly"
    YEARLY_RELATIVE = "relativeYearly"


class Nth(StrEnum):
    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    FOURTH = "fourth"
    LAST = "last"


_PLACE = {Nth.FIRST: 0, Nth.SECOND: 1, Nth.THIRD: 2, Nth.FOURTH: 3, Nth.LAST: -1}
_BY_WEEKDAY = (Frequency.WEEKLY, Frequency.MONTHLY_RELATIVE, Frequency.YEARLY_RELATIVE)
_BY_DAY = (Frequency.MONTHLY, Frequency.YEARLY)
_YEARLY = (Frequency.YEARLY, Frequency.YEARLY_RELATIVE)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which days; what a frequency does not name is not looked at.

    Raises:
        ValueError: what the frequency needs is missing or out of range.
    """

    frequency: Frequency
    # In days, weeks, months or years.
    interval: int = 1
    # Weekly: all of them. Relative: the group whose nth counts.
    days: tuple[Weekday, ...] = ()
    # With which day a week begins: decides which weeks "every two weeks" means.
    first_day: Weekday = Weekday.SUNDAY
    day_of_month: int = 0
    month: int = 0
    nth: Nth = Nth.FIRST

    def __post_init__(self) -> None:
        if self.interval < 1:
            raise ValueError(f"A series cannot repeat every {self.interval}.")
        if self.frequency in _BY_WEEKDAY and not self.days:
            raise ValueError(f"A pattern that is {self.frequency} needs days of the week.")
        if self.frequency in _BY_DAY and not 1 <= self.day_of_month <= 31:  # noqa: PLR2004
            raise ValueError(f"{self.day_of_month} is no day of a month.")
        if self.frequency in _YEARLY and not 1 <= self.month <= 12:  # noqa: PLR2004
            raise ValueError(f"{self.month} is no month.")


@dataclass(frozen=True, slots=True)
class Range:
    """From when to when a series goes on, in dates of its own zone.

    The first occurrence is on the first date of the pattern that is not before `starts_on`.
    """

    starts_on: dt.date
    # Both are included; with neither the series has no end, with both the earlier counts.
    ends_on: dt.date | None = None
    # Deleted and moved ones count.
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Recurrence:
    pattern: Pattern
    range: Range


@dataclass(frozen=True, slots=True)
class Series:
    """A recurrence at a wall time, and what became of single occurrences."""

    recurrence: Recurrence
    # When it is all-day nobody looks at the time.
    starts_at_wall: dt.time
    # By the clock on the wall, which is what Exchange keeps; whole days when all-day.
    length: dt.timedelta
    # IANA name.
    time_zone: str
    is_all_day: bool = False
    # By original starts.
    deleted: frozenset[str] = frozenset()
    # Original start -> where it lies now, in UTC.
    moved: Mapping[str, tuple[dt.datetime, dt.datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slot:
    """One occurrence."""

    original_start: str
    # From 1 over the pattern as it was made: deleted ones keep their number. 0: the pattern has no
    # occurrence there, though the server says that one was moved from there.
    index: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    # Moved, or otherwise listed as an exception.
    is_exception: bool


def slots(series: Series, window: Window) -> Iterator[Slot]:
    """The occurrences that overlap a window, in order of time.

    A moved one counts by where it lies now; a deleted one never. What it costs depends on the
    window and the number of exceptions alone, not on how long ago the series began: the periods
    of a pattern (day, week, month, year) have equal numbers of dates, so that the first period
    that reaches the window, and the index of its dates, are divisions and not walks.
    """
    found = [*_in_their_place(series, window), *_moved(series, window)]
    yield from sorted(found, key=lambda slot: (slot.starts_at, slot.original_start))


def index_of(series: Series, name: str) -> int:
    """The index of the occurrence with this original start; 0 when the pattern has none there."""
    start = dt.datetime.fromisoformat(name)
    if start.tzinfo is None:
        on = start.date()
    else:
        on = start.astimezone(ZoneInfo(series.time_zone)).date()
    for index, date in _dates(series.recurrence, on):
        if date > on:
            break
        if _name(series, date) == name:
            return index
    return 0


def original_start(at: dt.datetime | dt.date) -> str:
    """As `EventKey` spells it: an instant in UTC, or the date of one that is all-day."""
    if isinstance(at, dt.datetime):
        return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return at.isoformat()


def _in_their_place(series: Series, window: Window) -> Iterator[Slot]:
    zone = ZoneInfo(series.time_zone)
    # A day more on both sides than any shift of a clock needs.
    earliest = window.starts_at.astimezone(zone).date() - series.length - dt.timedelta(days=2)
    latest = window.ends_at.astimezone(zone).date() + dt.timedelta(days=1)
    for index, date in _dates(series.recurrence, earliest):
        if date > latest:
            return
        name = _name(series, date)
        if name in series.deleted or name in series.moved:
            continue
        starts_at, ends_at = _interval(series, date)
        if window.overlaps(starts_at, ends_at):
            yield Slot(name, index, starts_at, ends_at, is_exception=False)


def _moved(series: Series, window: Window) -> Iterator[Slot]:
    for name, (starts_at, ends_at) in series.moved.items():
        if name not in series.deleted and window.overlaps(starts_at, ends_at):
            yield Slot(name, index_of(series, name), starts_at, ends_at, is_exception=True)


def _name(series: Series, date: dt.date) -> str:
    return original_start(date if series.is_all_day else _interval(series, date)[0])


def _interval(series: Series, date: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The instants of the occurrence on a date."""
    zone = ZoneInfo(series.time_zone)
    if series.is_all_day:
        midnight = dt.datetime.combine(date, dt.time())
        return _instant(midnight, zone), _instant(midnight + series.length, zone)
    starts_at = _instant(dt.datetime.combine(date, series.starts_at_wall), zone)
    # From where the clock really stood: a start that was skipped takes its end along.
    wall = starts_at.astimezone(zone).replace(tzinfo=None, fold=0)
    return starts_at, _instant(wall + series.length, zone)


def _instant(wall: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    # fold=0 is what the head of this module promises: before a gap the old offset goes on, and the
    # first of two.
    return wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)


def _dates(recurrence: Recurrence, earliest: dt.date) -> Iterator[tuple[int, dt.date]]:
    """Index and date of each occurrence of the pattern, from one not after `earliest` on."""
    pattern, limits = recurrence.pattern, recurrence.range
    first = _dates_of_period(pattern, limits.starts_on, 0)
    before_start = sum(date < limits.starts_on for date in first)
    period = _period_of(pattern, limits.starts_on, max(earliest, limits.starts_on))
    while True:
        dates = _dates_of_period(pattern, limits.starts_on, period)
        for place, date in enumerate(dates, start=1):
            index = period * len(first) + place - before_start
            if limits.count is not None and index > limits.count:
                return
            if limits.ends_on is not None and date > limits.ends_on:
                return
            if index > 0:
                yield index, date
        period += 1


def _period_of(pattern: Pattern, starts_on: dt.date, date: dt.date) -> int:
    """The number of the last period that begins on a date or before; the series begins in 0."""
    years = date.year - starts_on.year
    match pattern.frequency:
        case Frequency.DAILY:
            return (date - starts_on).days // pattern.interval
        case Frequency.WEEKLY:
            return (date - _week(pattern, starts_on)).days // 7 // pattern.interval
        case Frequency.MONTHLY | Frequency.MONTHLY_RELATIVE:
            return (years * 12 + date.month - starts_on.month) // pattern.interval
        case _:  # YEARLY, YEARLY_RELATIVE
            return years // pattern.interval


def _dates_of_period(pattern: Pattern, starts_on: dt.date, period: int) -> tuple[dt.date, ...]:
    """The dates of a pattern in its day, week, month or year of this number: always as many."""
    passed = period * pattern.interval
    match pattern.frequency:
        case Frequency.DAILY:
            return (starts_on + dt.timedelta(days=passed),)
        case Frequency.WEEKLY:
            week = _week(pattern, starts_on) + dt.timedelta(weeks=passed)
            places = sorted({(day - pattern.first_day) % 7 for day in pattern.days})
            return tuple(week + dt.timedelta(days=place) for place in places)
        case Frequency.MONTHLY | Frequency.MONTHLY_RELATIVE:
            years, month = divmod(starts_on.month - 1 + passed, 12)
            return (_date_in_month(pattern, starts_on.year + years, month + 1),)
        case _:  # YEARLY, YEARLY_RELATIVE
            return (_date_in_month(pattern, starts_on.year + passed, pattern.month),)


def _week(pattern: Pattern, date: dt.date) -> dt.date:
    """The first day of the week in which a date is."""
    return date - dt.timedelta(days=(date.weekday() - pattern.first_day) % 7)


def _date_in_month(pattern: Pattern, year: int, month: int) -> dt.date:
    length = calendar.monthrange(year, month)[1]
    if pattern.frequency in _BY_DAY:
        return dt.date(year, month, min(pattern.day_of_month, length))
    days = (dt.date(year, month, day) for day in range(1, length + 1))
    # Every weekday comes four times at least: there is always an nth.
    return [day for day in days if day.weekday() in pattern.days][_PLACE[pattern.nth]]
