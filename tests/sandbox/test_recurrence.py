"""The sandbox's own recurrence, against days counted by hand on a calendar."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.sandbox.recurrence import Pattern, Recurrence, dates, is_sound


def days(pattern: Pattern, start: str, count: int = 4, end: str | None = None) -> list[str]:
    rule = Recurrence(
        pattern=pattern,
        start=dt.date.fromisoformat(start),
        end=dt.date.fromisoformat(end) if end else None,
    )
    found = [dates(rule).at(index) for index in range(1, count + 1)]
    return [day.isoformat() for day in found if day]


CASES = {
    "daily": (Pattern(kind="Daily"), "2026-02-27", ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]),
    "every third day": (Pattern(kind="Daily", interval=3), "2026-12-29", ["2026-12-29", "2027-01-01", "2027-01-04", "2027-01-07"]),
    "weekly from another weekday": (
        Pattern(kind="Weekly", days=("Tuesday",)), "2026-11-25", ["2026-12-01", "2026-12-08", "2026-12-15", "2026-12-22"],
    ),
    "twice a week": (
        Pattern(kind="Weekly", days=("Thursday", "Monday")), "2026-11-25", ["2026-11-26", "2026-11-30", "2026-12-03", "2026-12-07"],
    ),
    # Sunday the 29th belongs to the week of Wednesday the 25th when weeks begin on Monday, and to the next otherwise.
    "fortnightly, weeks from Monday": (
        Pattern(kind="Weekly", interval=2, days=("Wednesday", "Sunday"), first_day="Monday"), "2026-11-25",
        ["2026-11-25", "2026-11-29", "2026-12-09", "2026-12-13"],
    ),
    "fortnightly, weeks from Sunday": (
        Pattern(kind="Weekly", interval=2, days=("Wednesday", "Sunday"), first_day="Sunday"), "2026-11-25",
        ["2026-11-25", "2026-12-06", "2026-12-09", "2026-12-20"],
    ),
    "working days": (
        Pattern(kind="Weekly", days=("Weekday",)), "2026-11-26", ["2026-11-26", "2026-11-27", "2026-11-30", "2026-12-01"],
    ),
    "the 31st, or the last day": (
        Pattern(kind="AbsoluteMonthly", day=31), "2027-01-31", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"],
    ),
    "the 31st in a leap year": (Pattern(kind="AbsoluteMonthly", day=31), "2028-02-01", ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
    "a day that is over this month": (
        Pattern(kind="AbsoluteMonthly", interval=2, day=10), "2026-11-25", ["2027-01-10", "2027-03-10", "2027-05-10", "2027-07-10"],
    ),
    "second Tuesday": (
        Pattern(kind="RelativeMonthly", days=("Tuesday",), order="Second"), "2026-11-01",
        ["2026-11-10", "2026-12-08", "2027-01-12", "2027-02-09"],
    ),
    "last Friday": (
        Pattern(kind="RelativeMonthly", days=("Friday",), order="Last"), "2026-11-01",
        ["2026-11-27", "2026-12-25", "2027-01-29", "2027-02-26"],
    ),
    "last working day": (
        Pattern(kind="RelativeMonthly", days=("Weekday",), order="Last"), "2026-10-01",
        ["2026-10-30", "2026-11-30", "2026-12-31", "2027-01-29"],
    ),
    "first weekend day": (
        Pattern(kind="RelativeMonthly", days=("WeekendDay",), order="First"), "2026-10-01",
        ["2026-10-03", "2026-11-01", "2026-12-05", "2027-01-02"],
    ),
    "last day": (
        Pattern(kind="RelativeMonthly", days=("Day",), order="Last"), "2027-01-01",
        ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"],
    ),
    "29 February": (
        Pattern(kind="AbsoluteYearly", day=29, month=2), "2027-01-01", ["2027-02-28", "2028-02-29", "2029-02-28", "2030-02-28"],
    ),
    "fourth Thursday of November": (
        Pattern(kind="RelativeYearly", days=("Thursday",), order="Fourth", month=11), "2026-11-27",
        ["2027-11-25", "2028-11-23", "2029-11-22", "2030-11-28"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "start", "expected"), CASES.values(), ids=CASES)
def test_a_pattern_falls_on_the_days_of_the_calendar(
    pattern: Pattern, start: str, expected: list[str]
) -> None:
    assert days(pattern, start) == expected


def test_a_range_ends_on_its_last_day_included() -> None:
    weekly = Pattern(kind="Weekly", days=("Wednesday",))

    assert days(weekly, "2026-11-25", end="2026-12-09") == [
        "2026-11-25",
        "2026-12-02",
        "2026-12-09",
    ]
    assert days(weekly, "2026-11-25", end="2026-12-08") == ["2026-11-25", "2026-12-02"]


def test_a_range_ends_after_its_number_of_times() -> None:
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2026, 11, 25), count=3)

    assert dates(rule).at(3) == dt.date(2026, 11, 27)
    assert dates(rule).at(4) is None


def test_numbers_in_a_window_count_from_the_first_of_the_series() -> None:
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2011, 1, 1))

    assert dates(rule).between(dt.date(2011, 1, 10), dt.date(2011, 1, 11)) == [
        (10, dt.date(2011, 1, 10)),
        (11, dt.date(2011, 1, 11)),
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        Pattern(kind="Daily", interval=0),
        Pattern(kind="Daily", interval=1000),
        Pattern(kind="Weekly", interval=100, days=("Monday",)),
        Pattern(kind="Weekly"),
        Pattern(kind="Weekly", days=("Someday",)),
        Pattern(kind="AbsoluteMonthly", day=32),
        Pattern(kind="AbsoluteYearly", month=13),
        Pattern(kind="RelativeMonthly", days=("Monday",), order="Fifth"),
    ],
)
def test_a_rule_that_exchange_has_not_is_unsound(pattern: Pattern) -> None:
    assert not is_sound(Recurrence(pattern=pattern, start=dt.date(2026, 11, 25)))
