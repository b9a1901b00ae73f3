"""Recurrence in JSON, read and written. Source: learn.microsoft.com/graph/api/resources/recurrencepattern and …/recurrencerange."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from apps.sandbox.graph.errors import bad
from apps.sandbox.recurrence import GROUPS, WEEK, Pattern, PatternKind, Recurrence, weekdays

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES: dict[str, PatternKind] = {
    "daily": "Daily",
    "weekly": "Weekly",
    "absolutemonthly": "AbsoluteMonthly",
    "relativemonthly": "RelativeMonthly",
    "absoluteyearly": "AbsoluteYearly",
    "relativeyearly": "RelativeYearly",
}
WRONG = "ErrorCalendarInvalidRecurrence"
_NO_DATE = "0001-01-01"


def read(value: Any) -> Recurrence:
    """Read a patternedRecurrence. Raises GraphError."""
    if not isinstance(value, dict):
        raise bad("The recurrence needs a pattern and a range.", WRONG)
    pattern, span = value.get("pattern"), value.get("range")
    if not isinstance(pattern, dict) or not isinstance(span, dict):
        raise bad("The recurrence needs a pattern and a range.", WRONG)
    end, count = _range(span)
    return Recurrence(
        pattern=_pattern(pattern), start=_date(span, "startDate"), end=end, count=count
    )


def _pattern(given: Mapping[str, Any]) -> Pattern:
    kind = TYPES.get(str(given.get("type", "")).lower())
    if kind is None:
        raise bad(f"There is no pattern of type {given.get('type')!r}.", WRONG)
    days = tuple(_day(one) for one in given.get("daysOfWeek") or ())
    if kind.startswith("Relative") and len(days) > 1:
        days = _group(days)
    return Pattern(
        kind=kind,
        interval=_number(given, "interval", 1),
        days=days,
        first_day=_day(given.get("firstDayOfWeek") or "sunday"),
        day=_number(given, "dayOfMonth", 1) or 1,
        order=str(given.get("index") or "first").capitalize(),
        month=_number(given, "month", 1) or 1,
    )


def _group(days: tuple[str, ...]) -> tuple[str, ...]:
    """Name several days of a relative pattern as EWS does; only days, weekdays and weekend days have a name."""
    meant = weekdays(days)
    name = next((name for name, group in GROUPS.items() if group == meant), None)
    if name is None:
        raise bad("A relative pattern takes one day, all days, weekdays or weekend days.", WRONG)
    return (name,)


def _range(given: Mapping[str, Any]) -> tuple[dt.date | None, int | None]:
    match str(given.get("type", "")).lower():
        case "enddate":
            return _date(given, "endDate"), None
        case "noend":
            return None, None
        case "numbered":
            return None, _number(given, "numberOfOccurrences", 0)
        case other:
            raise bad(f"There is no range of type {other!r}.", WRONG)


def _day(name: Any) -> str:
    found = str(name).capitalize()
    if found not in WEEK:
        raise bad(f"There is no day {name!r}.", WRONG)
    return found


def _number(given: Mapping[str, Any], name: str, default: int) -> int:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad(f"The property '{name}' is a number.", WRONG)
    return value


def _date(given: Mapping[str, Any], name: str) -> dt.date:
    try:
        return dt.date.fromisoformat(str(given.get(name)))
    except ValueError:
        raise bad(f"The property '{name}' is a date.", WRONG) from None


def written(recurrence: Recurrence, zone: str) -> dict[str, Any]:
    """Write a patternedRecurrence: all properties are there, those that do not count with their defaults."""
    pattern = recurrence.pattern
    named = pattern.kind in {"Weekly", "RelativeMonthly", "RelativeYearly"}
    by_day = pattern.kind in {"AbsoluteMonthly", "AbsoluteYearly"}
    kind = next(name for name, one in _NAMES.items() if one == pattern.kind)
    return {
        "pattern": {
            "type": kind,
            "interval": pattern.interval,
            "month": pattern.month if pattern.kind.endswith("Yearly") else 0,
            "dayOfMonth": pattern.day if by_day else 0,
            **({"daysOfWeek": _days(pattern)} if named else {}),
            "firstDayOfWeek": pattern.first_day.lower(),
            "index": pattern.order.lower(),
        },
        "range": _written_range(recurrence, zone),
    }


_NAMES = {name[0].lower() + name[1:]: name for name in map(str, TYPES.values())}


def _days(pattern: Pattern) -> list[str]:
    return [
        WEEK[day].lower() for day in sorted(weekdays(pattern.days), key=lambda day: (day + 1) % 7)
    ]


def _written_range(recurrence: Recurrence, zone: str) -> dict[str, Any]:
    kind = "noEnd"
    if recurrence.end is not None:
        kind = "endDate"
    elif recurrence.count is not None:
        kind = "numbered"
    return {
        "type": kind,
        "startDate": recurrence.start.isoformat(),
        "endDate": recurrence.end.isoformat() if recurrence.end else _NO_DATE,
        "recurrenceTimeZone": zone,
        "numberOfOccurrences": recurrence.count or 0,
    }
