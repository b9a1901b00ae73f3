"""Ours against python-dateutil, wherever Microsoft's rules and RFC 5545 say the same."""

from __future__ import annotations

import datetime as dt

from dateutil.rrule import rrulestr
from dateutil.tz import gettz, resolve_imaginary
from hypothesis import given
from hypothesis import strategies as st

from apps.exchange.calendar import Window
from apps.exchange.recurrence import (
    Frequency,
    Nth,
    Pattern,
    Range,
    Recurrence,
    Series,
    Weekday,
    index_of,
    slots,
)

HOUR = dt.timedelta(hours=1)
ZONES = ["UTC", "Europe/London", "Australia/Sydney", "America/New_York", "Asia/Kolkata"]
FREQ = {
    Frequency.DAILY: "DAILY",
    Frequency.WEEKLY: "WEEKLY",
    Frequency.MONTHLY: "MONTHLY",
    Frequency.MONTHLY_RELATIVE: "MONTHLY",
    Frequency.YEARLY: "YEARLY",
    Frequency.YEARLY_RELATIVE: "YEARLY",
}
DAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
POSITION = dict(zip(Nth, (1, 2, 3, 4, -1), strict=True))

groups = st.sets(st.sampled_from(Weekday), min_size=1).map(lambda days: tuple(sorted(days)))
patterns = st.builds(
    Pattern,
    frequency=st.sampled_from(Frequency),
    interval=st.integers(1, 5),
    days=groups,
    first_day=st.sampled_from(Weekday),
    # Beyond the 28th the rules differ.
    day_of_month=st.integers(1, 28),
    month=st.integers(1, 12),
    nth=st.sampled_from(Nth),
)
starts = st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31))
ranges = st.builds(
    lambda starts_on, days, number: Range(
        starts_on, starts_on + dt.timedelta(days=days) if days is not None else None, number
    ),
    starts,
    st.none() | st.integers(0, 4000),
    st.none() | st.integers(1, 300),
)
windows = st.builds(
    lambda on, days: Window(
        dt.datetime.combine(on, dt.time(), dt.UTC),
        dt.datetime.combine(on + dt.timedelta(days=days), dt.time(), dt.UTC),
    ),
    starts,
    st.integers(1, 800),
)
wall_times = st.times(dt.time(0), dt.time(23, 59)).map(
    lambda at: at.replace(second=0, microsecond=0)
)


def rrule_text(pattern: Pattern, limits: Range) -> str:
    parts = [f"FREQ={FREQ[pattern.frequency]}", f"INTERVAL={pattern.interval}"]
    days = ",".join(DAY_NAMES[day] for day in pattern.days)
    match pattern.frequency:
        case Frequency.DAILY:
            pass
        case Frequency.WEEKLY:
            parts += [f"BYDAY={days}", f"WKST={DAY_NAMES[pattern.first_day]}"]
        case Frequency.MONTHLY:
            parts += [f"BYMONTHDAY={pattern.day_of_month}"]
        case Frequency.YEARLY:
            parts += [f"BYMONTH={pattern.month}", f"BYMONTHDAY={pattern.day_of_month}"]
        case Frequency.MONTHLY_RELATIVE:
            parts += [f"BYDAY={days}", f"BYSETPOS={POSITION[pattern.nth]}"]
        case Frequency.YEARLY_RELATIVE:
            parts += [
                f"BYMONTH={pattern.month}", f"BYDAY={days}", f"BYSETPOS={POSITION[pattern.nth]}",
            ]  # fmt: skip
    if limits.count is not None:
        parts.append(f"COUNT={limits.count}")
    elif limits.ends_on is not None:
        parts.append(f"UNTIL={limits.ends_on:%Y%m%d}T235959")
    return ";".join(parts)


def by_dateutil(
    pattern: Pattern, limits: Range, at: dt.time, zone: str, before: dt.datetime
) -> list[tuple[int, dt.datetime]]:
    """Number and instant of every occurrence from the first on."""
    rule = rrulestr(rrule_text(pattern, limits), dtstart=dt.datetime.combine(limits.starts_on, at))
    found = []
    for number, wall in enumerate(rule, start=1):
        if limits.ends_on is not None and wall.date() > limits.ends_on:
            # In a text the number stands alone: RFC 5545 knows no end with both.
            break
        instant = resolve_imaginary(wall.replace(tzinfo=gettz(zone))).astimezone(dt.UTC)
        if instant >= before:
            break
        found.append((number, instant))
    return found


@given(patterns, ranges, windows, wall_times, st.sampled_from(ZONES))
def test_ours_agree_with_dateutil(
    pattern: Pattern, limits: Range, window: Window, at: dt.time, zone: str
) -> None:
    series = Series(Recurrence(pattern, limits), at, HOUR, zone)

    ours = [(slot.index, slot.starts_at) for slot in slots(series, window)]

    # Ends are looked at where the expectations are written out by hand.
    theirs = by_dateutil(pattern, limits, at, zone, window.ends_at)
    overlap = {(n, start) for n, start in ours if start < window.starts_at}
    assert [slot for slot in ours if slot not in overlap] == [
        (number, start) for number, start in theirs if start >= window.starts_at
    ]
    assert overlap <= set(theirs)


@given(patterns, ranges, windows, st.integers(1, 700), st.sampled_from(ZONES))
def test_parts_of_a_window_hold_what_the_whole_holds(
    pattern: Pattern, limits: Range, window: Window, days: int, zone: str
) -> None:
    series = Series(Recurrence(pattern, limits), dt.time(9), HOUR, zone)
    middle = min(window.starts_at + dt.timedelta(days=days), window.ends_at)

    parts = [
        *slots(series, Window(window.starts_at, middle)),
        *slots(series, Window(middle, window.ends_at)),
    ]

    assert set(parts) == set(slots(series, window))


@given(patterns, ranges, windows, st.sampled_from(ZONES), st.booleans())
def test_each_occurrence_is_found_by_its_name(
    pattern: Pattern, limits: Range, window: Window, zone: str, is_all_day: bool
) -> None:
    day = dt.timedelta(days=1)
    series = Series(Recurrence(pattern, limits), dt.time(0), day, zone, is_all_day)

    for slot in slots(series, window):
        assert index_of(series, slot.original_start) == slot.index
