"""From a RecurringMaster to the recurrence that our arithmetic expands. Pure.

https://learn.microsoft.com/exchange/client-developer/web-service-reference/recurrence-recurrencetype
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from apps.exchange import zones
from apps.exchange.ews.mapping import Unreadable, flag, ids, instant, name_of
from apps.exchange.ews.xml import Element, every, find, text
from apps.exchange.recurrence import (
    EVERY_DAY,
    WEEKEND_DAYS,
    WORKING_DAYS,
    Frequency,
    Nth,
    Pattern,
    Range,
    Recurrence,
    Series,
    Weekday,
)

_FREQUENCIES = {
    "DailyRecurrence": Frequency.DAILY,
    "WeeklyRecurrence": Frequency.WEEKLY,
    "AbsoluteMonthlyRecurrence": Frequency.MONTHLY,
    "RelativeMonthlyRecurrence": Frequency.MONTHLY_RELATIVE,
    "AbsoluteYearlyRecurrence": Frequency.YEARLY,
    "RelativeYearlyRecurrence": Frequency.YEARLY_RELATIVE,
}
_GROUPS = {"Day": EVERY_DAY, "Weekday": WORKING_DAYS, "WeekendDay": WEEKEND_DAYS}
_MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """A modified occurrence as its master lists it."""

    name: str
    wire_id: str
    starts_at: dt.datetime
    ends_at: dt.datetime


def zone_of(master: Element) -> ZoneInfo | None:
    """The zone whose clock a series follows; None where it is made up, or unknown to us."""
    found = find(master, "t:StartTimeZone")
    name = (found.get("Id", "") if found is not None else "") or text(master, "t:StartTimeZoneId")
    known = zones.iana(name)
    return ZoneInfo(known) if known else None


def moved(master: Element) -> tuple[Moved, ...]:
    """The exceptions of a series that it lists with id and times; others cannot be told."""
    zone = zone_of(master)
    is_all_day = flag(master, "t:IsAllDayEvent")
    found = []
    for occurrence in every(master, "t:ModifiedOccurrences/t:Occurrence"):
        try:
            start = instant(occurrence, "t:OriginalStart")
            times = instant(occurrence, "t:Start"), instant(occurrence, "t:End")
        except Unreadable:
            continue
        name = name_of(start, zone, is_all_day=is_all_day)
        found.append(Moved(name, ids(occurrence)[0], *times))
    return tuple(found)


def series(master: Element) -> Series:
    """The recurrence and its exceptions.

    Raises:
        Unreadable: a pattern or a zone that we do not know: the server must expand it.
    """
    zone = zone_of(master)
    if zone is None:
        raise Unreadable("Its time zone is unknown.")
    first = instant(master, "t:Start").astimezone(zone).replace(tzinfo=None)
    last = instant(master, "t:End").astimezone(zone).replace(tzinfo=None)
    is_all_day = flag(master, "t:IsAllDayEvent")
    places = {one.name: (one.starts_at, one.ends_at) for one in moved(master)}
    if len(places) != len(every(master, "t:ModifiedOccurrences/t:Occurrence")):
        raise Unreadable("One of its exceptions has no time that can be told.")
    deleted = set()
    for occurrence in every(master, "t:DeletedOccurrences/t:DeletedOccurrence"):
        at = instant(occurrence, "t:Start")
        deleted.add(name_of(at, zone, is_all_day=is_all_day))
    return Series(
        recurrence=_recurrence(master),
        starts_at_wall=first.time(),
        length=last - first,
        time_zone=zone.key,
        is_all_day=is_all_day,
        deleted=frozenset(deleted),
        moved=places,
    )


def _recurrence(master: Element) -> Recurrence:
    found = find(master, "t:Recurrence")
    if found is None:
        raise Unreadable("It has no recurrence.")
    pattern: Pattern | None = None
    limits: Range | None = None
    try:
        for part in found:
            name = part.tag.rpartition("}")[2]
            if name in _FREQUENCIES:
                pattern = _pattern(_FREQUENCIES[name], part)
            elif name in ("NoEndRecurrence", "EndDateRecurrence", "NumberedRecurrence"):
                limits = _range(part)
    except (ValueError, KeyError) as error:
        raise Unreadable("Its recurrence cannot be understood.") from error
    if pattern is None or limits is None:
        raise Unreadable("Its recurrence is of an unknown kind.")
    return Recurrence(pattern, limits)


def _pattern(frequency: Frequency, part: Element) -> Pattern:
    days = [day for word in text(part, "t:DaysOfWeek").split() for day in _days(word)]
    first_day = text(part, "t:FirstDayOfWeek")
    month = text(part, "t:Month")
    return Pattern(
        frequency,
        # Yearly ones have no interval.
        interval=int(text(part, "t:Interval") or 1),
        days=tuple(dict.fromkeys(days)),
        first_day=Weekday[first_day.upper()] if first_day else Weekday.SUNDAY,
        day_of_month=int(text(part, "t:DayOfMonth") or 0),
        month=_MONTHS.index(month) + 1 if month else 0,
        nth=Nth((text(part, "t:DayOfWeekIndex") or "First").lower()),
    )


def _days(word: str) -> tuple[Weekday, ...]:
    return _GROUPS[word] if word in _GROUPS else (Weekday[word.upper()],)


def _range(part: Element) -> Range:
    number = text(part, "t:NumberOfOccurrences")
    ends_on = text(part, "t:EndDate")
    return Range(
        _date(text(part, "t:StartDate")),
        ends_on=_date(ends_on) if ends_on else None,
        count=int(number) if number else None,
    )


def _date(value: str) -> dt.date:
    """A date, whatever zone stands behind it."""
    return dt.date.fromisoformat(value[:10])
