"""Recurrence on the wire: six patterns and three ranges, read and written. What they mean is the store's."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from apps.sandbox import zones
from apps.sandbox.ews.names import T, short
from apps.sandbox.recurrence import GROUPS, WEEK, Pattern, PatternKind, Recurrence

Element = Any  # lxml has no types

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def read(element: Element) -> Recurrence:
    """Read an element Recurrence that follows the schema."""
    pattern, span = element
    kind = cast("PatternKind", short(pattern.tag).removeprefix("t:").removesuffix("Recurrence"))
    month = pattern.findtext(f"{T}Month")
    end, count = span.findtext(f"{T}EndDate"), span.findtext(f"{T}NumberOfOccurrences")
    return Recurrence(
        pattern=Pattern(
            kind=kind,
            interval=int(pattern.findtext(f"{T}Interval") or 1),
            days=tuple((pattern.findtext(f"{T}DaysOfWeek") or "").split()),
            first_day=pattern.findtext(f"{T}FirstDayOfWeek") or "Sunday",
            day=int(pattern.findtext(f"{T}DayOfMonth") or 1),
            order=pattern.findtext(f"{T}DayOfWeekIndex") or "First",
            month=MONTHS.index(month) + 1 if month else 1,
        ),
        start=_date(span.findtext(f"{T}StartDate")),
        end=_date(end) if end else None,
        count=int(count) if count else None,
    )


def _date(text: str) -> dt.date:
    """Read a date; Exchange lets one carry a zone, which tells nothing about a day."""
    return dt.date.fromisoformat(text.strip()[:10])


def show(recurrence: Recurrence, zone: str) -> str:
    """Write an element Recurrence. Dates carry the offset of the series' zone, as Exchange's do."""
    pattern, name = recurrence.pattern, f"{recurrence.pattern.kind}Recurrence"
    interval = f"<t:Interval>{pattern.interval}</t:Interval>"
    days = f"<t:DaysOfWeek>{_days(pattern)}</t:DaysOfWeek>"
    order = f"<t:DayOfWeekIndex>{pattern.order}</t:DayOfWeekIndex>"
    day = f"<t:DayOfMonth>{pattern.day}</t:DayOfMonth>"
    month = f"<t:Month>{MONTHS[pattern.month - 1]}</t:Month>"
    content = {
        "Daily": interval,
        "Weekly": f"{interval}{days}<t:FirstDayOfWeek>{pattern.first_day}</t:FirstDayOfWeek>",
        "AbsoluteMonthly": f"{interval}{day}",
        "RelativeMonthly": f"{interval}{days}{order}",
        "AbsoluteYearly": f"{day}{month}",
        "RelativeYearly": f"{days}{order}{month}",
    }[pattern.kind]
    return f"<t:Recurrence><t:{name}>{content}</t:{name}>{_range(recurrence, zone)}</t:Recurrence>"


def _days(pattern: Pattern) -> str:
    """The days by name; a relative pattern has one, or names a group such as Weekday."""
    if pattern.kind.startswith("Relative"):
        meant = {WEEK.index(day) for day in pattern.days if day in WEEK}
        for name, group in GROUPS.items():
            if meant == group:
                return name
    return " ".join(pattern.days)


def _range(recurrence: Recurrence, zone: str) -> str:
    start = f"<t:StartDate>{_with_offset(recurrence.start, zone)}</t:StartDate>"
    if recurrence.end is not None:
        end = f"<t:EndDate>{_with_offset(recurrence.end, zone)}</t:EndDate>"
        return f"<t:EndDateRecurrence>{start}{end}</t:EndDateRecurrence>"
    if recurrence.count is not None:
        count = f"<t:NumberOfOccurrences>{recurrence.count}</t:NumberOfOccurrences>"
        return f"<t:NumberedRecurrence>{start}{count}</t:NumberedRecurrence>"
    return f"<t:NoEndRecurrence>{start}</t:NoEndRecurrence>"


def _with_offset(day: dt.date, zone: str) -> str:
    moment = dt.datetime.combine(day, dt.time(), tzinfo=zones.zone(zone))
    offset = moment.strftime("%z")
    return (
        f"{day.isoformat()}Z"
        if offset == "+0000"
        else f"{day.isoformat()}{offset[:3]}:{offset[3:]}"
    )
