"""An event's form: what it shows of an item, and what a person's entries mean. Entries stay text until they are right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from apps.sandbox import zones
from apps.sandbox.pages.times import at, days_of, local
from apps.sandbox.recurrence import GROUPS, WEEK, Pattern, PatternKind, Recurrence, weekdays
from apps.sandbox.store import Attendee, Item, Mailbox, Store

if TYPE_CHECKING:
    from collections.abc import Callable

Entries = Mapping[str, list[str]]
REPEATS = {
    "": "Does not repeat",
    "Daily": "Every day, or every few days",
    "Weekly": "On days of the week",
    "AbsoluteMonthly": "Monthly, on this day of the month",
    "RelativeMonthly": "Monthly, on a weekday",
    "AbsoluteYearly": "Yearly, on this day",
    "RelativeYearly": "Yearly, on a weekday",
}
SHOW_AS = {
    "Free": "Free",
    "Tentative": "Tentative",
    "Busy": "Busy",
    "OOF": "Out of office",
    "WorkingElsewhere": "Working elsewhere",
}
ENDS = {"never": "Never", "until": "On a day", "times": "After some times"}
WHICH_DAY = (*WEEK, *GROUPS)


@dataclass(slots=True)
class Reading:
    """What was read: fields for the store, and what is wrong, by entry."""

    fields: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


def entered(entries: Entries, name: str) -> str:
    """Give one entry, without the blanks around it."""
    return (entries.get(name) or [""])[0].strip()


def blank(day: dt.date) -> dict[str, list[str]]:
    """Fill an empty form for a day."""
    return {
        "date": [day.isoformat()],
        "from": ["09:00"],
        "to": ["10:00"],
        "show_as": ["Busy"],
        "every": ["1"],
        "days": [WEEK[day.weekday()]],
        "weekday": [WEEK[day.weekday()]],
        "ends": ["times"],
        "times": ["10"],
    }


def shown(item: Item, mailbox: Mailbox) -> dict[str, list[str]]:
    """Fill a form with what an item holds."""
    first, last = days_of(item, mailbox)
    start, end = local(item.start, mailbox), local(item.end, mailbox)
    entries = blank(first) | {
        "subject": [item.subject],
        "location": [item.location],
        "from": [f"{start:%H:%M}"],
        "to": [f"{end:%H:%M}"],
        "show_as": [item.show_as],
        "notes": [item.body],
        "all_day": ["on"] if item.all_day else [],
        "private": ["on"] if item.sensitivity != "Normal" else [],
        "invited": [one.address for one in item.attendees],
        "change_key": [item.change_key],
    }
    if item.all_day or end.date() != start.date():
        entries["last_day"] = [(last if item.all_day else end.date()).isoformat()]
    if item.recurrence is not None:
        entries |= _shown_rule(item.recurrence)
    return entries


def read(entries: Entries, mailbox: Mailbox, store: Store, before: Item | None) -> Reading:
    """Read what was entered. With `before`, only what differs from it is a field; an occurrence has no rule."""
    reading = Reading()
    fields = reading.fields
    fields["subject"] = entered(entries, "subject")
    if not fields["subject"]:
        reading.wrong["subject"] = "Give the event a subject."
    fields["location"] = entered(entries, "location")
    fields["body"] = (entries.get("notes") or [""])[0].replace("\r\n", "\n")
    fields["show_as"] = entered(entries, "show_as") or "Busy"
    fields["sensitivity"] = _sensitivity(bool(entries.get("private")), before)
    _read_times(entries, mailbox, reading)
    _read_attendees(entries, mailbox, store, before, fields)
    if before is None or not before.index:
        _read_rule(entries, mailbox, before, reading)
    if before is None:
        name = zones.windows_name(mailbox.time_zone)
        fields |= {"start_zone": name, "end_zone": name}
    elif not reading.wrong:
        reading.fields = {key: one for key, one in fields.items() if getattr(before, key) != one}
    return reading


def _sensitivity(private: bool, before: Item | None) -> str:  # noqa: FBT001 -- a tick
    if not private:
        return "Normal"
    kept = before is not None and before.sensitivity != "Normal"
    return before.sensitivity if before is not None and kept else "Private"


def _read_times(entries: Entries, mailbox: Mailbox, reading: Reading) -> None:
    day = _date(entries, "date", reading)
    last = _date(entries, "last_day", reading) if entered(entries, "last_day") else day
    all_day = bool(entries.get("all_day"))
    begin, end = dt.time(0), dt.time(0)
    if not all_day:
        begin = _time(entries, "from", reading) or begin
        end = _time(entries, "to", reading) or end
    if day is None or last is None or reading.wrong.keys() & {"from", "to"}:
        return
    if last < day:
        reading.wrong["last_day"] = "The last day is before the first."
        return
    until = last + dt.timedelta(days=1) if all_day else last
    reading.fields |= {
        "all_day": all_day,
        "start": at(day, begin, mailbox),
        "end": at(until, end, mailbox),
    }
    if reading.fields["end"] <= reading.fields["start"]:
        reading.wrong["to"] = "The end must be after the beginning. For a night, enter a last day."


def _read_attendees(
    entries: Entries, mailbox: Mailbox, store: Store, before: Item | None, fields: dict[str, Any]
) -> None:
    """Keep who was invited already with their answers; only people invite."""
    if mailbox.kind != "user" or (before is not None and before.was_received):
        return
    known = {one.address.lower(): one for one in (before.attendees if before else ())}
    chosen = []
    for address in entries.get("invited", []):
        found = store.find_mailbox(address)
        if address.lower() in known:
            chosen.append(known[address.lower()])
        elif found is not None:
            role = "Required" if found.kind == "user" else "Resource"
            chosen.append(Attendee(name=found.name, address=found.address, role=role))
    fields["attendees"] = tuple(sorted(chosen, key=lambda one: (one.role, one.name)))
    if before and {one.address for one in before.attendees} == {one.address for one in chosen}:
        fields["attendees"] = before.attendees


def _read_rule(entries: Entries, mailbox: Mailbox, before: Item | None, reading: Reading) -> None:
    kind = entered(entries, "repeats")
    day = _date(entries, "date", reading)
    if kind not in REPEATS or not kind or day is None:
        reading.fields["recurrence"] = None
        return
    if before is not None and _shows_the_same_rule(entries, mailbox, before):
        reading.fields["recurrence"] = before.recurrence
        return
    every = 1
    if not kind.endswith("Yearly"):
        every = _number(entries, "every", 999 if kind == "Daily" else 99, reading)
    pattern = _pattern(cast("PatternKind", kind), every, day, entries)
    if kind == "Weekly" and not pattern.days:
        reading.wrong["days"] = "Choose the days of the week."
    rule = Recurrence(pattern=pattern, start=day)
    match entered(entries, "ends"):
        case "until":
            rule = replace(rule, end=_date(entries, "until", reading))
        case "times":
            rule = replace(rule, count=_number(entries, "times", 999, reading))
        case _:
            pass
    reading.fields["recurrence"] = rule


def _shows_the_same_rule(entries: Entries, mailbox: Mailbox, before: Item) -> bool:
    """Tell whether the rule was left as the form showed it; rules can say more than a form does."""
    if before.recurrence is None:
        return False
    was = shown(before, mailbox)
    names = {"date", *_shown_rule(before.recurrence)}
    return all(entries.get(name, [""]) == was[name] for name in names)


def _pattern(kind: PatternKind, every: int, day: dt.date, entries: Entries) -> Pattern:
    match kind:
        case "Daily":
            return Pattern(kind=kind, interval=every)
        case "Weekly":
            chosen = {one for one in entries.get("days", []) if one in WEEK}
            days = tuple(one for one in WEEK if one in chosen)
            return Pattern(kind=kind, interval=every, days=days, first_day="Monday")
        case "AbsoluteMonthly":
            return Pattern(kind=kind, interval=every, day=day.day)
        case "AbsoluteYearly":
            return Pattern(kind=kind, day=day.day, month=day.month)
        case "RelativeMonthly" | "RelativeYearly":
            weekday = entered(entries, "weekday") or WEEK[day.weekday()]
            days = (weekday if weekday in WHICH_DAY else WEEK[day.weekday()],)
            order = entered(entries, "order") or "First"
            if kind == "RelativeMonthly":
                return Pattern(kind=kind, interval=every, days=days, order=order)
            return Pattern(kind=kind, days=days, order=order, month=day.month)


def _shown_rule(rule: Recurrence) -> dict[str, list[str]]:
    pattern = rule.pattern
    entries = {
        "repeats": [str(pattern.kind)],
        "every": [str(pattern.interval)],
        "order": [pattern.order],
        "ends": ["until" if rule.end else "times" if rule.count else "never"],
        "until": [rule.end.isoformat() if rule.end else ""],
        "times": [str(rule.count or 10)],
    }
    if pattern.kind == "Weekly":
        numbers = weekdays(pattern.days)
        entries["days"] = [name for number, name in enumerate(WEEK) if number in numbers]
    elif pattern.days:
        entries["weekday"] = [pattern.days[0]]
    return entries


def _read_as(
    entries: Entries, name: str, make: Callable[[str], Any], sorry: str, reading: Reading
) -> Any:
    text = entered(entries, name)
    try:
        return make(text)
    except ValueError:
        reading.wrong[name] = sorry if text else "This is needed."
        return None


def _date(entries: Entries, name: str, reading: Reading) -> dt.date | None:
    def make(text: str) -> dt.date:
        day = dt.date.fromisoformat(text)
        if not 1900 <= day.year < 2200:  # noqa: PLR2004 -- what a person means
            raise ValueError(text)
        return day

    sorry = "This is no day. Write it as year-month-day, like 2026-11-25."
    return cast("dt.date | None", _read_as(entries, name, make, sorry, reading))


def _time(entries: Entries, name: str, reading: Reading) -> dt.time | None:
    def make(text: str) -> dt.time:
        return dt.time.fromisoformat(text).replace(tzinfo=None, second=0, microsecond=0)

    sorry = "This is no time. Write it like 09:30."
    return cast("dt.time | None", _read_as(entries, name, make, sorry, reading))


def _number(entries: Entries, name: str, most: int, reading: Reading) -> int:
    def make(text: str) -> int:
        number = int(text)
        if not 1 <= number <= most:
            raise ValueError(text)
        return number

    found = _read_as(entries, name, make, f"Enter a number from 1 to {most}.", reading)
    return cast("int", found or 1)
